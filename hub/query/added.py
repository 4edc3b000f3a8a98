"""What was added up before, where it can tell what a summary asks.

Hours and days are the wearer's. Quarters of an hour tell any zone's hours and days, and spans between quarters: every
zone's offset is a whole number of them today. Where the wearer's offset was one and the same all the time, and the
zone differs from it by whole hours, the hours tell it, which are a third as many. Where neither can, the moments are
asked.
"""

from datetime import datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Integer, func, literal_column, select

from hub.query.filter import Bound, Filter
from hub.query.source import CODES, DAY_MS, HOUR_MS, Source, floor
from hub.query.sql import Condition, offsets, whole, whose
from hub.stores.rollups import DAY, HOUR, QUARTER, QUARTER_MS
from hub.stores.rows import EPOCH, ms
from hub.stores.tables import rollups
from hub.stores.types import FELT

_UNTOLD: Final = Filter.__dataclass_fields__.keys() - {
    "emotion", "device", "owner", "begin", "end", "tz", "only_device", "only_owner"
}  # fmt: skip
_KINDS: Final = {"hour", "day", "week", "month", "hour_of_day", "weekday", "emotion", "device"}
_NEEDS_HOURS: Final = {"hour", "hour_of_day"}
_r: Final = rollups.c

_SUMS: Final = (
    *(func.sum(column) for column in (_r.seconds, _r.felt, _r.valence, _r.arousal)),
    *(func.sum(_r.count).filter(_r.emotion == literal_column(str(code), Integer)) for code in CODES),
)
_MINUTE_MS: Final = 60_000


def added_up(connection: Connection, filter_: Filter, by: tuple[str, ...]) -> tuple[Source, Condition] | None:
    """Give the sums and what must hold for them; None when only the moments can tell."""
    if not _KINDS.issuperset(by) or any(getattr(filter_, name) != getattr(Filter(), name) for name in _UNTOLD):
        return None
    by_wearer = filter_.tz is None and not isinstance(filter_.begin, datetime) and not isinstance(filter_.end, datetime)
    if by_wearer and _NEEDS_HOURS.intersection(by):
        span, hours, days, found = HOUR, _r.at, floor(_r.at, DAY // HOUR), _days(filter_, HOUR)
    elif by_wearer:
        span, hours, days, found = DAY, None, _r.at, _days(filter_, DAY)
    else:
        told = _between(connection, filter_)
        if told is None:
            return None
        span, local_ms, found = told
        hours, days = floor(local_ms, HOUR_MS), floor(local_ms, DAY_MS)
    found = [_r.span == span, *found]
    if filter_.emotion:
        found.append(_r.emotion.in_([FELT.index(emotion) for emotion in filter_.emotion]))
    found += whose(filter_, _r.device)
    return Source(hours, days, _r.emotion, _r.device, _SUMS), found


def _days(filter_: Filter, span: int) -> Condition:
    found: Condition = []
    if filter_.begin is not None:
        found.append(_r.at >= (filter_.begin - EPOCH.date()).days * (DAY // span))
    if filter_.end is not None:
        found.append(_r.at < (filter_.end - EPOCH.date()).days * (DAY // span))
    return found


def _between(connection: Connection, filter_: Filter) -> tuple[int, Any, Condition] | None:
    """Give the span of the rows that tell, their local time and what must hold for them; None when none tells."""
    bounds = [_instant_ms(bound, filter_.tz) for bound in (filter_.begin, filter_.end)]
    about = [_r.span == QUARTER, *_roughly(filter_, bounds, QUARTER)]
    low, high = connection.execute(select(func.min(_r.offset_min), func.max(_r.offset_min)).where(*about)).one()
    shift_ms = (low or 0) * _MINUTE_MS
    if low != high and _any_odd(connection, about):
        return None
    zone = offsets(connection, filter_.tz, *bounds) if filter_.tz is not None else None
    for span in (HOUR, QUARTER) if low == high else (QUARTER,):
        unit_ms = span * QUARTER_MS
        times = [at_ms for at_ms in bounds if at_ms is not None]
        differ = [0]
        if zone is not None:
            times += [until_ms for until_ms, _ in zone.changes]
            differ = [offset_ms - shift_ms for offset_ms in (zone.after, *(before for _, before in zone.changes))]
        if any((at_ms + shift_ms) % unit_ms for at_ms in times) or any(by_ms % unit_ms for by_ms in differ):
            continue
        away_ms = whole(shift_ms) if low == high else _r.offset_min * whole(_MINUTE_MS)
        here_ms = _r.at * whole(unit_ms)
        start_ms = here_ms - away_ms
        found = _roughly(filter_, bounds, span)
        found += [bounds[0] <= start_ms] if bounds[0] is not None else []
        found += [bounds[1] > start_ms] if bounds[1] is not None else []
        return span, here_ms if zone is None else start_ms + zone.at(start_ms), found
    return None


def _any_odd(connection: Connection, about: Condition) -> bool:
    """Tell whether a wearer's offset is no whole number of quarters."""
    odd = select(_r.at).where(_r.offset_min % whole(15) != whole(0), *about)
    return connection.execute(odd.limit(1)).first() is not None


def _roughly(filter_: Filter, bounds: list[int | None], span: int) -> Condition:
    """Give what holds for the rows of a span at least: a date is exact, an instant a day more than any offset is."""
    found: Condition = []
    for bound, at_ms, later in zip((filter_.begin, filter_.end), bounds, (True, False), strict=True):
        if at_ms is not None:
            near = at_ms // (span * QUARTER_MS)
            found.append(_r.at > near - DAY if later else _r.at < near + DAY)
        elif bound is not None:
            found += _days(Filter(begin=bound) if later else Filter(end=bound), span)
    return found


def _instant_ms(bound: Bound | None, tz: str | None) -> int | None:
    """Give when a bound is, Unix time in ms; None for a wearer's day."""
    if isinstance(bound, datetime):
        return ms(bound)
    return None if bound is None or tz is None else ms(datetime.combine(bound, time(), ZoneInfo(tz)))
