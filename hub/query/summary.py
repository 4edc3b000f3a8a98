"""Moments counted in buckets of one or two kinds: when, what was felt, where, by which device."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Integer, SmallInteger, func, literal_column, select, text, type_coerce

from hub.query import plan
from hub.query.added import added_up
from hub.query.filter import BadQuery, Filter
from hub.query.source import CODES, DAY_MS, HOUR_MS, Part, Source, floor
from hub.query.sql import LOCAL_MS, condition, offsets
from hub.stores.cells import PER_DEGREE
from hub.stores.rollups import UNFELT
from hub.stores.tables import cells, devices, moments, scenes
from hub.stores.types import FELT

_TOGETHER: Final = 2  # cells of the store on a side of a place: 0.005°, about 550 m from south to north
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = datetime.min.replace(tzinfo=UTC) - _EPOCH
_LAST: Final = datetime.max.replace(tzinfo=UTC) - _EPOCH


def _at(hours: int = 0, days: int = 0) -> datetime:
    """Give a local time as if it were UTC, the calendar's first or last where another zone's clock is beyond it."""
    return _EPOCH + min(max(timedelta(hours=hours, days=days), _FIRST), _LAST)


def _hour(hour: int) -> str:
    return _at(hours=hour).isoformat()[:13]


def _day(day: int) -> str:
    return _at(days=day).date().isoformat()


def _week(day: int) -> str:
    year, week, _ = _at(days=day).isocalendar()
    return f"{year:04d}-W{week:02d}"


@dataclass(frozen=True, slots=True)
class _Kind:
    """`sql`: what rows are grouped by; `name`: what such a group is called."""

    sql: Callable[[Source], Any]
    name: Callable[[Any], Any] | None


def _felt(code: int | None) -> str | None:
    return FELT[code] if code is not None and code >= 0 else None


def _place(cell: tuple[int, int] | None) -> dict[str, float] | None:
    """Give the middle of the place that a cell lies in."""
    if cell is None:
        return None
    lat, lon = ((n // _TOGETHER + 0.5) * _TOGETHER / PER_DEGREE for n in cell)
    return {"lat": round(lat - 90, 5), "lon": round(lon - 180, 5)}


_KINDS: Final[dict[str, _Kind]] = {
    "hour": _Kind(lambda source: source.hours, _hour),
    "day": _Kind(lambda source: source.days, _day),
    "week": _Kind(lambda source: source.days, _week),
    "month": _Kind(lambda source: source.days, lambda n: _day(n)[:7]),
    "hour_of_day": _Kind(lambda source: source.hours % literal_column("24", Integer), lambda n: n % 24),
    "weekday": _Kind(lambda source: source.days, lambda n: _at(days=n).isoweekday()),
    "emotion": _Kind(lambda source: source.felt, _felt),
    "scene": _Kind(lambda _: moments.c.scene, None),
    "device": _Kind(lambda source: source.device, None),
    "place": _Kind(lambda _: moments.c.cell, None),
}


def _names(connection: Connection, kind: str) -> Callable[[Any], Any]:
    """Give what calls a group of a kind by its name; numbers of the store's own are looked up."""
    if kind == "device":
        return {row.n: row.id for row in connection.execute(select(devices.c.n, devices.c.id))}.get
    if kind == "scene":
        return {row.n: row.label for row in connection.execute(select(scenes.c.n, scenes.c.label))}.get
    if kind == "place":
        found = {row.n: (row.row, row.col) for row in connection.execute(select(cells.c.n, cells.c.row, cells.c.col))}
        return lambda n: _place(found.get(n))
    name = _KINDS[kind].name
    assert name is not None  # noqa: S101 - the others are looked up
    return name


def read_by(text: str | None) -> tuple[str, ...]:
    """Read `by`: one or two kinds of bucket. Raises BadQuery."""
    kinds = tuple((text or "").split(","))
    if any(kind not in _KINDS for kind in kinds):
        raise BadQuery("by", f"must be one or two of {', '.join(_KINDS)}")
    if len(kinds) > 2 or len(set(kinds)) < len(kinds):
        raise BadQuery("by", "must be one kind, or two different ones")
    return kinds


@dataclass(slots=True)
class Bucket:
    """What a bucket adds up to."""

    names: tuple[Any, ...]
    """What it is called, kind by kind."""
    count: int = 0
    seconds: float = 0.0
    felt: int = 0
    """How many have valence and arousal, which stand here as sums."""
    valence: float = 0.0
    arousal: float = 0.0
    emotions: dict[str, int] = field(default_factory=dict)

    def add(self, sums: Sequence[Any]) -> None:
        """Add what `Source.sums` gives."""
        seconds, felt, valence, arousal, *each = sums
        self.seconds += seconds
        self.felt += int(felt)
        self.valence += valence
        self.arousal += arousal
        for code, count in zip(CODES, each, strict=True):
            if count:
                self.count += int(count)
                if (name := _felt(code)) is not None:
                    self.emotions[name] = self.emotions.get(name, 0) + int(count)

    def shown(self, by: tuple[str, ...]) -> dict[str, Any]:
        """Give it as the API shows it."""
        return dict(zip(by, self.names, strict=True)) | {
            "count": self.count,
            "emotions": self.emotions,
            "valence": self.valence / self.felt if self.felt else None,
            "arousal": self.arousal / self.felt if self.felt else None,
            "seconds": self.seconds,
        }


_FELT: Final = type_coerce(moments.c.felt, SmallInteger)
_SUMS: Final = (
    func.sum(moments.c.seconds),
    func.count(moments.c.valence),
    func.coalesce(func.sum(moments.c.valence), 0.0),
    func.coalesce(func.sum(moments.c.arousal), 0.0),
    *(
        func.count().filter(_FELT.is_(None) if code < 0 else literal_column(str(code), Integer) == _FELT)
        for code in CODES
    ),
)


def _moments(connection: Connection, filter_: Filter) -> tuple[Source, Sequence[plan.Part]]:
    m = moments.c
    local_ms = m.start_ms + offsets(connection, filter_.tz).at(m.start_ms) if filter_.tz else LOCAL_MS
    hours, days = floor(local_ms, HOUR_MS), floor(local_ms, DAY_MS)
    # A circle is asked cell by cell: a few of them hold far less than all that was heard meanwhile.
    parts = plan.plan(connection, filter_).parts if filter_.near else [plan.Part(condition(filter_))]
    return Source(hours, days, _FELT, m.device, _SUMS), parts


Series = Callable[[Connection, Filter, tuple[str, ...]], list[Part] | None]
"""Gives the parts of buckets from elsewhere than the store; None when they cannot be told there."""


def summary(
    connection: Connection, filter_: Filter, by: tuple[str, ...], series: Series | None = None
) -> list[dict[str, Any]]:
    """Give the buckets that are not empty as the API shows them, in the order of their names.

    Hours and days are the wearer's, or those of the filter's `tz`. `emotions` counts by what was felt; the means of
    valence and arousal are of the readings. `series` is asked first.
    """
    return [bucket.shown(by) for bucket in buckets(connection, filter_, by, series)]


def buckets(connection: Connection, filter_: Filter, by: tuple[str, ...], series: Series | None = None) -> list[Bucket]:
    """Give them as `summary` does, with their sums."""
    told = series(connection, filter_, by) if series else None
    found: dict[tuple[Any, ...], Bucket] = {}
    for names, sums in _asked(connection, filter_, by) if told is None else _told(told, by):
        found.setdefault(_plain(names), Bucket(names)).add(sums)
    return sorted(found.values(), key=_order)


_Row = tuple[tuple[Any, ...], Sequence[Any]]
"""The names of a bucket, and sums that belong to it."""


def _asked(connection: Connection, filter_: Filter, by: tuple[str, ...]) -> Iterator[_Row]:
    told = added_up(connection, filter_, by)
    source, parts = (told[0], [plan.Part(told[1])]) if told else _moments(connection, filter_)
    keys = [_KINDS[kind].sql(source).label(f"key{n}") for n, kind in enumerate(by)]
    groups = [text(f"key{n}") for n in range(len(by))]
    named = [_names(connection, kind) for kind in by]
    known: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for part in parts:
        asked, parameters = part.asked(*keys, *source.sums)
        for row in (row for given in parameters for row in connection.execute(asked.group_by(*groups), given)):
            key = tuple(row[: len(by)])
            if key not in known:
                known[key] = tuple(name(each) for name, each in zip(named, key, strict=True))
            yield known[key], row[len(by) :]


def _told(parts: Sequence[Part], by: tuple[str, ...]) -> Iterator[_Row]:
    for part in parts:
        names = (part.tags[kind] if kind in part.tags else _called(kind, part.local_ms) for kind in by)
        emotion = part.tags["emotion"]
        of = UNFELT if emotion is None else FELT.index(emotion)
        yield tuple(names), (*part.sums, *(part.count if code == of else 0 for code in CODES))


def _called(kind: str, local_ms: int) -> Any:
    name = _KINDS[kind].name
    assert name is not None  # noqa: S101 - the others are tags
    return name(local_ms // (HOUR_MS if kind.startswith("hour") else DAY_MS))


def _plain(names: tuple[Any, ...]) -> tuple[Any, ...]:
    """Make what may be a key of a dictionary."""
    return tuple(tuple(name.items()) if isinstance(name, dict) else name for name in names)


def _order(bucket: Bucket) -> tuple[tuple[bool, str, float], ...]:
    """Numbers by value, words by letter, places by where they are, nothing last."""
    return tuple(
        (name is None, "" if isinstance(name, int) else str(name), name if isinstance(name, int) else 0.0)
        for name in bucket.names
    )
