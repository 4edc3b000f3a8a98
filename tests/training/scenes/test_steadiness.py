"""Half an hour of an ambience: one that stays makes few moments, one that changes makes one a change."""

import numpy as np

from edge.models.scenes import SceneReading
from edge.sound import RATE
from training.scenes.steadiness import MOST, half_hour


def by_its_level(samples):
    label = "rain" if abs(float(samples[-1])) > 0.05 else "cafe"
    shares = {"rain": 0.0, "cafe": 0.0, "unclear": 0.1} | {label: 0.9}
    return SceneReading(shares, label, "group", 0.9)


def test_one_scene_is_told_every_five_minutes_however_short_its_recording():
    for seconds in (2, 5, 23):
        half = half_hour("rain", np.full(seconds * RATE, 0.1, np.float32), by_its_level)
        assert half.moments == 7
        assert half.contradicted == 0


def test_a_recording_is_read_once_for_each_place_in_it():
    heard = []

    def read(samples):
        heard.append(samples)
        return unsure

    unsure = SceneReading({"rain": 0.5, "unclear": 0.5}, "rain", "group", 0.5)
    ramp = np.linspace(0.06, 0.9, 20 * RATE, dtype=np.float32)
    half_hour("rain", ramp, read)
    assert len(heard) == 8  # four windows and what lies across their borders


def test_what_wavers_is_no_flood():
    samples = np.repeat(np.array([0.1, 0.1, 0.01], np.float32), 5 * RATE)
    half = half_hour("both", samples, by_its_level)
    assert half.moments <= MOST
    assert half.contradicted == 0
