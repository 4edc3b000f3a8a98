from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.owner.schedule import WEEK, Span, covering

HOURS = st.integers(0, 1439).map(lambda minutes: f"{minutes // 60:02d}:{minutes % 60:02d}")
MONDAY = datetime(2026, 5, 18, tzinfo=ZoneInfo("Asia/Seoul"))


def span(days, begin, end):
    return Span.model_validate({"days": days, "from": begin, "to": end})


def test_a_night_ends_on_the_day_after_it_began():
    night = span(["mon"], "22:00", "07:00")
    assert not night.covers(MONDAY.replace(hour=21, minute=59))
    assert night.covers(MONDAY.replace(hour=22))
    assert night.covers(MONDAY + timedelta(days=1, hours=6, minutes=59))
    assert not night.covers(MONDAY + timedelta(days=1, hours=7))
    assert not night.covers(MONDAY.replace(hour=3)), "that night began on Sunday"


def test_the_wall_clock_counts_where_daylight_saving_begins():
    berlin = ZoneInfo("Europe/Berlin")
    night = span(WEEK, "01:00", "03:30")
    assert night.covers(datetime(2026, 3, 29, 1, 59, tzinfo=berlin))
    assert night.covers(datetime(2026, 3, 29, 3, 15, tzinfo=berlin)), "two minutes to two is followed by three"
    assert not night.covers(datetime(2026, 3, 29, 3, 30, tzinfo=berlin))


@given(
    days=st.lists(st.sampled_from(WEEK), min_size=1, unique=True), begin=HOURS, end=HOURS, minute=st.integers(0, 10_079)
)
def test_a_week_is_covered_minute_by_minute_as_counting_from_each_begin_says(days, begin, end, minute):
    if begin == end:
        return
    minutes = {name: int(text[:2]) * 60 + int(text[3:]) for name, text in (("begin", begin), ("end", end))}
    length = (minutes["end"] - minutes["begin"]) % 1440
    begins = [WEEK.index(day) * 1440 + minutes["begin"] for day in days]
    expected = any((minute - at) % 10_080 < length for at in begins)
    assert span(days, begin, end).covers(MONDAY + timedelta(minutes=minute)) == expected


def test_the_first_span_that_covers_is_told():
    spans = [span(["sun"], "10:00", "11:00"), span(WEEK, "12:00", "13:00")]
    assert covering(spans, MONDAY.replace(hour=12)) is spans[1]
    assert covering(spans, MONDAY.replace(hour=11)) is None


def test_hours_that_yaml_reads_as_a_number_are_what_was_meant():
    assert span(["mon"], 22 * 60, "07:00").begin == "22:00"


@pytest.mark.parametrize(
    ("begin", "end"), [("22:00", "22:00"), ("24:00", "07:00"), ("7:00", "08:00"), (1440, "08:00"), (None, "08:00")]
)
def test_what_is_no_span_is_refused(begin, end):
    with pytest.raises(ValidationError):
        span(["mon"], begin, end)
