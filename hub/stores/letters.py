"""Dead letters: messages that could not be taken as what their topic says, kept with the reason."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from hub.stores.dialect import upsert
from hub.stores.tables import letters


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that could not be taken, and why."""

    topic: str
    reason: str
    payload: bytes


def now_ms() -> int:
    """Give the Unix time in ms."""
    return time.time_ns() // 1_000_000


def put(connection: Connection, dead: Sequence[Letter]) -> None:
    """Keep letters; the same one once."""
    for letter in dead:
        digest = hashlib.sha256(letter.topic.encode() + b"\0" + letter.payload).digest()
        values = {"at_ms": now_ms(), "topic": letter.topic, "reason": letter.reason, "payload": letter.payload}
        connection.execute(upsert(connection, letters).values(values | {"digest": digest}).on_conflict_do_nothing())
