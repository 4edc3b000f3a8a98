"""Enrolment codes that were given out: for which device, until when. Of the secret only its hash is kept."""

import hashlib
from typing import Final

from sqlalchemy import Column, Connection, LargeBinary, Table, Text, delete, insert

from hub.stores.tables import METADATA
from hub.stores.types import Number

enrolments: Final = Table(
    "enrolments",
    METADATA,
    Column("digest", LargeBinary(32), primary_key=True, comment="SHA-256 of 128 random bits"),
    Column("device", Text, nullable=False),
    Column("until_ms", Number, nullable=False, comment="Unix time in ms after which it lets nobody in"),
)


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()


def offer(connection: Connection, device: str, secret: bytes, until_ms: int) -> None:
    """Keep a code, in the place of the device's earlier ones."""
    withdraw(connection, device)
    connection.execute(insert(enrolments).values(digest=_digest(secret), device=device, until_ms=until_ms))


def take(connection: Connection, secret: bytes, at_ms: int) -> tuple[str, int] | None:
    """Use a code up: gives its device and its end, None for one that is not known, was used, or has ended."""
    connection.execute(delete(enrolments).where(enrolments.c.until_ms < at_ms))
    used = delete(enrolments).where(enrolments.c.digest == _digest(secret))
    row = connection.execute(used.returning(enrolments.c.device, enrolments.c.until_ms)).first()
    return (row.device, row.until_ms) if row else None


def withdraw(connection: Connection, device: str) -> bool:
    """End a device's codes; False when there is none."""
    return connection.execute(delete(enrolments).where(enrolments.c.device == device)).rowcount > 0
