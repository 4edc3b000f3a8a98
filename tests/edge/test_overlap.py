"""Overlapping windows: what both hear counts, and a sudden sound on the border is not missed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.models.scene_table import UNCLEAR
from edge.models.scenes import LIKELY, WINDOW, SceneReading
from edge.overlap import Overlap
from edge.sound import RATE, Segment

LABELS = ["rain", "cafe", "alarm", UNCLEAR]


def reading(label, confidence=0.8):
    # as the reader gives it: what the likeliest scene leaves is unclear
    shares = dict.fromkeys(LABELS, 0.0)
    shares[label if label != UNCLEAR else "rain"] = confidence
    shares[UNCLEAR] += 1 - confidence
    return SceneReading(shares, label, UNCLEAR if label == UNCLEAR else f"group of {label}", confidence)


class Ear:
    """Answers by what the middle sample of a window says, and keeps what it was asked."""

    def __init__(self, *answers):
        self.answers, self.heard = list(answers), []

    def __call__(self, samples):
        self.heard.append(samples)
        return self.answers[len(self.heard) - 1]


def segment(at, value, seconds=5.0):
    return Segment("scene", np.full(int(seconds * RATE), value, np.float32), at)


def test_a_window_without_one_before_it_is_read_alone():
    ear = Ear(reading("rain"))
    assert Overlap(ear, []).read(segment(0.0, 1)) == reading("rain")
    assert len(ear.heard) == 1


def test_the_window_between_has_half_of_each():
    ear = Ear(*[reading("rain", 0.7)] * 3)
    overlap = Overlap(ear, [])
    overlap.read(segment(0.0, 1))
    overlap.read(segment(5.0, 2))
    across = ear.heard[2]
    assert len(across) == WINDOW
    assert (across[: WINDOW // 2] == 1).all()
    assert (across[WINDOW // 2 :] == 2).all()


def test_sound_that_no_window_follows_is_let_go():
    ear = Ear(*[reading("rain", 0.7)] * 2)
    overlap = Overlap(ear, [])
    overlap.read(segment(0.0, 1))
    overlap.rest()
    overlap.read(segment(5.0, 2))
    assert len(ear.heard) == 2
    assert overlap._before is not None
    overlap.rest()
    assert overlap._before is None


def test_nothing_lies_across_a_gap():
    ear = Ear(*[reading("rain", 0.7)] * 2)
    overlap = Overlap(ear, [])
    overlap.read(segment(0.0, 1))
    overlap.read(segment(6.0, 2))
    assert len(ear.heard) == 2


def test_a_scene_that_surely_goes_on_is_not_read_twice():
    ear = Ear(reading("rain", 0.5), reading("rain", 0.9), reading("cafe", 0.9), reading("rain", 0.5))
    overlap = Overlap(ear, [])
    overlap.read(segment(0.0, 1))
    assert overlap.read(segment(5.0, 2)) == reading("rain", 0.9)
    overlap.read(segment(10.0, 3))
    assert len(ear.heard) == 4


def heard_twice(own, across):
    overlap = Overlap(Ear(reading(UNCLEAR), own, across), ["alarm"])
    overlap.read(segment(0.0, 1))
    return overlap.read(segment(5.0, 2))


def test_a_label_that_only_one_window_is_half_sure_of_gives_way():
    both = heard_twice(reading("alarm", 0.7), reading("rain", 0.9))
    assert (both.label, both.group, both.confidence) == ("rain", "group of rain", pytest.approx(0.45))


def test_two_windows_that_know_nothing_together_are_unclear():
    both = heard_twice(reading("cafe", 0.32), reading("rain", 0.31))
    assert (both.label, both.group) == (UNCLEAR, UNCLEAR)
    assert both.confidence < LIKELY


@pytest.mark.parametrize("own_is_sure", [True, False])
def test_a_sudden_sound_counts_when_either_window_is_sure_of_it(own_is_sure):
    sure, other = reading("alarm", 0.95), reading("rain", 0.99)
    both = heard_twice(*((sure, other) if own_is_sure else (other, sure)))
    assert (both.label, both.confidence) == ("alarm", 0.95)


@given(st.sampled_from(LABELS), st.sampled_from(LABELS), st.floats(0, 1), st.floats(0, 1))
def test_any_two_readings_give_a_reading(one, other, sure, unsure):
    def as_read(label, confidence):
        return reading(
            label if confidence >= LIKELY else UNCLEAR, min(confidence, 0.29) if label == UNCLEAR else confidence
        )

    both = heard_twice(as_read(one, sure), as_read(other, unsure))
    assert sum(both.shares.values()) == pytest.approx(1)
    assert 0 <= both.confidence <= 1
    assert (both.label == UNCLEAR) == (both.confidence < LIKELY)
