"""The ids of the moments that come of a record."""

import hashlib
import uuid


def moment_id(record: bytes, number: int) -> str:
    """Name a record's moment, the same whenever the record is read: a UUIDv7 of the record's time."""
    drawn = int.from_bytes(hashlib.sha256(record + number.to_bytes(4, "big")).digest()[:10], "big")
    stamp = int.from_bytes(record[:6], "big")
    value = stamp << 80 | 7 << 76 | (drawn >> 68 & 0xFFF) << 64 | 2 << 62 | (drawn & (2**62 - 1))
    return str(uuid.UUID(int=value))
