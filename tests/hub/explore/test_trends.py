"""A week against the usual: what changed is said, and what did not is not."""

import random
from datetime import date, timedelta
from statistics import stdev

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


def days(store, values, moments=10):
    """Keep a day of so many moments (each, or one by one) for each valence, None for no day, the last on LAST."""
    counts = [moments] * len(values) if isinstance(moments, int) else moments
    made = []
    for before, (value, count) in enumerate(zip(values[::-1], counts[::-1], strict=True)):
        if value is not None:
            day = START + timedelta(days=2 - before)
            made += [make(start=day + timedelta(minutes=n), valence=value, arousal=0.1) for n in range(count)]
    store.take(made)


def test_a_week_that_is_as_usual_differs_in_nothing(store):
    store.take(weeks(13, 0.1))
    found = told(store)
    assert (found["from"], found["to"], found["days"], found["count"]) == ("2026-05-18", "2026-05-25", 7, 70)
    assert found["usual"] == {"from": "2026-02-23", "to": "2026-05-18", "spans": 12}
    valence = measure(found, "valence")
    assert valence["differs"] is None
    assert valence["usual_low"] < valence["usual"] < valence["usual_high"]
    assert valence["low"] < valence["value"] < valence["high"]
    assert measure(found, "happiness")["value"] == 1.0
    assert measure(found, "arousal")["differs"] is None


def test_a_brighter_week_is_said_to_be_one(store):
    store.take(weeks(13, 0.0, last_mood=0.6))
    found = told(store)
    assert measure(found, "valence")["differs"] == "higher"
    assert {part["valence"]["differs"] for part in found["by"]["hour_of_day"]} == {"higher"}
    assert [part["count"] for part in found["by"]["weekday"]] == [10] * 7
    assert all(part["valence"]["usual"] == pytest.approx(0.0, abs=0.1) for part in found["by"]["weekday"])


def test_too_few_weeks_tell_nothing(store):
    store.take(weeks(3, 0.0, last_mood=0.9))
    found = measure(told(store), "valence")
    assert (found["usual"], found["differs"]) == (None, None)


def test_a_day_counts_once_however_much_was_heard_on_it(store):
    days(store, [0.1, 0.2, 0.9], [10, 10, 200])
    valence = measure(told(store), "valence")
    assert valence["value"] == pytest.approx(0.4)
    assert valence["low"] == pytest.approx(0.4 - 4.3 * stdev([0.1, 0.2, 0.9]) / 3**0.5, abs=1e-4)


def test_a_day_with_two_moments_tells_too_little(store):
    days(store, [0.1, 0.2, 0.3, 0.9], [3, 3, 3, 2])
    found = told(store)
    assert (found["days"], found["count"]) == (3, 11)
    assert measure(found, "valence")["value"] == pytest.approx(0.2)
    sunday = found["by"]["weekday"][-1]
    assert (sunday["count"], sunday["valence"]["value"]) == (2, None)


def test_two_days_are_too_few_to_be_sure_of(store):
    weeks_before = [0.0] * 7 * 4
    days(store, [*weeks_before, None, None, None, None, None, 0.8, 0.9])
    valence = measure(told(store), "valence")
    assert (valence["value"], valence["low"], valence["high"]) == (pytest.approx(0.85), None, None)
    assert (valence["usual"], valence["differs"]) == (0.0, None)


def test_of_each_week_before_as_many_days_count_as_of_this_one(store):
    before = [value for n in range(4) for value in (*[0.1 * n] * 3, *[0.9] * 4)]
    days(store, [*before, 0.1, 0.2, 0.15, None, None, None, None])
    valence = measure(told(store), "valence")
    assert (valence["usual"], valence["differs"]) == (pytest.approx(0.15), None)


def test_a_week_of_one_day_is_no_week_beside_one_of_three(store):
    one = [None, None, None, 0.9, None, None, None]
    days(store, [*one, *[0.1] * 7, *[0.2] * 7, *[0.3] * 7, 0.2, 0.2, 0.2, None, None, None, None])
    found = told(store)
    assert found["usual"]["spans"] == 3
    assert measure(found, "valence")["usual"] == pytest.approx(0.2)


def test_without_moments_nothing_is_told(store):
    found = told(store)
    assert (found["days"], found["usual"]["spans"]) == (0, 0)
    assert measure(found, "valence") == {"measure": "valence"} | dict.fromkeys(
        ("value", "low", "high", "usual", "usual_low", "usual_high", "differs")
    )


def test_the_usual_holds_what_would_come_next_nineteen_times_in_twenty():
    drawn, inside = random.Random(5), 0
    for _ in range(2000):
        *before, following = (drawn.gauss(0, 1) for _ in range(9))
        _, low, high = usual(before)
        inside += low <= following <= high
    assert inside / 2000 == pytest.approx(0.95, abs=0.015)


def test_notes_without_sound_count_in_shares_and_in_no_mean(store):
    store.take(weeks(13, 0.4))
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
