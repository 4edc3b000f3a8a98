"""Buckets of time, asked of InfluxDB in InfluxQL.

InfluxQL's buckets have one offset from UTC each. So a wearer's hours are asked for each offset that moments carry,
and a time zone's for each stretch between two of its changes; what comes back is put together by name.
"""

import logging
import math
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from hub.influx.feeder import caught_up, knows
from hub.influx.points import MEASUREMENT, offset_of, offset_tag
from hub.influx.server import Refused, Server, Unreachable
from hub.query.filter import Bound, Filter
from hub.query.source import Part
from hub.query.sql import first_and_last_ms, whose, zone_changes
from hub.stores.rows import ms
from hub.stores.store import now_ms
from hub.stores.tables import devices

_log = logging.getLogger(__name__)

TIMES: Final = {"hour": 1, "hour_of_day": 1, "day": 24, "week": 24, "month": 24, "weekday": 24}
"""The kinds of bucket that are times, and the hours that they are put together from."""

_TAGS: Final = {"emotion": "emotion", "device": "device", "scene": "scene"}
_UNTOLD: Final = ("near", "text", "has")
_END: Final = ms(datetime(2200, 1, 1, tzinfo=UTC))
_SUMS: Final = "COUNT(seconds), SUM(seconds), COUNT(valence), SUM(valence), SUM(arousal)"


def tells(filter_: Filter, by: tuple[str, ...]) -> bool:
    """Tell whether InfluxDB can answer this: buckets of time, and a filter without circle, words or what is kept."""
    times = [kind for kind in by if kind in TIMES]
    others = [kind for kind in by if kind not in TIMES]
    plain = not any(getattr(filter_, name) for name in _UNTOLD)
    return len(times) == 1 and all(kind in _TAGS for kind in others) and plain


def where(connection: Connection, filter_: Filter) -> str:
    """Write the filter, all but its times, as the conditions of InfluxQL. Devices come from the store."""
    found = []
    for name, values in (
        ("emotion", filter_.emotion),
        ("basis", filter_.basis),
        ("origin", filter_.origin),
        ("scene", filter_.scene),
    ):
        if values:
            found.append(_any(name, values))
    named = whose(filter_, devices.c.n)
    if named:
        ids = connection.execute(select(devices.c.id).where(*named)).scalars().all()
        found.append(_any("device", tuple(ids)) if ids else "\"device\" = ''")
    if filter_.bbox:
        west, south, east, north = filter_.bbox
        joined = "AND" if west <= east else "OR"
        found.append(f"lat >= {south!r} AND lat <= {north!r} AND (lon >= {west!r} {joined} lon <= {east!r})")
    if filter_.min_confidence is not None:
        found.append(f"confidence >= {float(filter_.min_confidence)!r}")
    for name, span in (("valence", filter_.valence), ("arousal", filter_.arousal)):
        if span:
            found.append(f"{name} >= {float(span[0])!r} AND {name} <= {float(span[1])!r}")
    return "".join(f" AND {each}" for each in found)


def _any(name: str, values: tuple[str, ...]) -> str:
    quoted = (value.replace("\\", "/").replace("'", "\\'") for value in values)
    return "(" + " OR ".join(f"\"{name}\" = '{value}'" for value in quoted) + ")"


def parts(connection: Connection, server: Server, filter_: Filter, by: tuple[str, ...]) -> list[Part] | None:
    """Give the buckets, by emotion; None when InfluxDB has not all, or not all yet. Raises Unreachable, Refused."""
    if not tells(filter_, by) or not caught_up(connection) or not knows(connection, server):
        return None
    first, last = first_and_last_ms(connection)
    if first is None or first < 0 or last >= _END:  # InfluxDB's times end somewhere, and SQL's do not
        return None
    if first < now_ms() - 1000 * server.keeps_s():
        return None
    hours = max(TIMES.get(kind, 0) for kind in by)
    tags = sorted({"emotion", *(_TAGS[kind] for kind in by if kind in _TAGS)})
    grouped = ", ".join(f'"{tag}"' for tag in tags)
    conditions = where(connection, filter_)
    found = []
    for begin_ms, end_ms, offset_min, tag in _stretches(server, filter_, first, last + 1):
        of = f" AND \"offset\" = '{tag}'" if tag else ""
        when = f"time >= {begin_ms}000000 AND time < {end_ms}000000"
        asked = (
            f'SELECT {_SUMS} FROM "{MEASUREMENT}" WHERE {when}{of}{conditions}'  # noqa: S608 - InfluxQL; values are quoted
            f" GROUP BY time({hours}h, {-offset_min}m), {grouped} fill(none)"
        )
        for series in server.ask(asked):
            names = {name: series["tags"][name] or None for name in tags}
            for at, count, seconds, felt, valence, arousal in series["values"]:
                if count:
                    sums = (seconds or 0.0, int(felt or 0), valence or 0.0, arousal or 0.0)
                    found.append(Part(at + offset_min * 60_000, names, int(count), sums))
    return found


def _stretches(server: Server, filter_: Filter, first: int, last: int) -> Iterator[tuple[int, int, int, str | None]]:
    """Give (begin, end in ms, offset in minutes, the offset's tag or None) of what is to be asked in one go."""
    if filter_.tz is None:
        shown = server.ask(f'SHOW TAG VALUES FROM "{MEASUREMENT}" WITH KEY = "offset"')
        for tag in sorted(value for series in shown for _, value in series["values"]):
            offset = offset_of(tag)
            begin = _local(filter_.begin, offset, first)
            end = _local(filter_.end, offset, last)
            if begin < end:
                yield max(begin, first), min(end, last), offset, offset_tag(offset)
        return
    zone = ZoneInfo(filter_.tz)
    begin, end = max(first, _instant(filter_.begin, zone, first)), min(last, _instant(filter_.end, zone, last))
    at = begin
    for until_s, offset_ms in zone_changes(zone, begin // 1000, end // 1000 + 1):
        if at < min(until_s * 1000, end):
            yield at, min(until_s * 1000, end), offset_ms // 60_000, None
        at = max(at, until_s * 1000)
    if at < end:
        after = datetime.fromtimestamp(math.floor(at / 1000), zone).utcoffset() or timedelta()
        yield at, end, after // timedelta(minutes=1), None


def _local(bound: Bound | None, offset_min: int, otherwise: int) -> int:
    if bound is None or isinstance(bound, datetime):
        return otherwise if bound is None else ms(bound)
    return ms(datetime.combine(bound, time(), UTC)) - offset_min * 60_000


def _instant(bound: Bound | None, zone: ZoneInfo, otherwise: int) -> int:
    if bound is None or isinstance(bound, datetime):
        return otherwise if bound is None else ms(bound)
    return ms(datetime.combine(bound, time(), zone))


class Series:
    """Answers summaries from a server; where it cannot, gives None, and the store is asked."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def __call__(self, connection: Connection, filter_: Filter, by: tuple[str, ...]) -> list[Part] | None:
        """Give the parts of buckets."""
        try:
            return parts(connection, self._server, filter_, by)
        except (Unreachable, Refused) as error:
            _log.warning("InfluxDB does not answer a summary; the store does", extra={"reason": str(error)})
            return None
