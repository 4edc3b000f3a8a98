"""The detector hears voices, keeps quiet in silence and does not care how the stream was cut."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import moodscape.demo
from edge.gate.detector import load
from edge.models.interpreter import BrokenWeights
from edge.sound import RATE

DAY = Path(moodscape.demo.__file__).parent / "day.ogg"


def spoken() -> np.ndarray:
    """Four seconds of the demo's recording in which a synthesised voice speaks in a quiet room."""
    day, rate = soundfile.read(DAY, start=16 * RATE, frames=4 * RATE, dtype="float32")
    assert rate == RATE
    return day


def test_decisions_stand_at_fixed_steps_and_soon_after_the_sound():
    detector = load()
    given_at = []
    for n in range(0, RATE, 160):
        given_at += [((n + 160) / RATE, d.at) for d in detector.feed(np.full(160, 0.01, np.float32))]
    at = np.array([a for _, a in given_at])
    assert np.allclose(np.diff(at), detector.step_s)
    assert all(0 <= when - a <= 0.1 for when, a in given_at)


def test_a_voice_in_a_quiet_room_is_near_speech():
    decisions = load().feed(spoken())
    assert np.mean([min(d.speech, d.near) > 0.5 for d in decisions]) > 0.3


def test_steady_noise_holds_no_near_speech():
    noise = 0.05 * np.random.default_rng(3).standard_normal(5 * RATE).astype(np.float32)
    decisions = load().feed(noise)
    assert np.mean([d.near > 0.5 for d in decisions]) < 0.05


def test_the_microphone_s_gain_changes_little():
    loud, soft = load().feed(spoken()), load().feed(spoken() * np.float32(0.3))
    both = np.array([[a.near > 0.5, b.near > 0.5] for a, b in zip(loud, soft, strict=True)])
    assert np.mean(both[:, 0] == both[:, 1]) > 0.9


def test_a_quiet_room_asks_no_net(monkeypatch):
    detector = load()
    hiss = 10 ** (-62 / 20) * np.random.default_rng(4).standard_normal(4 * RATE).astype(np.float32)
    detector.feed(hiss[:RATE])
    monkeypatch.setattr(detector, "_ask", None)
    assert all(d.near == 0 for d in detector.feed(hiss[RATE:]))


@pytest.mark.parametrize("offset", [0.003, 0.01])
def test_soft_speech_is_heard_though_the_converter_has_an_offset(offset):
    hiss = 10 ** (-75 / 20) * np.random.default_rng(4).standard_normal(4 * RATE)
    soft = spoken() * np.float32(10 ** (-35 / 20))
    plain = load().feed(np.concatenate([hiss, soft + hiss]).astype(np.float32))
    moved = load().feed(np.concatenate([hiss, soft + hiss]).astype(np.float32) + np.float32(offset))
    near = [np.mean([min(d.speech, d.near) > 0.5 for d in decisions]) for decisions in (plain, moved)]
    assert near[0] > 0.1
    assert near[1] == pytest.approx(near[0], abs=0.05)


def test_a_quiet_room_with_an_offset_asks_no_net(monkeypatch):
    detector = load()
    hiss = 10 ** (-62 / 20) * np.random.default_rng(4).standard_normal(4 * RATE).astype(np.float32) + np.float32(0.02)
    detector.feed(hiss[:RATE])
    monkeypatch.setattr(detector, "_ask", None)
    assert all(d.near == 0 for d in detector.feed(hiss[RATE:]))


def test_missing_weights_are_refused_with_a_remedy(tmp_path):
    with pytest.raises(BrokenWeights, match="install moodscape again"):
        load(tmp_path / "gate.tflite")


def test_the_floor_begins_at_the_sound_and_not_at_the_nothing_before_it():
    noise = 0.05 * np.random.default_rng(5).standard_normal(10 * RATE).astype(np.float32)
    at_once, later = load(), load()
    at_once.feed(noise[:RATE])
    later.feed(noise)
    assert np.abs(at_once._floor - later._floor).mean() < 1.0


def test_digital_silence_holds_no_speech():
    decisions = load().feed(np.zeros(3 * RATE, np.float32))
    assert max(max(d.speech, d.near) for d in decisions) < 0.2


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 4000), max_size=20))
def test_how_blocks_are_cut_changes_nothing(cuts):
    sound = spoken()[: int(1.5 * RATE)]
    whole, cut = load(), load()
    expected = whole.feed(sound)
    got = []
    edges = np.minimum(np.cumsum([0, *cuts]), len(sound))
    for a, b in zip(edges, [*edges[1:], len(sound)], strict=True):
        got += cut.feed(sound[a:b])
    assert [decision.at for decision in got] == [decision.at for decision in expected]
    # But for the last digits, which some processors' matrix products round by where a row stands.
    differ = np.array([(d.speech, d.near) for d in got]) - np.array([(d.speech, d.near) for d in expected])
    assert np.abs(differ).max() < 1e-5


def test_a_reset_detector_answers_as_a_new_one():
    sound = spoken()
    used = load()
    used.feed(sound)
    used.reset()
    assert used.feed(sound) == load().feed(sound)
