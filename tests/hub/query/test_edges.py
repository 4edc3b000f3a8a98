"""Where a filter's ends lie, exactly."""

from datetime import datetime, timedelta, timezone

import pytest

from hub.query import pages
from hub.query.filter import Filter, parse
from hub.query.summary import summary
from moments import Place
from tests.hub.moments import make

ZONE = timezone(timedelta(hours=5, minutes=45))
MIDNIGHTS = [datetime(2026, 5, day, tzinfo=ZONE) for day in (22, 23)]


def found(store, *pairs):
    with store.reading() as connection:
        return {item["id"] for item in pages.page(connection, parse(pairs)[0], pages.Paging()).items}


@pytest.mark.parametrize(
    "ends",
    [
        [("from", "2026-05-22"), ("to", "2026-05-23")],
        [("from", "2026-05-22"), ("to", "2026-05-23"), ("tz", "Asia/Kathmandu")],
        [("from", "2026-05-22T00:00:00+05:45"), ("to", "2026-05-23T00:00:00+05:45")],
    ],
)
def test_a_span_holds_its_begin_and_not_its_end(store, ends):
    first, last, after = (
        make(start=at) for at in (MIDNIGHTS[0], MIDNIGHTS[1] - timedelta(milliseconds=1), MIDNIGHTS[1])
    )
    before = make(start=MIDNIGHTS[0] - timedelta(milliseconds=1))
    store.take([before, first, last, after])
    assert found(store, *ends) == {first.id, last.id}


def test_a_circle_is_round_also_where_meridians_are_close_and_across_the_180th(store):
    # At 60° north a degree of longitude is 55 597 m; 0.0089° are 495 m, 0.0091° 506 m.
    inside, outside = (make(place=Place(lat=60.0, lon=-179.999 + east)) for east in (0.0079, 0.0081))
    west = make(place=Place(lat=60.0, lon=179.992))
    corner = make(place=Place(lat=60.0036, lon=-179.9928))  # 400 m to the north and 400 m to the east
    store.take([inside, outside, west, corner])
    assert found(store, ("near", "60,180"), ("radius_m", "500")) == {inside.id, west.id}


ENDS = (
    "0001-01-01T00:00:00+00:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59+00:00",
    "9999-12-31T23:59:59-12:00",
)


@pytest.mark.parametrize("start", ENDS)
@pytest.mark.parametrize(
    ("tz", "day"), [("Asia/Seoul", "2026-05-22"), ("America/New_York", "2026-05-21"), (None, "2026-05-22")]
)
def test_a_moment_at_an_end_of_the_calendar_is_counted_and_takes_no_other_out_of_its_day(store, start, tz, day):
    store.take([make(start=datetime.fromisoformat(start)), make()])
    with store.reading() as connection:
        for by in ("hour", "week", "month", "hour_of_day", "weekday"):
            assert sum(bucket["count"] for bucket in summary(connection, Filter(tz=tz), (by,))) == 2
        days = {bucket["day"]: bucket["count"] for bucket in summary(connection, Filter(tz=tz), ("day",))}
    assert days == {start[:10]: 1, day: 1}
