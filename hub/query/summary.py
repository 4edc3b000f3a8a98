"""Moments counted in buckets of one or two kinds: when, what was felt, where, by which device."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Integer, cast, func, literal_column, select, text

from hub.query.filter import BadQuery, Filter
from hub.query.sql import LOCAL_MS, Condition, planned, whose, zone_offset_ms
from hub.stores.rollups import HOUR_MS, NOTHING
from hub.stores.tables import FELT, moments, rollups

_DAY_MS: Final = 24 * HOUR_MS
_PLACE_STEP: Final = 200  # places a degree: cells of 0.005°, about 550 m from south to north
_ROW: Final = 1_000_000  # more than the cells around the earth
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _floor(value: Any, step: int) -> Any:
    """Whole steps below a whole number, also a negative one, in SQL that divides towards zero."""
    by = literal_column(str(step), Integer)
    return (value - (value % by + by) % by) // by


def _at(hours: int = 0, days: int = 0) -> datetime:
    return _EPOCH + timedelta(hours=hours, days=days)


def _week(day: int) -> str:
    year, week, _ = _at(days=day).isocalendar()
    return f"{year}-W{week:02d}"


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the sums come from: the moments, or hours and days that were added up before."""

    local_ms: Any
    felt: Any
    device: Any
    sums: tuple[Any, ...]
    """count_, seconds, felt, valence, arousal"""


@dataclass(frozen=True, slots=True)
class _Kind:
    """`sql`: what rows are grouped by; `name`: what such a group is called."""

    sql: Callable[[_Source], Any]
    name: Callable[[Any], Any]


def _hours(source: _Source) -> Any:
    return _floor(source.local_ms, HOUR_MS)


def _days(source: _Source) -> Any:
    return _floor(source.local_ms, _DAY_MS)


def _plain(value: Any) -> Any:
    return value


def _cell(degrees: Any, least: int) -> Any:
    """Count cells from the lowest degree, so that cutting a number off rounds it down."""
    return cast((degrees + literal_column(str(-least))) * literal_column(str(_PLACE_STEP)), Integer)


_PLACE: Final = _cell(moments.c.lat, -90) * literal_column(str(_ROW), Integer) + _cell(moments.c.lon, -180)


def _place(cell: int | None) -> dict[str, float] | None:
    """Give the middle of a cell."""
    if cell is None:
        return None
    lat, lon = divmod(cell, _ROW)
    return {"lat": round((lat + 0.5) / _PLACE_STEP - 90, 5), "lon": round((lon + 0.5) / _PLACE_STEP - 180, 5)}


_KINDS: Final[dict[str, _Kind]] = {
    "hour": _Kind(_hours, lambda n: f"{_at(hours=n):%Y-%m-%dT%H}"),
    "day": _Kind(_days, lambda n: f"{_at(days=n):%Y-%m-%d}"),
    "week": _Kind(_days, _week),
    "month": _Kind(_days, lambda n: f"{_at(days=n):%Y-%m}"),
    "hour_of_day": _Kind(lambda source: _hours(source) % 24, lambda n: n % 24),
    "weekday": _Kind(_days, lambda n: _at(days=n).isoweekday()),
    "emotion": _Kind(lambda source: source.felt, _plain),
    "scene": _Kind(lambda _: moments.c.scene, _plain),
    "device": _Kind(lambda source: source.device, _plain),
    "place": _Kind(lambda _: _PLACE, _place),
}


def read_by(text: str | None) -> tuple[str, ...]:
    """Read `by`: one or two kinds of bucket. Raises BadQuery."""
    kinds = tuple((text or "").split(","))
    if any(kind not in _KINDS for kind in kinds):
        raise BadQuery("by", f"must be one or two of {', '.join(_KINDS)}")
    if len(kinds) > 2 or len(set(kinds)) < len(kinds):
        raise BadQuery("by", "must be one kind, or two different ones")
    return kinds


@dataclass(slots=True)
class _Bucket:
    """What a bucket adds up to."""

    names: tuple[Any, ...]
    count: int = 0
    seconds: float = 0.0
    felt: int = 0
    valence: float = 0.0
    arousal: float = 0.0
    emotions: dict[str, int] = field(default_factory=dict)

    def add(self, row: Any) -> None:
        self.count += row.count_
        self.seconds += row.seconds
        self.felt += row.felt
        self.valence += row.valence
        self.arousal += row.arousal
        if row.emotion_ is not None:
            self.emotions[row.emotion_] = self.emotions.get(row.emotion_, 0) + row.count_

    def shown(self, by: tuple[str, ...]) -> dict[str, Any]:
        return dict(zip(by, self.names, strict=True)) | {
            "count": self.count,
            "emotions": self.emotions,
            "valence": self.valence / self.felt if self.felt else None,
            "arousal": self.arousal / self.felt if self.felt else None,
            "seconds": self.seconds,
        }


def _moments(connection: Connection, filter_: Filter) -> tuple[_Source, Condition]:
    m = moments.c
    local_ms = m.start_ms + zone_offset_ms(connection, filter_.tz) if filter_.tz else LOCAL_MS
    sums = (
        func.count(),
        func.sum(m.seconds),
        func.count(m.valence),
        func.coalesce(func.sum(m.valence), 0.0),
        func.coalesce(func.sum(m.arousal), 0.0),
    )
    return _Source(local_ms, FELT, m.device, sums), planned(connection, filter_)


_ROLLED: Final = Filter.__dataclass_fields__.keys() - {
    "emotion", "device", "owner", "begin", "end", "only_device", "only_owner"
}  # fmt: skip
_ROLLED_KINDS: Final = {"hour", "day", "week", "month", "hour_of_day", "weekday", "emotion", "device"}
_NEEDS_HOURS: Final = {"hour", "hour_of_day"}


def _added_up(filter_: Filter, by: tuple[str, ...]) -> tuple[_Source, Condition] | None:
    """Give the sums that were made before, where they can tell what is asked."""
    if not _ROLLED_KINDS.issuperset(by) or any(getattr(filter_, name) != getattr(Filter(), name) for name in _ROLLED):
        return None
    r, span = rollups.c, 1 if _NEEDS_HOURS.intersection(by) else 24
    found: Condition = [r.span_h == span]
    if filter_.emotion:
        found.append(r.emotion.in_(filter_.emotion))
    found += whose(filter_, r.device)
    for bound, later in ((filter_.begin, True), (filter_.end, False)):
        if isinstance(bound, datetime):
            return None
        if bound is not None:
            at = (bound - _EPOCH.date()).days * (24 // span)
            found.append(r.at >= at if later else r.at < at)
    local_ms = r.at * literal_column(str(span * HOUR_MS), Integer)
    sums = tuple(func.sum(column) for column in (r.count, r.seconds, r.felt, r.valence, r.arousal))
    return _Source(local_ms, func.nullif(r.emotion, NOTHING), r.device, sums), found


_SUMS: Final = ("count_", "seconds", "felt", "valence", "arousal")


def summary(connection: Connection, filter_: Filter, by: tuple[str, ...]) -> list[dict[str, Any]]:
    """Give the buckets that are not empty, in the order of their names.

    Hours and days are the wearer's, or those of the filter's `tz`. `emotions` counts by what was felt; the means of
    valence and arousal are of the readings.
    """
    source, found = _added_up(filter_, by) or _moments(connection, filter_)
    keys = [_KINDS[kind].sql(source).label(f"key{n}") for n, kind in enumerate(by)]
    sums = [column.label(name) for name, column in zip(_SUMS, source.sums, strict=True)]
    asked = select(*keys, source.felt.label("emotion_"), *sums).where(*found).group_by(*keys, text("emotion_"))
    buckets: dict[str, _Bucket] = {}
    for row in connection.execute(asked):
        names = tuple(_KINDS[kind].name(row[n]) for n, kind in enumerate(by))
        buckets.setdefault(repr(names), _Bucket(names)).add(row)
    return [bucket.shown(by) for bucket in sorted(buckets.values(), key=_order)]


def _order(bucket: _Bucket) -> tuple[tuple[bool, str, float], ...]:
    """Numbers by value, words by letter, places by where they are, nothing last."""
    return tuple(
        (name is None, "" if isinstance(name, int) else str(name), name if isinstance(name, int) else 0.0)
        for name in bucket.names
    )
