"""What was added up before, where it can tell what a summary asks.

Hours and days are the wearer's. Quarters of an hour tell any zone's hours and days, and spans between quarters: every
zone's offset is a whole number of them today. Where one is not, the moments are asked.
"""

from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Integer, func, literal_column, select

from hub.query.filter import Bound, Filter
from hub.query.source import CODES, DAY_MS, HOUR_MS, Source, floor
from hub.query.sql import Condition, whose, zone_changes, zone_offset_ms
from hub.stores.rollups import DAY, HOUR, QUARTER, QUARTER_MS
from hub.stores.rows import EPOCH, ms
from hub.stores.tables import rollups
from hub.stores.types import FELT

_UNTOLD: Final = Filter.__dataclass_fields__.keys() - {
    "emotion", "device", "owner", "begin", "end", "tz", "only_device", "only_owner"
}  # fmt: skip
_KINDS: Final = {"hour", "day", "week", "month", "hour_of_day", "weekday", "emotion", "device"}
_NEEDS_HOURS: Final = {"hour", "hour_of_day"}
_DAY: Final = timedelta(days=1)
_r: Final = rollups.c

_SUMS: Final = (
    *(func.sum(column) for column in (_r.seconds, _r.felt, _r.valence, _r.arousal)),
    *(func.sum(_r.count).filter(_r.emotion == literal_column(str(code), Integer)) for code in CODES),
)
_QUARTER_MS: Final = literal_column(str(QUARTER_MS), Integer)
_START_MS: Final = _r.at * _QUARTER_MS - _r.offset_min * literal_column("60000", Integer)
"""When a quarter begins, Unix time in ms."""


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
        in_quarters = _quarters(connection, filter_)
        if in_quarters is None:
            return None
        local_ms, found = in_quarters
        span, hours, days = QUARTER, floor(local_ms, HOUR_MS), floor(local_ms, DAY_MS)
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


def _quarters(connection: Connection, filter_: Filter) -> tuple[Any, Condition] | None:
    """Give the local time of quarters and what must hold for them; None when they do not tell."""
    found: Condition = []
    for bound, later in ((filter_.begin, True), (filter_.end, False)):
        if bound is None:
            continue
        if not isinstance(bound, datetime) and filter_.tz is None:
            at = (bound - EPOCH.date()).days * DAY
            found.append(_r.at >= at if later else _r.at < at)
            continue
        at_ms = _instant_ms(bound, filter_.tz)
        if at_ms % QUARTER_MS:
            return None
        near = at_ms // QUARTER_MS  # no offset is as long as a day
        found += [at_ms <= _START_MS, _r.at > near - DAY] if later else [at_ms > _START_MS, _r.at < near + DAY]
    odd = select(_r.at).where(_r.span == QUARTER, _r.offset_min % literal_column("15", Integer) != 0, *found)
    if connection.execute(odd.limit(1)).first() is not None:
        return None
    if filter_.tz is None:
        return _r.at * _QUARTER_MS, found
    if not _in_quarters(connection, filter_.tz):
        return None
    return _START_MS + zone_offset_ms(connection, filter_.tz, _START_MS), found


def _instant_ms(bound: Bound, tz: str | None) -> int:
    if isinstance(bound, datetime):
        return ms(bound)
    return ms(datetime.combine(bound, time(), ZoneInfo(tz or "UTC")))


def _in_quarters(connection: Connection, tz: str) -> bool:
    """Tell whether a zone is always a whole number of quarters from UTC, and changes between two, for what is there."""
    first, last = connection.execute(select(func.min(_r.at), func.max(_r.at)).where(_r.span == DAY)).one()
    if first is None:
        return True
    zone = ZoneInfo(tz)
    changes = zone_changes(zone, (first - 1) * 86_400, (last + 2) * 86_400)
    end = (EPOCH + _DAY * (last + 2)).astimezone(UTC).astimezone(zone).utcoffset() or timedelta()
    return not any(until_s * 1000 % QUARTER_MS or offset_ms % QUARTER_MS for until_s, offset_ms in changes) and not (
        end % timedelta(milliseconds=QUARTER_MS)
    )
