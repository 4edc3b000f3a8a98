"""Clips as rows: whose sound it is, of which record or moment, how long."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, insert, select

from hub.query.filter import Filter
from hub.query.sql import whose_id
from hub.records.sounds import Sounds, clip_name
from hub.stores import rows
from hub.stores.beside import clips, records
from hub.stores.dialect import stretches, upsert
from hub.stores.store import Store, now_ms
from hub.stores.tables import clip_moments, devices, erased, moments
from hub.stores.unfinished import leave_sounds, loose_sounds

LARGEST: Final = 64 * 1_048_576
"""Bytes of a clip that a device sends."""

MOST_UNNAMED: Final = 256 * 1_048_576
"""Bytes of a device's clips that none of its moments names, hours of sound: nobody is shown them."""

UNNAMED_DAYS: Final = 400
"""Longer than a moment waits in a device's outbox (365 days as shipped), for its clip may be here before it."""

_ROW: Final = 4096
"""What the smallest clip takes of the disk, in bytes."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a device says of a clip that it sends; `moment`: the first that it is of, where it belongs to no record."""

    sha256: str
    device: str
    record: bytes | None
    seconds: float | None
    media_type: str
    moment: bytes | None = None


class Unwanted(Exception):  # noqa: N818
    """The record or the moment of a clip was erased."""


def find(connection: Connection, sha256: str, seen: Filter) -> Any | None:
    """Give the row of a clip that `seen` means, None without any."""
    asked = select(clips).where(clips.c.sha256 == sha256, *whose_id(seen, clips.c.device)).limit(1)
    return connection.execute(asked).first()


def is_erased(connection: Connection, *keys: bytes | None) -> bool:
    """Tell whether one of these records and moments was erased, so that its sound is not wanted any more."""
    named = [key for key in keys if key is not None]
    return connection.execute(select(erased.c.id).where(erased.c.id.in_(named))).first() is not None


def device_of(connection: Connection, record: bytes | None, seen: Filter) -> str | None:
    """Say whose a clip is by the record that it belongs to, None when that is not known here."""
    if record is None:
        return None
    asked = select(records.c.device).where(records.c.id == record, *whose_id(seen, records.c.device))
    found: str | None = connection.execute(asked).scalar()
    return found


def _is_here(connection: Connection, sent: Sent) -> bool:
    this = (clips.c.sha256 == sent.sha256) & (clips.c.device == sent.device)
    return connection.execute(select(clips.c.bytes).where(this)).first() is not None


def is_here(store: Store, sent: Sent) -> bool:
    """Tell whether the device has sent this clip before, all of it."""
    with store.reading() as connection:
        return _is_here(connection, sent)


def is_named(store: Store, sent: Sent) -> bool:
    """Tell whether a moment or a record of the device names this clip, so that it is shown."""
    with store.reading() as connection:
        return sent.sha256 in _named(connection, sent.device, [sent.sha256])


def unnamed_bytes(store: Store, sounds: Sounds, device: str) -> int:
    """Give how much of the disk a device takes with clips that nothing names, and with what has come of others."""
    with store.reading() as connection:
        whole: int = sum(row.bytes + _ROW for row in _unnamed(connection, clips.c.device == device))
    parts = sounds.arriving("").glob(clip_name("*", device))
    return whole + sum(sounds.size(path.name) + _ROW for path in parts)


def drop_unnamed(store: Store, made_before_ms: int) -> None:
    """Erase the clips that came before a Unix time in ms and that nothing names; their sounds are left to be erased."""
    old = clips.c.made_ms < made_before_ms
    with store.reading() as connection:
        if not _unnamed(connection, old):
            return
    with store.writing() as connection:
        for row in _unnamed(connection, old):
            for table in (clips, clip_moments):
                this = and_(table.c.sha256 == row.sha256, table.c.device == row.device)
                connection.execute(delete(table).where(this))
            leave_sounds(connection, [row.sha256])


def _unnamed(connection: Connection, found: Any) -> list[Any]:
    """Give the clips for which `found` holds and that nothing of their device names."""
    asked = select(clips.c.sha256, clips.c.device, clips.c.bytes).where(found)
    of: dict[str, list[Any]] = {}
    for row in connection.execute(asked):
        of.setdefault(row.device, []).append(row)
    named = {device: _named(connection, device, [row.sha256 for row in theirs]) for device, theirs in of.items()}
    return [row for device, theirs in of.items() for row in theirs if row.sha256 not in named[device]]


def _named(connection: Connection, device: str, hashes: Sequence[str]) -> set[str]:
    """Say which clips moments or records of a device name."""
    of_moments = select(moments.c.clip).join(devices, devices.c.n == moments.c.device).where(devices.c.id == device)
    of_records = select(records.c.clip).where(records.c.device == device)
    found: set[str] = set()
    for some in stretches(hashes):
        found.update(connection.execute(of_moments.where(moments.c.clip.in_(some))).scalars())
        found.update(connection.execute(of_records.where(records.c.clip.in_(some))).scalars())
    return found


@contextmanager
def taking_in(store: Store, sounds: Sounds, name: str, sha256: str) -> Iterator[Connection]:
    """Give the transaction that is to name a sound; at its end what arrived under `name` goes where sounds stand.

    Nobody who erases sounds without a clip comes between. What a commit that fails leaves there is erased later.
    """
    sounds.make_durable(name)
    with store.writing() as connection:
        leave_sounds(connection, [sha256])
    with store.writing() as connection:
        yield connection
        sounds.complete(name, sha256)
        connection.execute(delete(loose_sounds).where(loose_sounds.c.sha256 == sha256))


def keep(store: Store, sounds: Sounds, sent: Sent, name: str) -> None:
    """Keep a clip that arrived whole under a name; a second time changes nothing. Raises Unwanted."""
    values = {column: getattr(sent, column) for column in ("sha256", "device", "record", "seconds", "media_type")}
    size = sounds.size(name)
    with taking_in(store, sounds, name, sent.sha256) as connection:
        if is_erased(connection, sent.record, sent.moment):
            raise Unwanted
        if not _is_here(connection, sent):
            connection.execute(insert(clips).values(bytes=size, made_ms=now_ms(), **values))
            if sent.record is None and sent.moment is not None:
                of = {"sha256": sent.sha256, "device": sent.device, "moment": sent.moment}
                put = upsert(connection, clip_moments).values(of)  # an import may have brought one without its clip
                connection.execute(put.on_conflict_do_update(index_elements=["sha256", "device"], set_=of))


def key_of(text: str | None) -> bytes | None:
    """Read the id of a record or a moment. Raises ValueError."""
    return rows.key(str(uuid.UUID(text))) if text else None
