"""Dead letters: messages that could not be taken as what their topic says, kept with the reason.

They are bounded topic by topic, that is by device and kind, so that one device's never push out another's.
"""

import base64
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from hub.stores.dialect import upsert
from hub.stores.tables import counters, letters

MOST: Final = 10_000
MOST_BYTES: Final = 32 * 1_048_576
"""Of one topic; the oldest go first."""

HOLD_DAYS: Final = 180

_DAY_MS: Final = 86_400_000
_LEFT: Final = 0.9
"""What is left of the bounds where they were passed, so that room is not made letter by letter."""

_UNCHECKED: Final = 100
"""So many letters may come before the bounds are looked at again, which takes a look at all of them."""

_DROPPED: Final = counters.c.name == "letters_dropped"


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that could not be taken, and why."""

    topic: str
    reason: str
    payload: bytes


def now_ms() -> int:
    """Give the Unix time in ms."""
    return time.time_ns() // 1_000_000


def put(connection: Connection, dead: Sequence[Letter]) -> int:
    """Keep letters, the same one once, and make room for them; gives how many were dropped."""
    before = _last(connection) if dead else 0
    for letter in dead:
        digest = hashlib.sha256(letter.topic.encode() + b"\0" + letter.payload).digest()
        values = {"at_ms": now_ms(), "topic": letter.topic, "reason": letter.reason, "payload": letter.payload}
        connection.execute(upsert(connection, letters).values(values | {"digest": digest}).on_conflict_do_nothing())
    if dead and before // _UNCHECKED != _last(connection) // _UNCHECKED:
        return _counted(connection, _make_room(connection))
    return 0


def drop_old(connection: Connection, at_ms: int) -> int:
    """Drop those that have been here longer than `HOLD_DAYS` at a Unix time in ms; gives how many."""
    old = delete(letters).where(letters.c.at_ms < at_ms - HOLD_DAYS * _DAY_MS)
    return _counted(connection, connection.execute(old).rowcount)


def dropped(connection: Connection) -> int:
    """Give how many were dropped since the store was made."""
    return connection.execute(select(counters.c.value).where(_DROPPED)).scalar() or 0


def _last(connection: Connection) -> int:
    return connection.execute(select(func.max(letters.c.n))).scalar() or 0


def _make_room(connection: Connection) -> int:
    many, size = func.count(), func.sum(func.length(letters.c.payload))
    full = select(letters.c.topic).group_by(letters.c.topic).having(or_(many > MOST, size > MOST_BYTES))
    gone = 0
    for topic in connection.execute(full).scalars().all():
        of_topic = letters.c.topic == topic
        asked = select(letters.c.n, func.length(letters.c.payload)).where(of_topic).order_by(letters.c.n.desc())
        kept = room = 0
        for n, length in connection.execute(asked).all():
            kept, room = kept + 1, room + length
            if kept > MOST * _LEFT or room > MOST_BYTES * _LEFT:
                gone += connection.execute(delete(letters).where(of_topic, letters.c.n <= n)).rowcount
                break
    return gone


def _counted(connection: Connection, gone: int) -> int:
    grown = update(counters).where(_DROPPED).values(value=counters.c.value + gone)
    if gone and not connection.execute(grown).rowcount:
        connection.execute(insert(counters).values(name="letters_dropped", value=gone))
    return gone


def lines(connection: Connection) -> Iterator[bytes]:
    """Give all of them, the oldest first, one JSON object a line; the payload as text and, where it is none, base64."""
    for row in connection.execute(select(letters).order_by(letters.c.n)):
        said = {"n": row.n, "at_ms": row.at_ms, "topic": row.topic, "reason": row.reason}
        try:
            said["payload"] = bytes(row.payload).decode()
        except UnicodeDecodeError:
            said["payload_base64"] = base64.b64encode(row.payload).decode()
        yield json.dumps(said, ensure_ascii=False).encode() + b"\n"
