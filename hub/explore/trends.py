"""This week or month against one's own usual: the weeks or months before it.

A day counts once, however much was heard on it, and so does a week or month among others: what was heard in one is
alike. A value's interval is what the days of the span say of their mean, and the usual's interval is where the mean of
as many days would lie if nothing had changed, both at 95 % by Student's t. What lies outside the usual is said to
differ; with few days or few spans nothing is. The page's Insights (hub/web/insights) tell alike.
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
_BEFORE: Final[dict[Span, int]] = {"week": 12, "month": 6}
_LEAST_MOMENTS: Final = 3
"""A day with fewer tells too little."""

_ENOUGH_DAYS: Final = 3
_ENOUGH_OF_SPAN: Final = 2
"""Days of a span before, for its mean to count; one beside a single day."""

_ENOUGH_SPANS: Final = 3
_ROUNDING: Final = 1e-6
_T: Final = (12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
"""Student's t of 95 % on both sides, for 1 to 10 degrees of freedom."""

_AFFECT: Final = ("valence", "arousal")
MEASURES: Final = (*_AFFECT, *EMOTIONS)
"""Mean valence and arousal of the readings, and the share of each emotion among the moments that have one."""

_Day = dict[str, float]
"""What a day, or a part of one, measured; a measure that it has no moment for is left out."""


def _affect(felt: int, valence: float, arousal: float) -> _Day:
    """Give the means of so many readings, by their sums."""
    return {"valence": valence / felt, "arousal": arousal / felt} if felt else {}


def _measured(bucket: Bucket) -> _Day:
    felt = sum(bucket.emotions.values())
    shares = {emotion: bucket.emotions.get(emotion, 0) / felt for emotion in EMOTIONS} if felt else {}
    return shares | _affect(bucket.felt, bucket.valence, bucket.arousal)


def _t(degrees: int) -> float:
    return _T[degrees - 1] if degrees <= len(_T) else 1.96 + 2.5 / degrees


def spread(values: Sequence[float]) -> float | None:
    """Give half the 95 % interval of the mean of some days' values, None for fewer than three."""
    if len(values) < _ENOUGH_DAYS:
        return None
    return _t(len(values) - 1) * stdev(values) / math.sqrt(len(values))


def usual(values: Sequence[float]) -> tuple[float, float, float] | None:
    """Give (mean, low, high): where one more of these would lie at 95 %; None for fewer than three."""
    if len(values) < _ENOUGH_SPANS:
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

    def split(self, days: Mapping[date, _Day]) -> tuple[list[_Day], list[list[_Day]]]:
        """Give the days of the span, and those of each span before it, both in their order."""
        now: list[_Day] = []
        past: list[list[_Day]] = [[] for _ in self.before]
        for when in sorted(days):
            (now if when >= self.begin else past[bisect_right(self.before, when) - 1]).append(days[when])
        return now, past


def _compared(now: Sequence[_Day], past: Sequence[Sequence[_Day]], measure: str) -> dict[str, Any]:
    """Compare a measure. Of each span before as many days count as of this, for a mean of few days strays further."""
    values = [day[measure] for day in now if measure in day]
    spans = ([day[measure] for day in days if measure in day][: len(values)] for days in past)
    told = usual([fmean(span) for span in spans if len(span) >= min(_ENOUGH_OF_SPAN, len(values)) > 0])
    value, half = fmean(values) if values else None, spread(values)
    least, most = (0.0, 1.0) if measure in EMOTIONS else (-1.0, 1.0)

    def inside(number: float | None) -> float | None:
        return None if number is None else round(min(most, max(least, number)), 4)

    differs = None
    if told is not None and value is not None and len(values) >= _ENOUGH_DAYS:
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
    enough = {when for when, bucket in days.items() if bucket.felt and bucket.count >= _LEAST_MOMENTS}
    now, past = window.split({when: _measured(days[when]) for when in enough})
    shown = [bucket for when, bucket in days.items() if when >= window.begin]
    spans = sum(len(part) >= _ENOUGH_OF_SPAN for part in past)
    return {
        "span": span,
        "from": window.begin.isoformat(),
        "to": window.end.isoformat(),
        "days": len(now),
        "count": sum(bucket.count for bucket in shown),
        "seconds": sum(bucket.seconds for bucket in shown),
        "usual": {"from": window.before[0].isoformat(), "to": window.begin.isoformat(), "spans": spans},
        "measures": [{"measure": measure} | _compared(now, past, measure) for measure in MEASURES],
        "by": {kind: _parts(buckets(connection, whole, (kind, "day")), window, kind, enough) for kind in BY},
    }


def _parts(by_day: Sequence[Bucket], window: _Window, kind: str, enough: set[date]) -> list[dict[str, Any]]:
    """Compare part by part, hour by hour, weekday by weekday, scene by scene, on days that count."""
    found: dict[Any, dict[date, _Day]] = {}
    counts: Counter[Any] = Counter()
    for bucket in by_day:
        part, day = bucket.names
        when = date.fromisoformat(day)
        days = found.setdefault(part, {})
        if when in enough:
            days[when] = _measured(bucket)
        counts[part] += bucket.count if when >= window.begin else 0
    return [{kind: part, "count": counts[part]} | affect(*window.split(days)) for part, days in found.items()]


def affect(now: Sequence[_Day], past: Sequence[Sequence[_Day]]) -> dict[str, Any]:
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
    sums: dict[int, dict[date, tuple[int, float, float]]] = {}
    counts: Counter[int] = Counter()
    for row in connection.execute(asked):
        number = of.get((row.row, row.col))
        if number is None:
            continue
        when = _EPOCH + timedelta(days=row.day)
        felt, valence, arousal = sums.setdefault(number, {}).get(when, (0, 0.0, 0.0))
        sums[number][when] = felt + row.felt, valence + row.valence, arousal + row.arousal
        counts[number] += row.count_ if when >= window.begin else 0
    shown = {number: found[number].shown() for number in sums}
    return [
        {"id": shown[number]["id"], "name": shown[number]["name"], "count": counts[number]}
        | affect(*window.split({when: _affect(*of_day) for when, of_day in days.items()}))
        for number, days in sorted(sums.items())
    ]
