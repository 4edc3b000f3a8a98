"""What came of a device and stands beside the moments: records not read, sound that nothing claims, dead letters."""

import json
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, or_, select

from hub.ingest.judge import readable_id
from hub.records.clips import key_of
from hub.spans import Span
from hub.stores.beside import clips, drop_clips, recorded, records, refuse
from hub.stores.dialect import stretches
from hub.stores.rows import ms
from hub.stores.store import Store
from hub.stores.tables import clip_moments, devices, letters, moments
from hub.stores.unfinished import leave_bytes
from moments.topics import KINDS, topic

_Told = tuple[int, int | None]
"""The Unix time in ms that something tells, and the wearer's offset from UTC in minutes there, if it tells that."""

Meant = Callable[[_Told | None, int], bool]
"""Tells whether something is meant by what it tells of its time, None for nothing, and the Unix time when it came."""


def came_until(span: Span, asked_ms: int) -> Meant:
    """Mean what is of a span and came until a Unix time in ms; what tells no time is of the time when it came."""
    return lambda told, came_ms: came_ms <= asked_ms and span.holds(*(told or (came_ms, None)))


def began_before(span: Span, told_ms: int) -> Meant:
    """Mean what is of a span and of before a Unix time in ms; what tells no time is meant when it came since then."""

    def meant(told: _Told | None, came_ms: int) -> bool:
        at_ms, offset_min = told or (came_ms, None)
        return (at_ms < told_ms and span.holds(at_ms, offset_min)) or (told is None and came_ms >= told_ms)

    return meant


def drop(store: Store, device: str, meant: Meant, drop_record: Callable[[bytes], None]) -> None:
    """Erase what is meant of a device, with `drop_record` its records. Sounds and files are left for later."""
    for key in _unread(store, device, meant):
        drop_record(key)
    _drop_unclaimed(store, device, meant)
    _drop_letters(store, device, meant)


def _unread(store: Store, device: str, meant: Meant) -> list[bytes]:
    """Give a device's records that no moment stands for: not read yet, or failed."""
    r = records.c
    asked = select(r.id, r.start_ms, r.offset_min, r.made_ms).where(
        r.device == device, ~select(recorded.c.moment).where(recorded.c.record == r.id).exists()
    )
    with store.reading() as connection:
        found = connection.execute(asked).all()
    told = [(row.made_ms, None) if row.start_ms is None else (row.start_ms, row.offset_min) for row in found]
    return [row.id for row, at in zip(found, told, strict=True) if meant(at, row.made_ms)]


def _drop_unclaimed(store: Store, device: str, meant: Meant) -> None:
    """Erase a device's sound that came before the moment or the record that it belongs to."""
    of_moment = and_(clip_moments.c.sha256 == clips.c.sha256, clip_moments.c.device == clips.c.device)
    of_record = or_(records.c.id == clips.c.record, and_(records.c.clip == clips.c.sha256, records.c.device == device))
    asked = (
        select(clips.c.sha256, clips.c.record, clips.c.made_ms, clip_moments.c.moment)
        .select_from(clips.outerjoin(clip_moments, of_moment))
        .where(
            clips.c.device == device,
            ~select(records.c.n).where(of_record).exists(),
            ~select(moments.c.seq).where(moments.c.id == clip_moments.c.moment).exists(),
        )
    )
    with store.reading() as connection:
        found = [row for row in connection.execute(asked) if meant(_made(row.record or row.moment), row.made_ms)]
        claimed = _named_by_moments(connection, device, [row.sha256 for row in found])
    found = [row for row in found if row.sha256 not in claimed]
    with store.writing() as connection:
        refuse(connection, [row.record for row in found if row.record is not None])
        drop_clips(connection, {(row.sha256, device) for row in found})


def _named_by_moments(connection: Connection, device: str, hashes: Sequence[str]) -> set[str]:
    """Say which of these clips moments of a device name."""
    named = select(moments.c.clip).join(devices, devices.c.n == moments.c.device).where(devices.c.id == device)
    found: set[str] = set()
    for some in stretches(hashes):
        found.update(connection.execute(named.where(moments.c.clip.in_(some))).scalars())
    return found


def _drop_letters(store: Store, device: str, meant: Meant) -> None:
    """Erase a device's dead letters."""
    theirs = letters.c.topic.in_([topic(device, kind) for kind in KINDS])
    asked = select(letters.c.n, letters.c.at_ms, letters.c.payload).where(theirs)
    with store.reading() as connection:
        found = [row.n for row in connection.execute(asked) if meant(_told(row.payload), row.at_ms)]
    for some in stretches(found):
        with store.writing() as connection:
            connection.execute(delete(letters).where(letters.c.n.in_(some)))
            leave_bytes(connection)


def _made(key: bytes | None) -> _Told | None:
    """Give the time that an id tells; None where it is no UUIDv7."""
    made = None if key is None else uuid.UUID(bytes=key)
    return (made.int >> 80, None) if made is not None and made.version == 7 else None


def _told(payload: bytes) -> _Told | None:
    """Give a message's `start`, or else the time that its id tells; None where it has neither."""
    with suppress(ValueError, TypeError, KeyError, RecursionError):  # it may be anything
        start = datetime.fromisoformat(json.loads(payload)["start"])
        if (offset := start.utcoffset()) is not None:
            return ms(start), offset // timedelta(minutes=1)
    try:
        return _made(key_of(readable_id(payload)))
    except ValueError:
        return None
