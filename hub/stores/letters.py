"""Dead letters: messages that could not be taken as what their topic says, kept with the reason."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, select

from hub.stores.dialect import upsert
from hub.stores.tables import letters
from moments.topics import ROOT


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


def forget(connection: Connection, device: str, begin_ms: int | None, end_ms: int | None) -> int:
    """Erase what came from a device in a span of time; an end that is None is open. Gives how many."""
    found: list[ColumnElement[bool]] = [letters.c.topic.like(f"{ROOT}/{device.replace('_', '!_')}/%", escape="!")]
    found += [letters.c.at_ms >= begin_ms] if begin_ms is not None else []
    found += [letters.c.at_ms < end_ms] if end_ms is not None else []
    return connection.execute(delete(letters).where(*found)).rowcount


def lines(connection: Connection) -> Iterator[bytes]:
    """Give all of them, the oldest first, one JSON object a line; the payload as text and, where it is none, base64."""
    for row in connection.execute(select(letters).order_by(letters.c.n)):
        said = {"n": row.n, "at_ms": row.at_ms, "topic": row.topic, "reason": row.reason}
        try:
            said["payload"] = bytes(row.payload).decode()
        except UnicodeDecodeError:
            said["payload_base64"] = base64.b64encode(row.payload).decode()
        yield json.dumps(said, ensure_ascii=False).encode() + b"\n"
