"""The detector hears voices, keeps quiet in silence and does not care how the stream was cut."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.gate.detector import load
from edge.sound import RATE


def voice(seconds: float) -> np.ndarray:
    """A buzz at 140 Hz through two formants, four syllables a second."""
    t = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 140 * k * t) / (1 + ((140 * k - 600) / 300) ** 2) for k in range(1, 20))
    return (0.1 * tone * np.maximum(0, np.sin(2 * np.pi * 4 * t))).astype(np.float32)


def test_decisions_stand_at_fixed_steps_and_soon_after_the_sound():
    detector = load()
    given_at = []
    for n in range(0, RATE, 160):
        given_at += [((n + 160) / RATE, d.at) for d in detector.feed(np.full(160, 0.01, np.float32))]
    at = np.array([a for _, a in given_at])
    assert np.allclose(np.diff(at), detector.step_s)
    assert all(0 <= when - a <= 0.1 for when, a in given_at)


def test_digital_silence_holds_no_speech():
    decisions = load().feed(np.zeros(3 * RATE, np.float32))
    assert max(max(d.speech, d.near) for d in decisions) < 0.2


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 4000), max_size=20))
def test_how_blocks_are_cut_changes_nothing(cuts):
    rng = np.random.default_rng(1)
    sound = (voice(1.5) + 0.01 * rng.standard_normal(int(1.5 * RATE))).astype(np.float32)
    whole, cut = load(), load()
    expected = whole.feed(sound)
    got = []
    edges = np.minimum(np.cumsum([0, *cuts]), len(sound))
    for a, b in zip(edges, [*edges[1:], len(sound)], strict=True):
        got += cut.feed(sound[a:b])
    assert [d.at for d in got] == [d.at for d in expected]
    assert np.allclose([[d.speech, d.near] for d in got], [[d.speech, d.near] for d in expected], atol=1e-3)


def test_a_reset_detector_answers_as_a_new_one():
    sound = voice(1.0)
    used = load()
    used.feed(sound)
    used.reset()
    assert used.feed(sound) == load().feed(sound)
