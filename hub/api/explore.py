"""Calls that look at moments together: this day in other years, this week or month against the usual."""

from datetime import date, datetime
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from hub.api.asked import answer, parts_of, read
from hub.api.documented import documented
from hub.explore import days, named, places, trends
from hub.query.filter import BadQuery, Filter

router = APIRouter(prefix="/api", tags=["explore"])


class Ago(BaseModel):
    """How long before."""

    unit: Literal["month", "year"]
    number: int


class Day(BaseModel):
    """A day, what it added up to, and the moments of it that stood out."""

    date: date
    ago: Ago
    count: int
    seconds: float
    emotions: dict[str, int]
    valence: float | None
    arousal: float | None
    moments: list[dict[str, Any]]


class OnThisDay(BaseModel):
    """The same date in the months and years before, the latest first; days without moments are left out."""

    date: date
    items: list[Day]


class Compared(BaseModel):
    """A mean over days with its 95 % interval (null with too few days), and where it usually lies.

    `differs` is null where it does not, or where there is too little to tell.
    """

    value: float | None
    low: float | None
    high: float | None
    usual: float | None
    usual_low: float | None
    usual_high: float | None
    differs: Literal["higher", "lower"] | None


class Measure(Compared):
    """One measure: mean valence or arousal, or the share of an emotion."""

    measure: str


class HourOfDay(BaseModel):
    """One hour of the day."""

    hour_of_day: int
    count: int
    valence: Compared
    arousal: Compared


class Weekday(BaseModel):
    """One weekday, 1 for Monday."""

    weekday: int
    count: int
    valence: Compared
    arousal: Compared


class SceneOf(BaseModel):
    """One scene; null where none was told."""

    scene: str | None
    count: int
    valence: Compared
    arousal: Compared


class PlaceOf(BaseModel):
    """One place that the person returns to; of the filter, devices and owner count."""

    id: str
    name: str | None
    count: int
    valence: Compared
    arousal: Compared


class By(BaseModel):
    """The parts of the span."""

    hour_of_day: list[HourOfDay]
    weekday: list[Weekday]
    scene: list[SceneOf]
    place: list[PlaceOf]


class Usual(BaseModel):
    """The spans before, of which `spans` have days enough to count."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"from": "2026-02-23", "to": "2026-05-18", "spans": 12}]})
    spans: int


class Trends(BaseModel):
    """A week or month against one's own usual: the 12 weeks or 6 months before it; `days`: those that count."""

    span: Literal["week", "month"]
    days: int
    count: int
    seconds: float
    usual: Usual
    measures: list[Measure]
    by: By


_SPANS: Final = ("week", "month")


def _day(filter_: Filter, text: str | None) -> date:
    if filter_.begin is not None or filter_.end is not None:
        raise BadQuery("from" if filter_.begin is not None else "to", "does not go with date")
    if text is None:
        return datetime.now(ZoneInfo(filter_.tz) if filter_.tz else datetime.now().astimezone().tzinfo).date()
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise BadQuery("date", "must be a date, as 2026-05-22") from None
    if not 1970 <= found.year <= 9000:
        raise BadQuery("date", "must lie from 1970 on")
    return found


@router.get("/on-this-day", response_model=OnThisDay, openapi_extra=documented("date"))
def on_this_day(request: Request) -> Response:
    """The same date a month, half a year and years before, with the moments that stood out."""
    filter_, rest = read(request, ("date",))
    day = _day(filter_, rest.get("date"))
    with parts_of(request).store.reading() as connection:
        found = days.on_this_day(connection, filter_, day)
    return answer({"date": day.isoformat(), "items": found})


@router.get("/trends", response_model=Trends, openapi_extra=documented("span", "date"))
def show_trends(request: Request) -> Response:
    """The week or month of a date against one's own usual, with how sure that is."""
    filter_, rest = read(request, ("span", "date"))
    span = rest.get("span", "week")
    if span not in _SPANS:
        raise BadQuery("span", f"{span!r} is none of {', '.join(_SPANS)}")
    day = _day(filter_, rest.get("date"))
    parts, whose = parts_of(request), filter_.only_owner or filter_.owner
    if whose is None and filter_.only_device is not None:
        whose = ""  # what others call their places is not for a device
    parts.place_days.refresh()
    with parts.store.reading() as connection:
        found = trends.trends(connection, filter_, span, day)  # type: ignore[arg-type]
        known = places.places(places.cells_of(connection, filter_), named.of(connection, whose))
        found["by"]["place"] = trends.by_place(connection, filter_, span, day, known)  # type: ignore[arg-type]
    return answer(found)
