"""On this day: the same date in the months and years before, with the moments that stood out."""

from calendar import monthrange
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Connection, case, exists, func, select

from hub.query.filter import Filter
from hub.query.pages import shown
from hub.query.sql import condition
from hub.query.summary import summary
from hub.stores.tables import moments, notes

_MONTHS: Final = (1, 6)
_YEARS: Final = 10
_SHOWN: Final = 5


def dates_before(day: date) -> list[tuple[date, str, int]]:
    """Give (date, unit, how many) for a month, half a year, and 1 to 10 years before, where there is such a date."""
    found = []
    for unit, numbers in (("month", _MONTHS), ("year", range(1, _YEARS + 1))):
        for number in numbers:
            months = day.year * 12 + day.month - 1 - (number if unit == "month" else 12 * number)
            year, month = divmod(months, 12)
            if year >= 1 and day.day <= monthrange(year, month + 1)[1]:
                found.append((date(year, month + 1, day.day), unit, number))
    return found


def on_this_day(connection: Connection, filter_: Filter, day: date) -> list[dict[str, Any]]:
    """Give the days that have moments, the latest first, as the API shows them."""
    days = []
    for when, unit, number in dates_before(day):
        that_day = replace(filter_, begin=when, end=when + timedelta(days=1))
        found = summary(connection, that_day, ("day",))
        if not found:
            continue
        told = {name: found[0][name] for name in ("count", "seconds", "emotions", "valence", "arousal")}
        ago = {"unit": unit, "number": number}
        days.append({"date": when.isoformat(), "ago": ago, **told, "moments": _standing_out(connection, that_day)})
    return days


def _standing_out(connection: Connection, that_day: Filter) -> list[dict[str, Any]]:
    """Give a few moments of a day: with a person's words first, then corrected, made on purpose, and strongest."""
    m = moments.c
    noted = exists().where(notes.c.seq == m.seq)
    strength = (func.abs(m.valence) + func.abs(m.arousal)) * m.confidence
    first = (noted, m.correction.is_not(None), m.origin != "ambient")
    order = (*(case((holds, 0), else_=1) for holds in first), func.coalesce(strength, 0.0).desc(), m.seq.desc())
    best = select(m.seq, m.start_ms).where(*condition(that_day)).order_by(*order).limit(_SHOWN)
    return shown(connection, sorted((row.start_ms, row.seq) for row in connection.execute(best)))
