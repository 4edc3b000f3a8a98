"""Dates of recordings, and the times within them."""

import os
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from edge.capture import dates

KOREA = timezone(timedelta(hours=9))


@pytest.fixture
def in_zone(monkeypatch):
    def go(zone):
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield go
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def berlin(in_zone):
    in_zone("CET-1CEST,M3.5.0,M10.5.0/3")


def local(text):
    return dates.placed(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2026-05-22T09:32:10+09:00", datetime(2026, 5, 22, 9, 32, 10, tzinfo=KOREA)),
        ("2026-05-22T09:32:10.250+09:00", datetime(2026, 5, 22, 9, 32, 10, 250_000, tzinfo=KOREA)),
        ("2026-05-22T09:32:10,2500000Z", datetime(2026, 5, 22, 9, 32, 10, 250_000, tzinfo=UTC)),
        ("2026-05-22t09:32:10.5z", datetime(2026, 5, 22, 9, 32, 10, 500_000, tzinfo=UTC)),
        ("2026:05:22 09:32:10 +0900", datetime(2026, 5, 22, 9, 32, 10, tzinfo=KOREA)),
        ("at 2026-05-22 09:32:10+09, in the park", datetime(2026, 5, 22, 9, 32, 10, tzinfo=KOREA)),
    ],
)
def test_a_tag_is_read_with_its_fraction_and_its_offset(berlin, text, says):
    found = dates.of_tag(text)
    assert (found, found.utcoffset()) == (says, says.utcoffset())


@pytest.mark.parametrize(
    "text", ["2026-05-22T09:32:10", "2026-05-22 09:32:10 - 10:15:00", "2026-05-22 09:32:10-10:15:00"]
)
def test_a_tag_without_an_offset_is_local_time(berlin, text):
    found = dates.of_tag(text)
    assert found.isoformat() == "2026-05-22T09:32:10+02:00"


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-05-22", "2026-13-40T99:99:99", "2026-05-22T09:32:10+25:00", "yesterday"]
)
def test_a_tag_that_is_no_time_of_day_is_not_taken_for_one(text):
    assert dates.of_tag(text) is None


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00", "0001-01-01T00:00:00+09:00", "9999-12-31T23:59:58Z"])
def test_a_year_in_which_nobody_records_is_no_date(text):
    assert dates.of_tag(text) is None


@pytest.mark.parametrize(
    ("begins", "seconds", "says"),
    [
        ("2026-03-29T00:30:00", 3 * 3600, "2026-03-29T04:30:00+02:00"),
        ("2026-03-29T00:30:00+01:00", 3 * 3600, "2026-03-29T03:30:00+01:00"),
        ("2026-10-25T01:30:00", 3600, "2026-10-25T02:30:00+02:00"),
        ("2026-10-25T01:30:00", 2 * 3600, "2026-10-25T02:30:00+01:00"),
        ("2026-10-25T01:30:00", 3 * 3600, "2026-10-25T03:30:00+01:00"),
    ],
)
def test_a_local_time_goes_on_as_the_wall_clock_does_and_another_keeps_its_offset(berlin, begins, seconds, says):
    assert dates.after(local(begins), seconds).isoformat() == says


def test_a_time_in_the_hour_that_comes_twice_is_counted_from_as_well(berlin):
    second = dates.after(local("2026-10-25T01:30:00"), 2 * 3600)
    assert dates.after(second, 3600).isoformat() == "2026-10-25T03:30:00+01:00"


def test_a_zone_that_had_seconds_is_told_in_whole_minutes_at_the_same_instant(in_zone):
    in_zone("AMT-0:19:32")  # Amsterdam, until 1937
    begins = dates.of_tag("1930-01-22T12:00:00")
    assert begins.isoformat() == "1930-01-22T12:00:28+00:20"  # as RFC 3339, 5.8 has it
    assert begins == datetime(1930, 1, 22, 11, 40, 28, tzinfo=UTC)
    assert dates.after(begins, 3600).isoformat() == "1930-01-22T13:00:28+00:20"


def test_an_offset_that_is_said_with_seconds_is_told_in_whole_minutes_at_the_same_instant():
    said = datetime.fromisoformat("1930-01-22T12:00:00+00:19:32")
    assert dates.placed(said).isoformat() == "1930-01-22T12:00:28+00:20"
    assert dates.placed(said) == said
    assert dates.placed(datetime.fromisoformat("1930-01-22T12:00:00+23:59:45")) is None, "24 h are no offset"


def test_a_file_that_was_changed_last_at_its_end_began_by_its_length_before(berlin, tmp_path):
    path = tmp_path / "a.wav"
    path.touch()
    os.utime(path, (1_774_753_200, 1_774_753_200))  # 2026-03-29T05:00:00+02:00
    begins = dates.of_change(path, 3 * 3600)
    assert begins.isoformat() == "2026-03-29T01:00:00+01:00"
    assert dates.after(begins, 3 * 3600).isoformat() == "2026-03-29T05:00:00+02:00"


@pytest.mark.parametrize("seconds", [3e9, 1e12, 2.9e14])
def test_a_length_that_reaches_back_to_no_date_is_told_with_the_remedy(tmp_path, seconds):
    path = tmp_path / "a.wav"
    path.touch()
    os.utime(path, (0, 0))
    with pytest.raises(dates.NoDate, match=r"a\.wav: .* is no date; give it a date of its own$"):
        dates.of_change(path, seconds)
