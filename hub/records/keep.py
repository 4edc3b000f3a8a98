"""Records as rows: made, shown, settled into moments."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from sqlalchemy import Connection, Select, insert, select, update
from sqlalchemy.exc import IntegrityError

from hub.query.filter import Filter
from hub.query.sql import whose_id
from hub.records.clips import taking_in
from hub.records.ids import moment_id
from hub.records.sounds import Sounds
from hub.stores import rows
from hub.stores.beside import clips, recorded, records
from hub.stores.store import Store, now_ms
from hub.stores.tables import devices, moments, notes
from moments import Moment, Place, uuid7

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class New:
    """What a person gave: words, sound (its hash, its media type, the name under which it arrived) or both."""

    device: str
    note: str | None = None
    start: datetime | None = None
    place: tuple[float, float] | None = None
    clip: str | None = None
    media_type: str = "application/octet-stream"
    arrived: str = ""
    repeat: bytes | None = None


def repeat_of(key: str, owner: str | None, device: str | None) -> bytes:
    """Give what is kept of an Idempotency-Key: a hash of it and of whose it is."""
    return hashlib.sha256("\0".join((owner or "", device or "", key)).encode()).digest()


def make(store: Store, sounds: Sounds, new: New) -> bytes:
    """Keep what was given, to be read; gives the record's key, an earlier one's when the call is a repeat."""
    key = rows.key(uuid7())
    values: dict[str, Any] = {
        "id": key,
        "device": new.device,
        "origin": "upload" if new.clip else "note",
        "state": "waiting",
        "progress": 0.0,
        "note": new.note,
        "lat": new.place[0] if new.place else None,
        "lon": new.place[1] if new.place else None,
        "clip": new.clip,
        "made_ms": now_ms(),
        "repeat": new.repeat,
    }
    if new.start is not None:
        values |= _when(new.start)
    size = sounds.size(new.arrived) if new.clip else 0
    taking = taking_in(store, sounds, new.arrived, new.clip) if new.clip else store.writing()
    try:
        with taking as connection:
            connection.execute(insert(records).values(values))
            if new.clip and not _has_clip(connection, new.clip, new.device):
                clip = {"sha256": new.clip, "device": new.device, "media_type": new.media_type, "bytes": size}
                connection.execute(insert(clips).values(clip | {"record": key, "made_ms": values["made_ms"]}))
    except IntegrityError:
        found = repeated(store, new.repeat)
        if found is None:
            raise
        return found
    return key


def _has_clip(connection: Connection, sha256: str, device: str) -> bool:
    asked = select(clips.c.sha256).where(clips.c.sha256 == sha256, clips.c.device == device)
    return connection.execute(asked).first() is not None


def repeated(store: Store, repeat: bytes | None) -> bytes | None:
    """Give the key of the record that was made with this Idempotency-Key."""
    with store.reading() as connection:
        found: bytes | None = connection.execute(select(records.c.id).where(records.c.repeat == repeat)).scalar()
    return found


def seen_by(seen: Filter) -> Select[Any]:
    """Select the records that `seen` means, with `owner` and, of the clip, `sha256`, `clip_seconds`, `media_type`."""
    r = records.c
    of = select(clips.c.sha256, clips.c.device, clips.c.seconds, clips.c.media_type).subquery()
    return (
        select(records, devices.c.owner, of.c.sha256, of.c.seconds.label("clip_seconds"), of.c.media_type)
        .select_from(
            records.outerjoin(devices, devices.c.id == r.device).outerjoin(
                of, (of.c.sha256 == r.clip) & (of.c.device == r.device)
            )
        )
        .where(*whose_id(seen, r.device))
    )


def start_of(row: Any) -> datetime | None:
    """Give when a record began, with its offset."""
    if row.start_ms is None:
        return None
    at = _EPOCH + timedelta(milliseconds=row.start_ms)
    return at.astimezone(timezone(timedelta(minutes=row.offset_min or 0)))


def _told(connection: Connection, keys: Sequence[bytes]) -> dict[bytes, list[Any]]:
    """Give each record's moments, the first first, with their notes."""
    m = moments.c
    asked = (
        select(recorded.c.record, m.id, notes.c.text.label("note"))
        .select_from(recorded.join(moments, m.id == recorded.c.moment).outerjoin(notes, notes.c.seq == m.seq))
        .where(recorded.c.record.in_(keys))
        .order_by(m.start_ms, m.seq)
    )
    found: dict[bytes, list[Any]] = {key: [] for key in keys}
    for row in connection.execute(asked):
        found[row.record].append(row)
    return found


def _shown(row: Any, told: Sequence[Any]) -> dict[str, Any]:
    start = start_of(row)
    clip = {"sha256": row.sha256, "seconds": row.clip_seconds, "media_type": row.media_type} if row.sha256 else None
    return {
        "id": str(uuid.UUID(bytes=row.id)),
        "owner": row.owner,
        "device": row.device,
        "origin": row.origin,
        "state": row.state,
        "progress": round(row.progress, 3),
        "error": row.error,
        "start": start.isoformat(timespec="milliseconds") if start else None,
        "seconds": row.seconds,
        "note": row.note or next((one.note for one in told if one.note), None),
        "place": {"lat": row.lat, "lon": row.lon} if row.lat is not None else None,
        "clip": clip,
        "moments": [str(uuid.UUID(bytes=one.id)) for one in told],
        "made": (_EPOCH + timedelta(milliseconds=row.made_ms)).isoformat(timespec="milliseconds"),
    }


def one(connection: Connection, key: bytes, seen: Filter) -> dict[str, Any] | None:
    """Give one record as the API shows it, or None when it is not there or `seen` does not mean it."""
    row = connection.execute(seen_by(seen).where(records.c.id == key)).first()
    return _shown(row, _told(connection, [key])[key]) if row else None


def page(
    connection: Connection, seen: Filter, before: int | None, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """Give records, the newest first, made before the one with number `before`; and that number for the next page."""
    asked = seen_by(seen).order_by(records.c.n.desc()).limit(limit + 1)
    found = connection.execute(asked if before is None else asked.where(records.c.n < before)).all()
    more, found = len(found) > limit, found[:limit]
    told = _told(connection, [row.id for row in found])
    return [_shown(row, told[row.id]) for row in found], found[-1].n if more else None


def _when(start: datetime) -> dict[str, int]:
    offset = start.utcoffset() or timedelta()
    return {"start_ms": rows.ms(start), "offset_min": offset // timedelta(minutes=1)}


def place_of(row: Any) -> Place | None:
    """Give where a record was made."""
    return Place(lat=row.lat, lon=row.lon) if row.lat is not None else None


def _of_words(row: Any) -> Moment:
    """Make the moment that carries a note where no sound does."""
    return Moment(
        id=moment_id(row.id, 2**32 - 1),
        device=row.device,
        start=start_of(row) or (_EPOCH + timedelta(milliseconds=row.made_ms)).astimezone(),
        seconds=0,
        clock="synced",
        origin="note",
        basis="none",
        emotion=None,
        confidence=None,
        emotions=None,
        valence=None,
        arousal=None,
        place=place_of(row),
        record=str(uuid.UUID(bytes=row.id)),
    )


def settle(store: Store, key: bytes, made: Sequence[Moment], error: str | None = None) -> bool:
    """End the reading of a record: its moments are stored, its words stand beside the first of them.

    Doing it again changes nothing. False: the record was erased meanwhile, and nothing is kept.
    """
    with store.reading() as connection:
        row = connection.execute(select(records).where(records.c.id == key)).first()
    if row is None:
        return False
    made = list(made) or ([_of_words(row)] if row.note else [])
    store.take(made)
    if row.note:
        store.write_note(made[0].id, row.note)
    changed: dict[str, Any] = {"state": "failed" if error else "done", "progress": 1.0, "error": error, "note": None}
    if made and row.start_ms is None:
        changed |= _when(made[0].start)
    with store.writing() as connection:
        connection.execute(update(records).where(records.c.id == key).values(changed))
    return True
