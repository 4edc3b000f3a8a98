"""Hours of the week in which the device does not listen: `22:00` to `07:00` on some days, in local time."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _of_yaml(value: object) -> object:
    """YAML 1.1 reads 22:00 without quotes as a number to the base of 60."""
    return f"{value // 60:02d}:{value % 60:02d}" if isinstance(value, int) and 0 <= value < 1440 else value


Hour = Annotated[str, BeforeValidator(_of_yaml), Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Span(BaseModel):
    """A span of local time that begins on each of `days`; one whose `to` is before its `from` ends on the next day."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    days: Annotated[tuple[Weekday, ...], Field(min_length=1, description="days on which it begins")] = WEEK
    begin: Annotated[Hour, Field(alias="from", description="local time, HH:MM")]
    end: Annotated[Hour, Field(alias="to", description="local time, HH:MM")]

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.begin == self.end:
            raise ValueError("from and to must differ")
        return self

    def covers(self, now: datetime) -> bool:
        """Tell whether a local time lies in the span. The wall clock counts, also on days of 23 or 25 hours."""
        begin, end, clock = time.fromisoformat(self.begin), time.fromisoformat(self.end), now.time()
        today, yesterday = WEEK[now.weekday()], WEEK[(now - timedelta(days=1)).weekday()]
        if begin < end:
            return today in self.days and begin <= clock < end
        return (today in self.days and clock >= begin) or (yesterday in self.days and clock < end)

    def __str__(self) -> str:
        return f"{self.begin} to {self.end}"


def covering(spans: Iterable[Span], now: datetime) -> Span | None:
    """Give the first of the spans that `now`, a local time, lies in."""
    return next((span for span in spans if span.covers(now)), None)
