"""Steadiness: readings in, one stretch for a scene that goes on."""

from itertools import count, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.models.scenes import SceneReading
from edge.steady import Steady, Window

LABELS = ["rain", "cafe", "street", "alarm", "unclear"]


def reading(label, confidence=0.8):
    rest = (1 - confidence) / (len(LABELS) - 1)
    shares = {name: confidence if name == label else rest for name in LABELS}
    return SceneReading(shares=shares, label=label, group=f"group of {label}", confidence=confidence)


def new():
    numbers = count()
    return Steady(["alarm"], lambda: str(next(numbers)))


def feed(steady, labels, at=0.0, seconds=5.0):
    out = []
    for label in labels:
        out += steady.feed(Window(at, seconds, -30.0, reading(label)))
        at += seconds
    return out


def told(stretches):
    return [(s.reading.label, s.at, s.at + s.seconds) for s in stretches]


def test_a_new_scene_is_told_after_fifteen_seconds():
    assert told(feed(new(), ["rain"] * 3)) == [("rain", 0, 15)]


def test_a_scene_that_goes_on_is_told_every_four_minutes_each_continuing_the_one_before():
    steady = new()
    stretches = feed(steady, ["rain"] * 360) + steady.close()
    assert len(stretches) <= 12
    assert stretches[0].continues is None
    for before, after in pairwise(stretches):
        assert after.continues == before.id
        assert after.at == before.at + before.seconds
    assert sum(s.seconds for s in stretches) == 1800
    assert stretches[-1].lasting == 1800


def test_a_window_that_wavers_changes_nothing():
    steady = new()
    labels = ["rain", "rain", "rain", "cafe", "rain", "rain", "street", "rain", "rain", "rain"]
    stretches = feed(steady, labels) + steady.close()
    assert {s.reading.label for s in stretches} == {"rain"}
    assert sum(s.seconds for s in stretches) == 50


def test_a_scene_that_changes_begins_where_it_began():
    steady = new()
    stretches = feed(steady, ["rain"] * 8 + ["cafe"] * 8) + steady.close()
    rain = [s for s in stretches if s.reading.label == "rain"]
    cafe = [s for s in stretches if s.reading.label == "cafe"]
    assert rain[-1].at + rain[-1].seconds == 40
    assert cafe[0].at == 40
    assert cafe[0].continues is None
    assert [s.reading.label for s in stretches] == ["rain"] * len(rain) + ["cafe"] * len(cafe)


def test_an_ambience_that_wavers_all_the_time_is_no_flood():
    random = np.random.default_rng(5)
    labels = random.choice(["cafe", "street", "unclear"], 360, p=[0.7, 0.2, 0.1]).tolist()
    steady = new()
    stretches = feed(steady, labels) + steady.close()
    assert len(stretches) <= 12
    assert sum(s.seconds for s in stretches) == 1800


def test_a_scene_at_the_end_of_a_run_is_its_own_when_it_was_heard_twice():
    for windows, labels in ((1, ["rain"]), (2, ["rain", "cafe"])):
        steady = new()
        stretches = feed(steady, ["rain"] * 2 + ["cafe"] * windows) + steady.close()
        assert [s.reading.label for s in stretches] == labels


def test_a_sudden_sound_comes_through_at_once_and_the_scene_goes_on_after_it():
    steady = new()
    feed(steady, ["rain"] * 4)
    at_once = feed(steady, ["alarm"], at=20)
    assert told(at_once) == [("rain", 15, 20), ("alarm", 20, 25)]
    after = feed(steady, ["rain"] * 3, at=25) + steady.close()
    assert told(after) == [("rain", 25, 40)]


def test_a_sudden_sound_that_goes_on_continues():
    steady = new()
    stretches = feed(steady, ["alarm"] * 4) + steady.close()
    assert told(stretches) == [("alarm", 0, 5), ("alarm", 5, 20)]
    assert stretches[1].continues == stretches[0].id


def test_a_sudden_sound_that_comes_and_goes_is_told_once():
    stretches = feed(new(), ["rain", "rain", "rain", "alarm"] * 36)
    assert [s.at for s in stretches if s.reading.label == "alarm"] == [15]


def test_a_change_takes_longer_after_a_sudden_sound():
    for sudden, windows, changes in (([], 3, True), (["alarm"], 3, False), (["alarm"], 7, True)):
        steady = new()
        stretches = feed(steady, ["rain"] * 4 + sudden + ["rain"] * 4 + ["cafe"] * windows) + steady.close()
        assert (stretches[-1].label == "cafe") == changes


def bangs():
    """Give a scene in which there were ten sudden sounds, and the time of the last one's end."""
    kinds, numbers = [f"bang {number}" for number in range(10)], count()
    steady = Steady(kinds, lambda: str(next(numbers)))
    feed(steady, ["rain"] * 4)
    feed(steady, kinds, at=20)
    return steady, 70


def test_whatever_there_was_a_clean_change_takes_five_minutes_at_most():
    steady, at = bangs()
    feed(steady, ["rain"] * 20 + ["cafe"] * 60, at)
    assert steady.close()[-1].label == "cafe"


def test_half_an_hour_of_rest_makes_up_for_all_changes():
    steady, at = bangs()
    feed(steady, ["rain"] * 360 + ["cafe"] * 3, at)
    assert steady.close()[-1].label == "cafe"


def test_after_a_gap_of_a_minute_a_scene_is_told_as_a_new_one():
    for gap, told_at_once in ((61, True), (59, False)):
        steady = new()
        feed(steady, ["rain"] * 6)
        steady.close()
        assert bool(feed(steady, ["cafe"] * 3, at=30 + gap)) == told_at_once


def test_one_window_before_a_scene_belongs_to_it():
    steady = new()
    stretches = feed(steady, ["rain"] + ["cafe"] * 6) + steady.close()
    assert told(stretches)[0][:2] == ("cafe", 0)
    assert {s.label for s in stretches} == {"cafe"}


def test_nothing_is_told_while_the_last_window_deviates():
    steady = new()
    assert feed(steady, ["rain", "rain", "cafe"]) == []
    assert told(feed(steady, ["rain"], at=15)) == [("rain", 0, 20)]


def test_a_scene_goes_on_over_sound_that_was_lost():
    steady = new()
    stretches = feed(steady, ["rain"] * 3)
    steady.lost(1.5)
    stretches += feed(steady, ["rain"], at=16.5)
    steady.lost(0.5)
    stretches += feed(steady, ["rain"], at=22) + steady.close()
    assert told(stretches) == [("rain", 0, 15), ("rain", 16.5, 27)]
    assert stretches[1].continues == stretches[0].id


def test_what_is_unsure_is_not_sudden():
    steady = new()
    feed(steady, ["rain"] * 3)
    assert steady.feed(Window(15.0, 5.0, -30.0, reading("alarm", 0.4))) == []


def test_nothing_continues_over_a_gap():
    steady = new()
    stretches = feed(steady, ["rain"] * 4) + feed(steady, ["rain"] * 4, at=30) + steady.close()
    assert told(stretches) == [("rain", 0, 15), ("rain", 15, 20), ("rain", 30, 45), ("rain", 45, 50)]
    assert [s.continues for s in stretches] == [None, "0", None, "2"]


def test_a_stretch_has_the_mean_of_its_windows():
    steady = new()
    steady.feed(Window(0.0, 5.0, -20.0, reading("rain", 0.9)))
    steady.feed(Window(5.0, 1.0, -120.0, reading("rain", 0.3)))
    stretch = steady.close()[0]
    assert stretch.reading.confidence == pytest.approx(0.8)
    assert stretch.reading.shares["rain"] == pytest.approx(0.8)
    assert sum(stretch.reading.shares.values()) == pytest.approx(1)
    assert stretch.level_dbfs == pytest.approx(-20 + 10 * np.log10(5 / 6))
    assert stretch.reading.group == "group of rain"


def test_the_surroundings_are_remembered_for_a_minute():
    steady = new()
    feed(steady, ["cafe"] * 2)
    assert steady.around(11).label == "cafe"
    assert steady.around(69).label == "cafe"
    assert steady.around(71) is None
    assert new().around(0) is None


def test_a_new_scene_is_what_surrounds_speech_after_it():
    steady = new()
    feed(steady, ["cafe"] * 4 + ["street"] * 4)
    assert steady.around(40).label == "street"


@given(
    st.lists(st.tuples(st.sampled_from(LABELS), st.floats(0.5, 5.5), st.sampled_from([0, 0, 0, 0, 2, 90])), max_size=80)
)
def test_every_window_is_in_exactly_one_stretch(windows):
    steady, at, stretches, given_s = new(), 0.0, [], 0.0
    for label, seconds, gap in windows:
        at += gap
        stretches += steady.feed(Window(at, seconds, -30.0, reading(label)))
        at += seconds
        given_s += seconds
    stretches += steady.close()
    assert sum(s.seconds for s in stretches) == pytest.approx(given_s)
    assert all(a.at + a.seconds <= b.at + 1e-6 for a, b in pairwise(stretches))
    known = {s.id: s for s in stretches}
    for s in stretches:
        if s.continues is not None:
            before = known[s.continues]
            assert s.at == pytest.approx(before.at + before.seconds)
