"""A week against the usual: what changed is said, and what did not is not."""

import random
from datetime import date, timedelta

import pytest

from hub.explore.days import dates_before, on_this_day
from hub.explore.trends import begin_of, trends, usual
from hub.query.filter import Filter
from tests.hub.moments import START, make

LAST = date(2026, 5, 24)  # a Sunday; START is the Friday before


def weeks(count, mood, *, seed=1, last_mood=None):
    """Ten moments a day for so many weeks that end with LAST."""
    drawn = random.Random(seed)
    made = []
    for before in range(count * 7):
        day = START + timedelta(days=2 - before)
        valence = last_mood if before < 7 and last_mood is not None else mood
        for hour in range(10):
            value = max(-1.0, min(1.0, valence + drawn.gauss(0, 0.1)))
            made.append(make(start=day + timedelta(hours=hour - 9), valence=value, arousal=0.1))
    return made


def told(store, span="week", **seen):
    with store.reading() as connection:
        return trends(connection, Filter(**seen), span, LAST)


def measure(found, name):
    return next(one for one in found["measures"] if one["measure"] == name)


def test_a_week_that_is_as_usual_differs_in_nothing(store):
    store.take(weeks(9, 0.1))
    found = told(store)
    assert (found["from"], found["to"], found["days"], found["count"]) == ("2026-05-18", "2026-05-25", 7, 70)
    assert found["usual"] == {"from": "2026-03-23", "to": "2026-05-18", "spans": 8}
    valence = measure(found, "valence")
    assert valence["differs"] is None
    assert valence["usual_low"] < valence["usual"] < valence["usual_high"]
    assert valence["low"] < valence["value"] < valence["high"]
    assert measure(found, "happiness")["value"] == 1.0
    assert measure(found, "arousal")["differs"] is None


def test_a_brighter_week_is_said_to_be_one(store):
    store.take(weeks(9, 0.0, last_mood=0.6))
    found = told(store)
    assert measure(found, "valence")["differs"] == "higher"
    assert {part["valence"]["differs"] for part in found["by"]["hour_of_day"]} == {"higher"}
    assert [part["count"] for part in found["by"]["weekday"]] == [10] * 7


def test_too_few_weeks_tell_nothing(store):
    store.take(weeks(3, 0.0, last_mood=0.9))
    assert measure(told(store), "valence")["differs"] is None


def test_without_moments_nothing_is_told(store):
    found = told(store)
    assert (found["days"], found["usual"]["spans"]) == (0, 0)
    assert measure(found, "valence") == {"measure": "valence"} | dict.fromkeys(
        ("value", "low", "high", "usual", "usual_low", "usual_high", "differs")
    )


def test_the_usual_holds_what_would_come_next_nine_times_in_ten():
    drawn, inside = random.Random(5), 0
    for _ in range(2000):
        *before, following = (drawn.gauss(0, 1) for _ in range(9))
        _, low, high = usual(before)
        inside += low <= following <= high
    assert inside / 2000 == pytest.approx(0.9, abs=0.02)


def test_notes_without_sound_count_in_shares_and_in_no_mean(store):
    store.take(weeks(9, 0.4))
    before = told(store)
    notes = [
        make(
            basis="none",
            origin="note",
            place=None,
            scene=None,
            seconds=0.0,
            start=START.replace(hour=hour) + timedelta(days=2 - day),
        )
        for day in range(7)
        for hour in (3, 20)
    ]
    store.take(notes)
    for note in notes:
        store.correct(note.id, "sadness")
    after = told(store)
    for name in ("valence", "arousal"):
        assert measure(after, name) == measure(before, name)
    assert measure(after, "sadness")["value"] == pytest.approx(14 / 84, abs=1e-4)
    (evening,) = [part for part in after["by"]["hour_of_day"] if part["hour_of_day"] == 20]
    assert (evening["count"], evening["valence"]["value"], evening["arousal"]["value"]) == (7, None, None)


def test_months_are_compared_with_the_six_before(store):
    store.take(weeks(30, 0.1))
    found = told(store, "month")
    assert (found["from"], found["to"]) == ("2026-05-01", "2026-06-01")
    assert found["usual"] == {"from": "2025-11-01", "to": "2026-05-01", "spans": 6}


def test_a_week_begins_on_monday():
    assert begin_of(LAST, "week") == date(2026, 5, 18)
    assert begin_of(date(2026, 5, 18), "week") == date(2026, 5, 18)


def test_on_this_day_leaves_out_dates_that_are_none():
    assert (date(2026, 2, 28), "month", 1) in dates_before(date(2026, 3, 28))
    assert not [one for one in dates_before(date(2026, 3, 31)) if one[1:] == ("month", 1)]
    leap = dates_before(date(2028, 2, 29))
    assert [when for when, unit, _ in leap if unit == "year"] == [date(2024, 2, 29), date(2020, 2, 29)]


def test_on_this_day_shows_what_the_person_noted_first(store):
    then = START.replace(year=2025)
    passing = [make(start=then + timedelta(minutes=n), valence=0.9) for n in range(20)]
    noted = make(start=then, valence=0.0)
    store.take([*passing, noted, make(start=START.replace(month=4))])
    store.write_note(noted.id, "by the sea")
    with store.reading() as connection:
        month, year = on_this_day(connection, Filter(), START.date())
    assert (month["ago"], month["count"]) == ({"unit": "month", "number": 1}, 1)
    assert (year["date"], year["ago"], year["count"]) == ("2025-05-22", {"unit": "year", "number": 1}, 21)
    assert len(year["moments"]) == 5
    assert noted.id in {one["id"] for one in year["moments"]}


def test_what_was_meant_early_on_a_busy_day_stands_out_on_this_day(any_store):
    day = START.replace(year=2025, hour=0, minute=0)
    passing = [make(start=day + timedelta(seconds=40 * n), valence=0.9, arousal=0.9) for n in range(2000)]
    mark = make(start=day + timedelta(minutes=3), origin="mark", valence=0.0, arousal=0.0)
    any_store.take([*passing, mark])
    any_store.correct(passing[7].id, "sadness")
    any_store.write_note(passing[2].id, "before it was light")
    with any_store.reading() as connection:
        (year,) = on_this_day(connection, Filter(), START.date())
    meant = [passing[2].id, mark.id, passing[7].id]
    assert [one["id"] for one in year["moments"] if one["id"] in meant] == meant
    assert [one["start"] for one in year["moments"]] == sorted(one["start"] for one in year["moments"])
    assert len(year["moments"]) == 5
