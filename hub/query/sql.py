"""A filter as SQL."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Integer, case, func, literal_column, or_, select

from hub.query.filter import Bound, Filter, Pair
from hub.stores.rows import ms
from hub.stores.tables import devices, moments, notes, scenes
from hub.stores.words import noted, words

EARTH_M: Final = 6_371_008.8
"""The mean radius (IUGG)."""


def metres(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Give how far apart two places are, in degrees, along the surface."""
    lat1, lon1, lat2, lon2 = map(math.radians, (lat1, lon1, lat2, lon2))
    angle = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(angle)))


_YEARS: Final = tuple(int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (1900, 2100))
"""Unix time in s: beyond, a clock was wrong, and no time zone's changes are looked for."""

_DAY_MS: Final = 86_400_000  # no offset from UTC is as long as that
_MARGIN: Final = 1e-9  # degrees: what rounding may add to the edge of a box

Condition = list[ColumnElement[bool]]
Box = tuple[float, float, list[Pair]]
"""South, north, and the stretches from west to east."""

_m: Final = moments.c

LOCAL_MS: Final = _m.start_ms + _m.offset_min * literal_column("60000", Integer)
"""The wearer's wall clock, as if it were UTC."""


def _since(bound: Bound, tz: str | None) -> Condition:
    if isinstance(bound, datetime):
        return [_m.start_ms >= ms(bound)]
    if tz is not None:
        return [_m.start_ms >= ms(datetime.combine(bound, time(), ZoneInfo(tz)))]
    at = ms(datetime.combine(bound, time(), UTC))
    return [at <= LOCAL_MS, _m.start_ms > at - _DAY_MS]


def _before(bound: Bound, tz: str | None) -> Condition:
    if isinstance(bound, datetime):
        return [_m.start_ms < ms(bound)]
    if tz is not None:
        return [_m.start_ms < ms(datetime.combine(bound, time(), ZoneInfo(tz)))]
    at = ms(datetime.combine(bound, time(), UTC))
    return [at > LOCAL_MS, _m.start_ms < at + _DAY_MS]


def _around(near: Pair, radius_m: float) -> Box:
    """Give a box that holds the circle."""
    lat, lon = near
    reach = radius_m / EARTH_M
    south = lat - math.degrees(reach) - _MARGIN
    north = lat + math.degrees(reach) + _MARGIN
    if south <= -90 or north >= 90:
        return south, north, [(-180.0, 180.0)]
    across = math.degrees(math.asin(min(1.0, math.sin(reach) / math.cos(math.radians(lat))))) + _MARGIN
    return south, north, _stretches(lon - across, lon + across)


def _stretches(west: float, east: float) -> list[Pair]:
    if west < -180:
        return [(west + 360, 180.0), (-180.0, east)]
    if east > 180:
        return [(west, 180.0), (-180.0, east - 360)]
    return [(west, east)]


def boxes(filter_: Filter) -> list[Box]:
    """Give the boxes that all of it lies in."""
    found = []
    if filter_.bbox:
        west, south, east, north = filter_.bbox
        found.append((south, north, [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]))
    if filter_.near:
        found.append(_around(filter_.near, filter_.radius_m))
    return found


def within(filter_: Filter) -> Condition:
    """Give what must hold for the place."""
    found: Condition = []
    for south, north, stretches in boxes(filter_):
        found.append(_m.lat.between(south, north))
        found.append(or_(*(_m.lon.between(west, east) for west, east in stretches)))
    if filter_.near and filter_.radius_m < math.pi * EARTH_M:
        lat, lon = filter_.near
        # The haversine of the angle, compared with that of the radius.
        angle = func.pow(func.sin(func.radians(_m.lat - lat) / 2), 2) + math.cos(math.radians(lat)) * func.cos(
            func.radians(_m.lat)
        ) * func.pow(func.sin(func.radians(_m.lon - lon) / 2), 2)
        found.append(angle <= math.sin(filter_.radius_m / EARTH_M / 2) ** 2)
    return found


def named(word: str) -> ColumnElement[bool]:
    """Tell of a scene whether a word of its label or group begins so."""
    return scenes.c.words.like(f"% {word}%")


def _says(text: str) -> Condition:
    """Each word begins a word of the note, or of the scene or its group."""
    return [
        or_(_m.seq.op("IN", is_comparison=True)(noted(word)), _m.scene.in_(select(scenes.c.n).where(named(word))))
        for word in words(text)
    ]


_HAS: Final[dict[str, Any]] = {
    "note": _m.seq.in_(select(notes.c.seq).correlate(None)),
    "clip": _m.clip.is_not(None),
    "place": _m.lat.is_not(None),
}


def whose(filter_: Filter, device: ColumnElement[int]) -> Condition:
    """Give what must hold for the device's number: those asked for, and those that the token sees."""
    return _among(filter_, device, devices.c.n)


def whose_id(filter_: Filter, device: ColumnElement[str]) -> Condition:
    """Give what must hold for the device's id, as `whose` does for its number."""
    return _among(filter_, device, devices.c.id)


def _among(filter_: Filter, device: ColumnElement[Any], named: ColumnElement[Any]) -> Condition:
    d = devices.c
    found: Condition = [d.id.in_(filter_.device)] if filter_.device else []
    found += [d.owner == owner for owner in (filter_.owner, filter_.only_owner) if owner is not None]
    if filter_.only_device is not None:
        found.append(d.id == filter_.only_device)
    return [device.in_(select(named).where(*found))] if found else []


def elsewise(filter_: Filter) -> Condition:
    """Give what must hold beside the place."""
    found: Condition = []
    for column, values in ((_m.felt, filter_.emotion), (_m.basis, filter_.basis), (_m.origin, filter_.origin)):
        if values:
            found.append(column.in_(values) if len(values) > 1 else column == values[0])
    if filter_.scene:
        found.append(_m.scene.in_(select(scenes.c.n).where(scenes.c.label.in_(filter_.scene))))
    found += whose(filter_, _m.device)
    if filter_.begin is not None:
        found += _since(filter_.begin, filter_.tz)
    if filter_.end is not None:
        found += _before(filter_.end, filter_.tz)
    if filter_.min_confidence is not None:
        found.append(_m.confidence >= filter_.min_confidence)
    for column, span in ((_m.valence, filter_.valence), (_m.arousal, filter_.arousal)):
        if span:
            found.append(column.between(*span))
    if filter_.text:
        found += _says(filter_.text)
    return found + [_HAS[part] for part in filter_.has]


def condition(filter_: Filter) -> Condition:
    """Give what must all hold for a row of `moments`."""
    return elsewise(filter_) + within(filter_)


def first_and_last_ms(connection: Connection) -> tuple[Any, Any]:
    """Give the first and the last start of all moments, Unix time in ms; None and None when there are none.

    Asked one by one: SQLite looks only one of two up in an index.
    """
    first, last = (connection.execute(select(end(_m.start_ms))).scalar() for end in (func.min, func.max))
    return first, last


@dataclass(frozen=True, slots=True)
class Offsets:
    """A time zone's offsets from UTC in ms: `changes` has (the Unix time in ms at which one ends, that one)."""

    changes: list[tuple[int, int]]
    after: int

    def at(self, start_ms: ColumnElement[int]) -> Any:
        """Give SQL for the offset at a Unix time in ms."""
        whens = [(start_ms < whole(until_ms), whole(offset_ms)) for until_ms, offset_ms in self.changes]
        return case(*whens, else_=whole(self.after)) if whens else whole(self.after)


def whole(number: int) -> Any:
    """Give SQL for a whole number that is no parameter."""
    return literal_column(str(number), Integer)


def offsets(connection: Connection, tz: str, begin_ms: int | None = None, end_ms: int | None = None) -> Offsets:
    """Give the offsets of a time zone at the moments' times, and an hour before and after, within two times if told."""
    zone = ZoneInfo(tz)
    first, last = first_and_last_ms(connection)
    if first is None:
        return Offsets([], 0)
    first_s = max(first, first if begin_ms is None else begin_ms) // 1000 - 3600
    last_s = max(first_s, min(last, last if end_ms is None else end_ms) // 1000 + 3600)
    changes = [(until_s * 1000, offset_ms) for until_s, offset_ms in zone_changes(zone, first_s, last_s)]
    return Offsets(changes, _offset_ms(zone, last_s))


def _offset_ms(zone: ZoneInfo, at_s: int) -> int:
    at_s = _within_years(at_s)
    offset = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at_s)).astimezone(zone).utcoffset()
    return (offset or timedelta()) // timedelta(milliseconds=1)


def _within_years(at_s: int) -> int:
    return min(max(at_s, _YEARS[0]), _YEARS[1])


def zone_changes(zone: ZoneInfo, first_s: int, last_s: int) -> list[tuple[int, int]]:
    """Give (the second at which an offset ends, that offset in ms) for each change between two times, in 1900 to 2100.

    Before and after, a zone's offset is the first and the last of these years.
    """
    step = 7 * 86_400  # no zone changes twice in a week
    found = []
    at_s, last_s = _within_years(first_s), _within_years(last_s)
    before = _offset_ms(zone, at_s)
    while at_s < last_s:
        low, at_s = at_s, min(at_s + step, last_s)
        after = _offset_ms(zone, at_s)
        if after != before:
            high = at_s
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset_ms(zone, middle) == before else (low, middle)
            found.append((high, before))
            before = after
    return found
