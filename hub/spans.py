"""The time that one device is told to erase, and what here is of it.

A date is the wearer's day, by the offset that each moment carries: what is here, and what waits on the device, is
judged by its own. So the command has the dates. It has instants beside them, for what tells no offset, and for devices
of older versions, which know no dates: each is the day's bound by the offset of that device's moments which are next to
it, so that neither the end of summer time nor a journey since then moves it. Where those before it and after it differ,
it is the narrower of the two: what a device erases of a neighbouring day is lost, and what it keeps of this one is
erased here when it comes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from hub.query.filter import Bound, Filter
from hub.query.sql import LOCAL_MS, condition
from hub.stores.rows import ms
from hub.stores.tables import devices, moments

_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 86_400_000
_ANYWHERE_MIN: Final = (-12 * 60, 14 * 60)


@dataclass(frozen=True, slots=True)
class Edge:
    """A bound of a span: an instant, and the wearer's day that begins there, None where an instant was named."""

    at: datetime
    day: date | None = None

    def passed(self, at_ms: int, offset_min: int | None) -> bool:
        """Tell whether a Unix time in ms is not before it; `offset_min`: the wearer's from UTC there, if known."""
        if self.day is None or offset_min is None:
            return at_ms >= ms(self.at)
        return at_ms + offset_min * _MINUTE_MS >= _wall_ms(self.day)


@dataclass(frozen=True, slots=True)
class Span:
    """The time from `begin` to before `end`; None is open."""

    begin: Edge | None = None
    end: Edge | None = None

    def holds(self, at_ms: int, offset_min: int | None = None) -> bool:
        """Tell whether a Unix time in ms is of it; `offset_min`: the wearer's from UTC there, if known."""
        begun = self.begin is None or self.begin.passed(at_ms, offset_min)
        return begun and (self.end is None or not self.end.passed(at_ms, offset_min))

    def moments_of(self, device: str) -> list[Any]:
        """Give what must all hold for a row of `moments` that is of a device and of it."""
        begin, end = (None if edge is None else edge.day or edge.at for edge in (self.begin, self.end))
        return condition(Filter(device=(device,), begin=begin, end=end))

    def args(self) -> dict[str, Any]:
        """Give the args of the device's command; `days` has the dates."""
        edges = {name: edge for name, edge in (("from", self.begin), ("to", self.end)) if edge is not None}
        days = {name: edge.day.isoformat() for name, edge in edges.items() if edge.day is not None}
        args: dict[str, Any] = {name: edge.at.isoformat() for name, edge in edges.items()}
        return args | ({"days": days} if days else {})

    def args_until(self, now: datetime) -> dict[str, Any]:
        """Give `args` for a span that ends now at the latest.

        A device may hear of it much later, and what it hears until then is not meant: `before` says so where the
        instant is past, but its day may still go on for the wearer.
        """
        at = now.isoformat(timespec="milliseconds")
        if self.end is None or self.end.at > now:
            return self.args() | {"to": at}
        return self.args() if self.end.day is None else self.args() | {"before": at}


def read(args: dict[str, Any]) -> Span:
    """Give the span of which these are the args."""

    def edge(name: str) -> Edge | None:
        day = args.get("days", {}).get(name)
        return Edge(datetime.fromisoformat(args[name]), day and date.fromisoformat(day)) if name in args else None

    return Span(edge("from"), edge("to"))


def of(connection: Connection, filter_: Filter, device: str) -> Span:
    """Give the time that a filter means of a device."""

    def edge(bound: Bound | None, narrower: Callable[[Iterable[int]], int]) -> Edge | None:
        if bound is None:
            return None
        if isinstance(bound, datetime):
            return Edge(bound)
        if filter_.tz:
            return Edge(datetime.combine(bound, time(), ZoneInfo(filter_.tz)))
        offset_min = narrower(_offsets_min(connection, device, bound))
        return Edge(datetime.combine(bound, time(), timezone(timedelta(minutes=offset_min))), bound)

    return Span(edge(filter_.begin, min), edge(filter_.end, max))


def _offsets_min(connection: Connection, device: str, day: date) -> Sequence[int]:
    """Give the offsets of those moments of a device that are next, by its wall clock, to where a day begins.

    Those of all the earth where it has no moment.
    """
    at = _wall_ms(day)
    m = moments.c
    theirs = select(m.offset_min).where(m.device.in_(select(devices.c.n).where(devices.c.id == device)))
    before = theirs.where(at > LOCAL_MS, m.start_ms < at + _DAY_MS).order_by(m.start_ms.desc())
    after = theirs.where(at <= LOCAL_MS, m.start_ms > at - _DAY_MS).order_by(m.start_ms)
    found = [offset for asked in (before, after) for offset in connection.execute(asked.limit(1)).scalars()]
    return found or _ANYWHERE_MIN


def _wall_ms(day: date) -> int:
    """Give where a day begins by a wall clock, as if that were UTC: Unix time in ms."""
    return ms(datetime.combine(day, time(), UTC))
