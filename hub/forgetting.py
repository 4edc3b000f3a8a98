"""Forgetting, completely: moments and their words, records that are left without any, sound, and devices' copies."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, select

from hub import erasings, spans, strays
from hub.erasings import Erasing
from hub.explore.place_days import PlaceDays
from hub.query.filter import Filter
from hub.query.sql import condition, whose_id
from hub.records.sounds import Sounds
from hub.spans import Span
from hub.stores import owners
from hub.stores.beside import clips, end_records, recorded
from hub.stores.store import Store
from hub.stores.tables import clip_moments, devices, moments
from hub.stores.unfinished import leave_bytes, leave_sounds, loose_sounds
from hub.telling import Telling, nobody_to_tell

_log = logging.getLogger(__name__)

_TOLD_SINGLY: Final = 1000
"""Up to so many erased moments a device is told of each; of more, only of those that have sound of their own there."""

_PARTS_S: Final = 2 * 86_400


class Forgetting:
    """Erases in the store and among the sounds, and has devices do the same."""

    def __init__(self, store: Store, sounds: Sounds, telling: Telling, place_days: PlaceDays) -> None:
        self._store = store
        self._place_days = place_days
        self._sounds = sounds
        self._telling = telling
        self._in_hand: set[int] = set()
        """The erasings that a thread of this is at, which `finish` leaves to it."""

    def matching(self, filter_: Filter) -> int:
        """Erase what a filter means; gives how many moments.

        Where it names nothing but a time, devices or an owner, devices also erase what they have not sent yet. Raises
        Ending, DatabaseError; what is left then is done by `finish`.
        """
        found = condition(filter_)
        known = filter_ == Filter(**{name: getattr(filter_, name) for name in _DEVICES_KNOW})
        told = self._spans(filter_) if known else {}
        self._tell(found, told)
        with self._store.writing() as connection:
            erasing = erasings.begin(connection, filter_, told)
        gone = self._carry_out(erasing)
        self._tidy()
        return gone

    def where(self, found: Sequence[Any]) -> int:
        """Erase the moments for which all of `found` holds; gives how many. Raises Ending."""
        self._tell(found)
        gone = self._store.erase(found)
        self._tidy()
        return gone

    def erase_late(self, device: str, args: dict[str, Any], told_ms: int) -> int:
        """Erase what a device sent of a span before it heard that it was to erase it; gives how many moments.

        It was told so with these args at a Unix time in ms. What began after that was not meant, however long it was
        away; what tells no time is meant when it came since then. Raises Ending.
        """
        span = spans.read(args)
        found = [*span.moments_of(device), moments.c.start_ms < told_ms]
        self._tell(found)
        gone = self._store.erase(found)
        strays.drop(self._store, device, strays.began_before(span, told_ms), self._drop_record)
        self._tidy()
        return gone

    def record(self, key: bytes) -> None:
        """Erase a record: its moments, its words, its sound."""
        self._drop_record(key)
        self._tidy()

    def old_clips(self, made_before_ms: int, of_devices: Any) -> int:
        """Erase the sound of clips that came before a time, of the devices for which `of_devices` holds."""
        old = and_(clips.c.made_ms < made_before_ms, of_devices)
        theirs = and_(clips.c.sha256 == clip_moments.c.sha256, clips.c.device == clip_moments.c.device)
        with self._store.writing() as connection:
            connection.execute(delete(clip_moments).where(select(clips.c.sha256).where(theirs, old).exists()))
            found = connection.execute(delete(clips).where(old).returning(clips.c.sha256)).scalars().all()
            leave_sounds(connection, found)
        self._tidy()
        return len(found)

    def finish(self) -> None:
        """Do what is left of all that was erased, also before this process began. Raises Ending, DatabaseError."""
        with self._store.reading() as connection:
            left = erasings.left(connection)
        for erasing in left:
            if erasing.n not in self._in_hand:
                self._carry_out(erasing)
        self._tidy()

    def old_parts(self, at_ms: int) -> None:
        """Erase the parts of sounds that stopped arriving two days before a Unix time in ms."""
        self._sounds.drop_old(at_ms / 1000 - _PARTS_S)

    def _tell(self, found: Sequence[Any], told: Mapping[str, Span] = MappingProxyType({})) -> None:
        """Order devices to erase moments and these spans: once the moments are gone, nothing tells what it would be."""
        with self._store.reading() as connection:
            ids = _told_singly(connection, found)
        for device, some in ids.items():
            self._telling.erase_ids(device, some)
        now = datetime.now(UTC)
        for device, span in told.items():
            self._telling.erase(device, span.args_until(now))

    def _carry_out(self, erasing: Erasing) -> int:
        """Erase all that was written down as meant; gives how many moments."""
        self._in_hand.add(erasing.n)
        try:
            gone = self._store.erase(erasing.moments())
            for device, span in erasing.spans.items():
                meant = strays.came_until(span, erasing.asked_ms)
                strays.drop(self._store, device, meant, self._drop_record)
                self._sounds.drop_parts(device)
            with self._store.writing() as connection:
                if erasings.end(connection, erasing) and erasing.owner is not None:
                    owners.forget(connection, erasing.owner)
        finally:
            self._in_hand.discard(erasing.n)
        if erasing.owner is not None:
            for device in erasing.spans:
                self._telling.settings_changed(device=device)
        return gone

    def _tidy(self) -> None:
        """Do what erasing leaves for after its commits."""
        self._place_days.again()
        with self._store.reading() as connection:
            loose = connection.execute(select(loose_sounds.c.sha256)).scalars().all()
        for sha256 in loose:
            self._store.go_on()
            self._drop_loose(sha256)
        self._store.scrub_left()

    def _drop_loose(self, sha256: str) -> None:
        """Erase a sound unless a clip names it; where the disk refuses, the next `finish` tries again."""
        try:
            with self._store.writing() as connection:
                if connection.execute(select(clips.c.device).where(clips.c.sha256 == sha256)).first() is None:
                    self._sounds.forget(sha256)
                connection.execute(delete(loose_sounds).where(loose_sounds.c.sha256 == sha256))
        except OSError as error:
            _log.error("a sound cannot be erased yet; trying again within the hour", extra={"reason": error.strerror})

    def _spans(self, filter_: Filter) -> dict[str, Span]:
        """Give the devices that a filter means, and the time for each."""
        asked = select(devices.c.id).where(*whose_id(filter_, devices.c.id))
        with self._store.reading() as connection:
            found = list(connection.execute(asked).scalars())
            return {device: spans.of(connection, filter_, device) for device in found}

    def _drop_record(self, key: bytes) -> None:
        found = [moments.c.id.in_(select(recorded.c.moment).where(recorded.c.record == key))]
        self._tell(found)
        self._store.erase(found)
        with self._store.writing() as connection:
            end_records(connection, [key])
            leave_bytes(connection)


def without_broker(store: Store, sounds: Sounds) -> Forgetting:
    """Erase where no hub runs, or beside it: devices are told by the hub that reaches them next."""
    return Forgetting(store, sounds, Telling(store, nobody_to_tell), PlaceDays(store))


_DEVICES_KNOW: Final = ("device", "owner", "begin", "end", "tz", "only_device", "only_owner")


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
