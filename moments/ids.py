"""Identifiers that sort by the time of their making (UUIDv7, RFC 9562)."""

import secrets
import time
import uuid


def uuid7(at_ms: int | None = None) -> str:
    """Make a UUIDv7 from a Unix time in milliseconds (now by default) and 74 random bits."""
    stamp = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    value = (stamp & (2**48 - 1)) << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=value))
