"""This week or month against one's own usual: the weeks or months before it.

A day counts as one observation, since moments of one day depend on each other. A value's interval is what the days of
the span say of their mean, and the usual's interval is where another span would lie if nothing had changed, both at
90 % by Student's t. What lies outside the usual is said to differ; with few days or few spans nothing is.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import fmean, stdev
from typing import Any, Final, Literal

from sqlalchemy import Connection, select

from hub.explore.places import Place
from hub.query.filter import Filter
from hub.query.sql import whose_id
from hub.query.summary import Bucket, buckets
from hub.stores.beside import place_days
from hub.stores.tables import devices
from moments import EMOTIONS

Span = Literal["week", "month"]

_EPOCH: Final = date(1970, 1, 1)

BY: Final = ("hour_of_day", "weekday", "scene")
_BEFORE: Final[dict[Span, int]] = {"week": 8, "month": 6}
_ROUNDING: Final = 1e-6
_ENOUGH_DAYS: Final = 3
_ENOUGH_SPANS: Final = 3
_T90: Final = (6.31, 2.92, 2.35, 2.13, 2.02, 1.94, 1.90, 1.86, 1.83, 1.81, 1.80, 1.78, 1.77, 1.76, 1.75)
"""Student's t of 90 % on both sides, for 1 to 15 degrees of freedom."""

_AFFECT: Final = ("valence", "arousal")
MEASURES: Final = (*_AFFECT, *EMOTIONS)
"""Mean valence and arousal of the readings, and the share of each emotion among the moments that have one."""


@dataclass(frozen=True, slots=True)
class _Sums:
    """What one day (or one part of a span) adds up to: the sum of each measure.

    `read`: how many moments have valence and arousal; `felt`: how many have an emotion, as notes without sound do when
    the person gave them one.
    """

    read: float
    felt: float
    sums: dict[str, float]

    def count(self, measure: str) -> float:
        return self.read if measure in _AFFECT else self.felt

    def mean(self, measure: str) -> float | None:
        count = self.count(measure)
        return self.sums[measure] / count if count else None


def _sums(bucket: Bucket) -> _Sums:
    sums = {emotion: float(bucket.emotions.get(emotion, 0)) for emotion in EMOTIONS}
    sums |= {"valence": bucket.valence, "arousal": bucket.arousal}
    return _Sums(bucket.felt, sum(bucket.emotions.values()), sums)


def _together(days: Sequence[_Sums]) -> _Sums:
    names = days[0].sums if days else MEASURES
    sums = {name: sum(day.sums[name] for day in days) for name in names}
    return _Sums(sum(day.read for day in days), sum(day.felt for day in days), sums)


def _t(degrees: int) -> float:
    return _T90[degrees - 1] if degrees <= len(_T90) else 1.645 + 1.6 / degrees


def spread(days: Sequence[_Sums], measure: str) -> float | None:
    """Give half the 90 % interval of a mean over days of unequal weight (ratio estimate), None for fewer than two."""
    days = [day for day in days if day.count(measure)]
    if len(days) < 2:
        return None
    whole = _together(days)
    mean = whole.mean(measure) or 0.0
    residual = sum((day.sums[measure] - mean * day.count(measure)) ** 2 for day in days)
    error = math.sqrt(residual * len(days) / (len(days) - 1)) / whole.count(measure)
    return _t(len(days) - 1) * error


def usual(values: Sequence[float]) -> tuple[float, float, float] | None:
    """Give (mean, low, high): where the next span would lie at 90 %; None for fewer than two spans."""
    if len(values) < 2:
        return None
    mean, half = fmean(values), _t(len(values) - 1) * stdev(values) * math.sqrt(1 + 1 / len(values))
    return mean, mean - half, mean + half


def begin_of(day: date, span: Span) -> date:
    """Give the first day of the week (Monday) or month of a day."""
    return day - timedelta(days=day.weekday()) if span == "week" else day.replace(day=1)


def _after(begin: date, span: Span) -> date:
    return begin + timedelta(days=7) if span == "week" else begin_of(begin + timedelta(days=31), "month")


@dataclass(frozen=True, slots=True)
class _Window:
    """The span that is looked at, and the first days of those before it."""

    begin: date
    end: date
    before: list[date]

    @classmethod
    def of(cls, day: date, span: Span) -> "_Window":
        begin = begin_of(day, span)
        before = [begin]
        for _ in range(_BEFORE[span]):
            before.insert(0, begin_of(before[0] - timedelta(days=1), span))
        return cls(begin, _after(begin, span), before[:-1])

    def split(self, days: Mapping[date, _Sums]) -> tuple[list[_Sums], list[list[_Sums]]]:
        """Give the days of the span, and those of each span before it that has any."""
        past: list[list[_Sums]] = [[] for _ in self.before]
        for when, sums in days.items():
            if when < self.begin:
                past[bisect_right(self.before, when) - 1].append(sums)
        return [sums for when, sums in days.items() if when >= self.begin], [part for part in past if part]


def _compared(now: Sequence[_Sums], before: Sequence[Sequence[_Sums]], measure: str) -> dict[str, Any]:
    value, half = _together(now).mean(measure), spread(now, measure)
    means = [mean for days in before if (mean := _together(days).mean(measure)) is not None]
    told = usual(means)
    least, most = (0.0, 1.0) if measure in EMOTIONS else (-1.0, 1.0)

    def inside(number: float | None) -> float | None:
        return None if number is None else round(min(most, max(least, number)), 4)

    enough = sum(1 for day in now if day.count(measure)) >= _ENOUGH_DAYS and len(means) >= _ENOUGH_SPANS
    differs = None
    if enough and told is not None and value is not None:
        differs = "higher" if value > told[2] + _ROUNDING else "lower" if value < told[1] - _ROUNDING else None
    return {
        "value": inside(value),
        "low": inside(None if value is None or half is None else value - half),
        "high": inside(None if value is None or half is None else value + half),
        "usual": inside(told[0] if told else None),
        "usual_low": inside(told[1] if told else None),
        "usual_high": inside(told[2] if told else None),
        "differs": differs,
    }


def trends(connection: Connection, filter_: Filter, span: Span, day: date) -> dict[str, Any]:
    """Compare the span that `day` lies in with those before it, as the API shows it.

    Of the filter, all but its time counts.
    """
    window = _Window.of(day, span)
    whole = replace(filter_, begin=window.before[0], end=window.end)
    days = {date.fromisoformat(bucket.names[0]): bucket for bucket in buckets(connection, whole, ("day",))}
    now, past = window.split({when: _sums(bucket) for when, bucket in days.items()})
    shown = [bucket for when, bucket in days.items() if when >= window.begin]
    return {
        "span": span,
        "from": window.begin.isoformat(),
        "to": window.end.isoformat(),
        "days": len(shown),
        "count": sum(bucket.count for bucket in shown),
        "seconds": sum(bucket.seconds for bucket in shown),
        "usual": {"from": window.before[0].isoformat(), "to": window.begin.isoformat(), "spans": len(past)},
        "measures": [{"measure": measure} | _compared(now, past, measure) for measure in MEASURES],
        "by": {kind: _parts(buckets(connection, whole, (kind, "day")), window, kind) for kind in BY},
    }


def _parts(by_day: Sequence[Bucket], window: _Window, kind: str) -> list[dict[str, Any]]:
    """Compare part by part: hour by hour, weekday by weekday, scene by scene."""
    found: dict[Any, dict[date, _Sums]] = {}
    counts: Counter[Any] = Counter()
    for bucket in by_day:
        part, day = bucket.names
        when = date.fromisoformat(day)
        found.setdefault(part, {})[when] = _sums(bucket)
        counts[part] += bucket.count if when >= window.begin else 0
    return [{kind: part, "count": counts[part]} | affect(*window.split(days)) for part, days in found.items()]


def affect(now: Sequence[_Sums], past: Sequence[Sequence[_Sums]]) -> dict[str, Any]:
    """Compare valence and arousal."""
    return {measure: _compared(now, past, measure) for measure in _AFFECT}


def by_place(
    connection: Connection, filter_: Filter, span: Span, day: date, found: Sequence[Place]
) -> list[dict[str, Any]]:
    """Compare place by place. Of the filter, devices and owner count."""
    window = _Window.of(day, span)
    first, last = (window.before[0] - _EPOCH).days, (window.end - _EPOCH).days
    t = place_days.c
    asked = (
        select(t.row, t.col, t.day, t.count.label("count_"), t.felt, t.valence, t.arousal)
        .join(devices, devices.c.n == t.device)
        .where(t.day >= first, t.day < last, *whose_id(filter_, devices.c.id))
    )
    of = {cell.key: number for number, place in enumerate(found) for cell in place.cells}
    sums: dict[int, dict[date, _Sums]] = {}
    counts: Counter[int] = Counter()
    for row in connection.execute(asked):
        number = of.get((row.row, row.col))
        if number is None:
            continue
        when = _EPOCH + timedelta(days=row.day)
        before = sums.setdefault(number, {}).get(when, _Sums(0.0, 0.0, dict.fromkeys(_AFFECT, 0.0)))
        sums[number][when] = _Sums(
            before.read + row.felt, 0.0, {name: before.sums[name] + getattr(row, name) for name in _AFFECT}
        )
        counts[number] += row.count_ if when >= window.begin else 0
    shown = {number: found[number].shown() for number in sums}
    return [
        {"id": shown[number]["id"], "name": shown[number]["name"], "count": counts[number]}
        | affect(*window.split(days))
        for number, days in sorted(sums.items())
    ]
