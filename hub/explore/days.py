"""On this day: the same date in the months and years before, with the moments that stood out."""

from calendar import monthrange
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from hub.query.filter import Filter
from hub.query.pages import page, read_paging
from hub.query.summary import summary

_MONTHS: Final = (1, 6)
_YEARS: Final = 10
_SHOWN: Final = 5
_LOOKED_AT: Final = "300"


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
    shown = []
    for when, unit, number in dates_before(day):
        that_day = replace(filter_, begin=when, end=when + timedelta(days=1))
        found = summary(connection, that_day, ("day",))
        if not found:
            continue
        told = {name: found[0][name] for name in ("count", "seconds", "emotions", "valence", "arousal")}
        ago = {"unit": unit, "number": number}
        shown.append({"date": when.isoformat(), "ago": ago, **told, "moments": _standing_out(connection, that_day)})
    return shown


def _standing_out(connection: Connection, that_day: Filter) -> list[dict[str, Any]]:
    """Give a few moments of a day: with a person's words or correction first, then made on purpose, then strongest."""
    noted = page(connection, replace(that_day, has=(*that_day.has, "note")), read_paging({"limit": str(_SHOWN)})).items
    others = page(connection, that_day, read_paging({"limit": _LOOKED_AT})).items
    known = {item["id"] for item in noted}
    others = sorted((item for item in others if item["id"] not in known), key=_weight, reverse=True)
    return sorted([*noted, *others][:_SHOWN], key=lambda item: str(item["start"]))


def _weight(item: dict[str, Any]) -> tuple[bool, bool, float]:
    strength = abs(item["valence"] or 0.0) + abs(item["arousal"] or 0.0)
    return item["correction"] is not None, item["origin"] != "ambient", strength * (item["confidence"] or 0.0)
