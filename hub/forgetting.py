"""Forgetting, completely: moments and their words, records that are left without any, sound, and devices' copies."""

import json
import logging
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, delete, func, or_, select

from hub.explore.place_days import PlaceDays
from hub.ingest.judge import readable_id
from hub.query.filter import Bound, Filter
from hub.query.sql import condition, whose_id
from hub.records.clips import key_of
from hub.records.sounds import Sounds
from hub.stores.beside import clips, drop_clips, end_records, recorded, records, refuse
from hub.stores.dialect import stretches
from hub.stores.rows import ms
from hub.stores.store import Store
from hub.stores.tables import clip_moments, devices, letters, moments
from hub.stores.unfinished import leave_bytes, leave_sounds, loose_sounds, stale_days
from hub.telling import Telling, nobody_to_tell
from moments.topics import KINDS, topic

_log = logging.getLogger(__name__)

_TOLD_SINGLY: Final = 1000
"""Up to so many erased moments a device is told of each; of more, only of those that have sound of their own there."""

_PARTS_S: Final = 2 * 86_400

_EVER: Final = 2**62
"""A Unix time in ms that is later than any; its negative is earlier than any."""

_Meant = Callable[[int | None, int], bool]
"""Tells whether something is meant by the Unix time in ms that it tells, None for none, and that of its arrival."""


class Forgetting:
    """Erases in the store and among the sounds, and has devices do the same."""

    def __init__(self, store: Store, sounds: Sounds, telling: Telling, place_days: PlaceDays) -> None:
        self._store = store
        self._place_days = place_days
        self._sounds = sounds
        self._telling = telling

    def matching(self, filter_: Filter) -> int:
        """Erase what a filter means; gives how many moments.

        Where it names nothing but a time, devices or an owner, devices also erase what they have not sent yet.
        """
        known = filter_ == Filter(**{name: getattr(filter_, name) for name in _DEVICES_KNOW})
        spans = self._spans(filter_) if known else {}
        alone = Filter(owner=filter_.owner, only_owner=filter_.only_owner)
        own = filter_.only_owner in {None, filter_.owner}  # a token may name an owner whose it is not
        owner = filter_.owner if filter_ == alone and own else None
        gone = self._erase(condition(filter_), spans)
        for device, span in spans.items():
            self._drop_beside(device, *_ends_ms(span))
            self._sounds.drop_parts(device)
        if owner is not None:
            self._store.forget_owner(owner)
            for device in spans:
                self._telling.settings_changed(device=device)
        self.finish()
        return gone

    def where(self, found: Sequence[Any]) -> int:
        """Erase the moments for which all of `found` holds; gives how many."""
        gone = self._erase(found, {})
        self.finish()
        return gone

    def erase_late(self, device: str, span: dict[str, str], told_ms: int) -> int:
        """Erase what a device sent of a span before it heard that it was to erase it; gives how many moments.

        It was told so at a Unix time in ms. What began after that was not meant, however long it was away; what tells
        no time is meant when it came since then.
        """
        begin_ms, end_ms = _ends_ms(span)
        end_ms = min(end_ms, told_ms)
        if begin_ms >= end_ms:
            return 0
        m = moments.c
        of_device = m.device.in_(select(devices.c.n).where(devices.c.id == device))
        gone = self._erase([of_device, m.start_ms >= begin_ms, m.start_ms < end_ms], {})
        self._drop_beside(device, begin_ms, end_ms, told_ms)
        self.finish()
        return gone

    def record(self, key: bytes) -> None:
        """Erase a record: its moments, its words, its sound."""
        self._drop_record(key)
        self.finish()

    def old_clips(self, made_before_ms: int, of_devices: Any) -> int:
        """Erase the sound of clips that came before a time, of the devices for which `of_devices` holds."""
        old = and_(clips.c.made_ms < made_before_ms, of_devices)
        theirs = and_(clips.c.sha256 == clip_moments.c.sha256, clips.c.device == clip_moments.c.device)
        with self._store.writing() as connection:
            connection.execute(delete(clip_moments).where(select(clips.c.sha256).where(theirs, old).exists()))
            found = connection.execute(delete(clips).where(old).returning(clips.c.sha256)).scalars().all()
            leave_sounds(connection, found)
        self.finish()
        return len(found)

    def finish(self) -> None:
        """Do what is left of all that was erased, also before this process began. Raises DatabaseError."""
        with self._store.reading() as connection:
            days = connection.execute(select(stale_days).order_by(stale_days.c.n)).all()
            loose = connection.execute(select(loose_sounds.c.sha256)).scalars().all()
        if days:
            self._place_days.again((row.device, row.day) for row in days)
            with self._store.writing() as connection:
                connection.execute(delete(stale_days).where(stale_days.c.n <= days[-1].n))
                leave_bytes(connection)
        for sha256 in loose:
            self._drop_loose(sha256)
        self._store.scrub_left()

    def old_parts(self, at_ms: int) -> None:
        """Erase the parts of sounds that stopped arriving two days before a Unix time in ms."""
        self._sounds.drop_old(at_ms / 1000 - _PARTS_S)

    def _erase(self, found: Sequence[Any], spans: dict[str, dict[str, str]]) -> int:
        """Erase moments, and have devices erase them and these spans; gives how many.

        The orders are kept first: once the moments are gone, nothing tells what they would be.
        """
        with self._store.reading() as connection:
            ids = _told_singly(connection, found)
        for device, some in ids.items():
            self._telling.erase_ids(device, some)
        now = datetime.now(UTC)
        for device, span in spans.items():
            self._telling.erase(device, _up_to(span, now))
        return self._store.erase(found)

    def _drop_loose(self, sha256: str) -> None:
        """Erase a sound unless a clip names it; where the disk refuses, the next `finish` tries again."""
        try:
            with self._store.writing() as connection:
                if connection.execute(select(clips.c.device).where(clips.c.sha256 == sha256)).first() is None:
                    self._sounds.forget(sha256)
                connection.execute(delete(loose_sounds).where(loose_sounds.c.sha256 == sha256))
        except OSError as error:
            _log.error("a sound cannot be erased yet; trying again within the hour", extra={"reason": error.strerror})

    def _spans(self, filter_: Filter) -> dict[str, dict[str, str]]:
        """Give the devices that a filter means, and the time for each: where it was last tells which day is meant."""
        asked = select(devices.c.id).where(*whose_id(filter_, devices.c.id))
        with self._store.reading() as connection:
            found = list(connection.execute(asked).scalars())
            return {device: _span(connection, filter_, device) for device in found}

    def _drop_beside(self, device: str, begin_ms: int, end_ms: int, since_ms: int = _EVER) -> None:
        """Erase what a device has here of a time beside moments; what tells no time is of the time when it came.

        Of that, also what came since `since_ms` goes.
        """

        def meant(told_ms: int | None, came_ms: int) -> bool:
            at = came_ms if told_ms is None else told_ms
            return begin_ms <= at < end_ms or (told_ms is None and came_ms >= since_ms)

        self._drop_unread(device, begin_ms, end_ms)
        self._drop_unclaimed(device, meant)
        self._drop_letters(device, meant)

    def _drop_unread(self, device: str, begin_ms: int, end_ms: int) -> None:
        """Erase a device's records of a time that no moment stands for: not read yet, or failed."""
        at = func.coalesce(records.c.start_ms, records.c.made_ms)
        asked = select(records.c.id).where(
            records.c.device == device,
            ~select(recorded.c.moment).where(recorded.c.record == records.c.id).exists(),
            at >= begin_ms,
            at < end_ms,
        )
        with self._store.reading() as connection:
            keys = list(connection.execute(asked).scalars())
        for key in keys:
            self._drop_record(key)

    def _drop_record(self, key: bytes) -> None:
        self._erase([moments.c.id.in_(select(recorded.c.moment).where(recorded.c.record == key))], {})
        with self._store.writing() as connection:
            end_records(connection, [key])
            leave_bytes(connection)

    def _drop_unclaimed(self, device: str, meant: _Meant) -> None:
        """Erase a device's sound that came before the moment or the record that it belongs to."""
        of_moment = and_(clip_moments.c.sha256 == clips.c.sha256, clip_moments.c.device == clips.c.device)
        of_record = or_(
            records.c.id == clips.c.record, and_(records.c.clip == clips.c.sha256, records.c.device == device)
        )
        asked = (
            select(clips.c.sha256, clips.c.record, clips.c.made_ms, clip_moments.c.moment)
            .select_from(clips.outerjoin(clip_moments, of_moment))
            .where(
                clips.c.device == device,
                ~select(records.c.n).where(of_record).exists(),
                ~select(moments.c.seq).where(moments.c.id == clip_moments.c.moment).exists(),
            )
        )
        with self._store.reading() as connection:
            found = [row for row in connection.execute(asked) if meant(_made_ms(row.record or row.moment), row.made_ms)]
            claimed = _named_by_moments(connection, device, [row.sha256 for row in found])
        found = [row for row in found if row.sha256 not in claimed]
        with self._store.writing() as connection:
            refuse(connection, [row.record for row in found if row.record is not None])
            drop_clips(connection, {(row.sha256, device) for row in found})

    def _drop_letters(self, device: str, meant: _Meant) -> None:
        """Erase a device's dead letters."""
        theirs = letters.c.topic.in_([topic(device, kind) for kind in KINDS])
        asked = select(letters.c.n, letters.c.at_ms, letters.c.payload).where(theirs)
        with self._store.reading() as connection:
            found = [row.n for row in connection.execute(asked) if meant(_letter_ms(row.payload), row.at_ms)]
        for some in stretches(found):
            with self._store.writing() as connection:
                connection.execute(delete(letters).where(letters.c.n.in_(some)))
                leave_bytes(connection)


def without_broker(store: Store, sounds: Sounds) -> Forgetting:
    """Erase where no hub runs, or beside it: devices are told by the hub that reaches them next."""
    return Forgetting(store, sounds, Telling(store, nobody_to_tell), PlaceDays(store))


_DEVICES_KNOW: Final = ("device", "owner", "begin", "end", "tz", "only_device", "only_owner")


def _ends_ms(span: dict[str, str]) -> tuple[int, int]:
    """Give the Unix times in ms between which a span lies; an end that is open lies beyond all times."""

    def end_ms(name: str, otherwise: int) -> int:
        return ms(datetime.fromisoformat(span[name])) if name in span else otherwise

    return end_ms("from", -_EVER), end_ms("to", _EVER)


def _made_ms(key: bytes | None) -> int | None:
    """Give the Unix time in ms that an id tells; None where it is no UUIDv7."""
    made = None if key is None else uuid.UUID(bytes=key)
    return made.int >> 80 if made is not None and made.version == 7 else None


def _letter_ms(payload: bytes) -> int | None:
    """Give the Unix time in ms of a message's `start`, or else the one that its id tells; None where it has neither."""
    with suppress(ValueError, TypeError, KeyError, RecursionError):  # it may be anything
        start = datetime.fromisoformat(json.loads(payload)["start"])
        if start.tzinfo is not None:
            return ms(start)
    try:
        return _made_ms(key_of(readable_id(payload)))
    except ValueError:
        return None


def _told_singly(connection: Connection, found: Sequence[Any]) -> dict[str, list[str]]:
    """Say which moments each device is to be told of."""
    m = moments.c
    asked = select(m.id, devices.c.id.label("device")).join(devices, devices.c.n == m.device).where(*found)
    rows = connection.execute(asked.limit(_TOLD_SINGLY + 1)).all()
    if len(rows) > _TOLD_SINGLY:
        rows = connection.execute(asked.where(m.clip.is_not(None))).all()
    ids: dict[str, list[str]] = {}
    for row in rows:
        ids.setdefault(row.device, []).append(str(uuid.UUID(bytes=row.id)))
    return ids


def _named_by_moments(connection: Connection, device: str, hashes: Sequence[str]) -> set[str]:
    """Say which of these clips moments of a device name."""
    named = select(moments.c.clip).join(devices, devices.c.n == moments.c.device).where(devices.c.id == device)
    found: set[str] = set()
    for some in stretches(hashes):
        found.update(connection.execute(named.where(moments.c.clip.in_(some))).scalars())
    return found


def _up_to(span: dict[str, str], now: datetime) -> dict[str, str]:
    """End a span now: a device may hear of it much later, and what it hears until then is not meant."""
    over = "to" in span and datetime.fromisoformat(span["to"]) <= now
    return span if over else span | {"to": now.isoformat(timespec="milliseconds")}


def _span(connection: Connection, filter_: Filter, device: str) -> dict[str, str]:
    """Give the time that a filter means, as the device's command takes it; days are those where it was last."""
    offset = connection.execute(
        select(moments.c.offset_min)
        .join(devices, devices.c.n == moments.c.device)
        .where(devices.c.id == device)
        .order_by(moments.c.start_ms.desc())
        .limit(1)
    ).scalar()
    wearers = ZoneInfo(filter_.tz) if filter_.tz else timezone(timedelta(minutes=offset or 0))
    bounds: tuple[tuple[str, Bound | None], ...] = (("from", filter_.begin), ("to", filter_.end))
    return {
        name: (bound if isinstance(bound, datetime) else datetime.combine(bound, time(), wearers)).isoformat()
        for name, bound in bounds
        if bound is not None
    }
