"""The segmenter, fed with made-up decisions: what it must do whatever the detector says."""

from itertools import cycle, pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.gate.detector import Decision, Thresholds
from edge.gate.segmenter import Segmenter
from edge.sound import RATE, Block

STEP = 0.03
THRESHOLDS = {"speech": Thresholds(0.5, 0.35), "near": Thresholds(0.5, 0.35)}


def new():
    return Segmenter(THRESHOLDS, STEP)


def noise(seconds, level_dbfs=-30.0):
    return (np.random.default_rng(1).standard_normal(round(seconds * RATE)) * 10 ** (level_dbfs / 20)).astype(
        np.float32
    )


def silence(seconds):
    return np.zeros(round(seconds * RATE), np.float32)


def decisions(seconds, voices, near=1.0):
    """One decision a step; `voices` are the (start, end) seconds in which somebody speaks."""
    centres = np.arange(STEP / 2, seconds - STEP / 2, STEP)
    return [
        Decision(float(at), 1.0 * any(a <= at < b for a, b in voices), near * any(a <= at < b for a, b in voices))
        for at in centres
    ]


def cut(samples, made, sizes, begins=100.0, segmenter=None):
    """Feed everything in blocks of the given sizes, then of 4000, and end the stream."""
    segmenter = segmenter or new()
    out, at, index, waiting = [], 0, 0, list(made)
    while at < len(samples):
        size = sizes[index] if index < len(sizes) else 4000
        block = Block(samples[at : at + size], begins + at / RATE)
        at, index = at + len(block.samples), index + 1
        ready = waiting[: sum(decision.at * RATE <= at for decision in waiting[:40])]
        del waiting[: len(ready)]
        out += segmenter.feed(block, ready)
    return out + segmenter.flush()


def spans(segments, begins=100.0):
    return [(s.kind, round((s.at - begins) * RATE), round((s.at - begins) * RATE) + len(s.samples)) for s in segments]


def test_surroundings_come_in_windows_of_five_seconds():
    segments = cut(noise(22), decisions(22, []), [800])
    assert [s.kind for s in segments] == ["scene"] * 5
    assert [s.seconds for s in segments[:4]] == [5.0] * 4
    assert sum(s.seconds for s in segments) == pytest.approx(22)


def test_a_voice_is_one_utterance_between_its_surroundings():
    segments = cut(noise(12), decisions(12, [(6, 8)]), [800])
    assert [s.kind for s in segments] == ["scene", "scene", "speech", "scene"]
    speech = segments[2]
    assert speech.at - 100 == pytest.approx(6 - 0.1, abs=0.05)
    assert speech.at + speech.seconds - 100 == pytest.approx(8 + 0.05, abs=0.05)


def test_a_pause_within_the_hang_over_does_not_end_an_utterance():
    segments = cut(noise(8), decisions(8, [(2, 3), (3.4, 4.4)]), [800])
    assert [s.kind for s in segments] == ["scene", "speech", "scene"]


def test_a_pause_longer_than_the_hang_over_parts_two_utterances():
    kinds = [kind for kind, _, _ in spans(cut(noise(8), decisions(8, [(2, 3), (3.52, 4.5)]), [800]))]
    assert kinds == ["scene", "speech", "speech", "scene"]


def test_a_voice_soon_after_another_has_less_air_before_it_and_leaves_the_pause_to_the_surroundings():
    segments = spans(cut(noise(8), decisions(8, [(2, 3), (3.58, 4.5)]), [800]))
    assert [kind for kind, _, _ in segments] == ["scene", "speech", "scene", "speech", "scene"]
    _, start, end = segments[2]
    assert end - start == RATE // 2
    assert 0 <= 3.58 * RATE - end <= 0.1 * RATE


def test_what_sounds_like_a_voice_before_the_detector_knows_the_room_is_none():
    assert {s.kind for s in cut(noise(5), decisions(5, [(0, 0.5)]), [800])} == {"scene"}


def test_a_voice_from_the_first_sample_on_keeps_all_its_sound():
    kind, start, _ = spans(cut(noise(5), decisions(5, [(0, 2)]), [800]))[0]
    assert (kind, start) == ("speech", 0)


def test_far_speech_is_surroundings():
    segments = cut(noise(10), decisions(10, [(2, 8)], near=0.2), [800])
    assert {s.kind for s in segments} == {"scene"}


def crowd(seconds, voice, gain_db):
    """A hubbub in which the detector hears speech all the time, near in `voice` alone, where it is louder."""
    sound = noise(seconds)
    sound[round(voice[0] * RATE) : round(voice[1] * RATE)] *= 10 ** (gain_db / 20)
    return sound, [Decision(d.at, 1.0, d.near) for d in decisions(seconds, [voice])]


@pytest.mark.parametrize(("gain_db", "kinds"), [(0, {"scene"}), (10, {"scene", "speech"})])
def test_among_many_voices_one_is_near_that_rises_out_of_them(gain_db, kinds):
    assert {s.kind for s in cut(*crowd(10, (4, 6), gain_db), [800])} == kinds


def test_a_voice_in_a_crowd_is_an_utterance_from_where_it_rises_out_of_it():
    sound, made = crowd(12, (4, 9), 0)
    sound[6 * RATE : 9 * RATE] *= 4
    start, end = next((start, end) for kind, start, end in spans(cut(sound, made, [800])) if kind == "speech")
    assert 4.8 * RATE <= start <= 6 * RATE
    assert end == pytest.approx(9.05 * RATE, abs=0.05 * RATE)


def test_a_click_that_sounds_like_a_voice_is_no_utterance():
    segments = cut(noise(5), decisions(5, [(2, 2.07)]), [800])
    assert {s.kind for s in segments} == {"scene"}


def test_hysteresis_holds_a_voice_that_wavers():
    wavering = [
        Decision(d.at, d.speech * s, d.near * s)
        for d, s in zip(decisions(6, [(1, 5)]), cycle([1.0, 0.4]), strict=False)
    ]
    assert [s.kind for s in cut(noise(6), wavering, [800])] == ["scene", "speech", "scene"]


def test_silence_is_in_no_segment():
    sound = np.concatenate([noise(3), silence(6), noise(3)])
    segments = spans(cut(sound, decisions(12, []), [800]))
    assert [kind for kind, _, _ in segments] == ["scene", "scene"]
    assert segments[0][2] == pytest.approx(3 * RATE, abs=0.1 * RATE)
    assert segments[1][1] == pytest.approx(9 * RATE, abs=0.1 * RATE)


@pytest.mark.parametrize(
    "quiet", [silence(8), noise(8, -75), silence(8) + np.float32(0.2)], ids=["zeros", "faint", "offset"]
)
def test_zeros_faint_noise_and_a_constant_offset_are_silence(quiet):
    assert cut(quiet, decisions(8, []), [800]) == []


def test_a_noise_about_the_level_of_silence_is_heard_without_breaks():
    swell = 10 ** (np.sin(np.arange(30 * RATE) / RATE) / 20).astype(np.float32)
    segments = spans(cut(noise(30, -65) * swell, decisions(30, []), [800]))
    assert segments
    assert all(end == begin for (_, _, end), (_, begin, _) in pairwise(segments))


def test_a_noise_below_the_level_of_silence_is_not_kept_alive_by_a_click():
    sound = noise(40, -66)
    sound[5 * RATE : 6 * RATE] = noise(1)
    segments = spans(cut(sound, decisions(40, []), [800]))
    assert segments
    assert segments[-1][2] < 13 * RATE


def test_a_voice_that_the_end_of_a_stream_cuts_is_told_to_its_end():
    sound = noise(4)
    *_, (kind, _, end) = spans(cut(sound, decisions(4, [(2, 4)]), [800]))
    assert (kind, end) == ("speech", len(sound))


def test_the_level_of_silence_can_be_set():
    segmenter = Segmenter(THRESHOLDS, STEP, silence_dbfs=-90)
    assert len(cut(noise(5, -75), decisions(5, []), [800], segmenter=segmenter)) == 1


def test_a_voice_out_of_silence_keeps_its_first_sound():
    sound = np.concatenate([silence(3), noise(2), silence(3)])
    (kind, start, end), *rest = spans(cut(sound, decisions(8, [(3, 5)]), [800]))
    assert (kind, rest) == ("speech", [])
    assert start <= 3 * RATE
    assert end >= 5 * RATE


@pytest.mark.parametrize("breath_s", [0.1, 0.25, 0.4])
def test_the_last_breath_of_a_voice_is_no_scene_of_its_own(breath_s):
    sound = np.concatenate([silence(2), noise(2), noise(breath_s, -50), silence(3)])
    ((kind, _, end),) = spans(cut(sound, decisions(len(sound) / RATE, [(2, 4)]), [800]))
    assert kind == "speech"
    assert end == pytest.approx((4 + breath_s) * RATE, abs=0.1 * RATE)


def test_surroundings_that_go_on_after_a_voice_are_not_swallowed_by_it():
    sound = np.concatenate([noise(6), silence(2)])
    segments = spans(cut(sound, decisions(8, [(1, 3)]), [800]))
    assert [kind for kind, _, _ in segments] == ["scene", "speech", "scene"]
    assert segments[1][2] == pytest.approx(3.05 * RATE, abs=0.05 * RATE)


def test_an_utterance_begins_where_its_sound_rose_when_the_detector_was_late():
    sound = np.concatenate([noise(3, -55), noise(3, -20), noise(3, -55)])
    speech = next(s for s in cut(sound, decisions(9, [(3.5, 6)]), [800]) if s.kind == "speech")
    assert speech.at - 100 == pytest.approx(3.0, abs=0.05)


def test_a_word_that_breaks_off_before_the_detector_is_sure_belongs_to_the_utterance_that_follows():
    sound = np.concatenate([silence(3), noise(0.2), silence(0.1), noise(0.2), silence(0.1), noise(2), silence(3)])
    (kind, start, _), *rest = spans(cut(sound, decisions(len(sound) / RATE, [(3.05, 3.2), (3.6, 5.6)]), [800]))
    assert (kind, rest) == ("speech", [])
    assert start <= 3 * RATE


def test_a_noise_that_breaks_off_before_a_voice_is_no_part_of_its_utterance():
    sound = np.concatenate([silence(3), noise(0.2), silence(0.1), noise(0.2), silence(0.1), noise(2), silence(3)])
    kinds = [kind for kind, _, _ in spans(cut(sound, decisions(len(sound) / RATE, [(3.6, 5.6)]), [800]))]
    assert kinds == ["scene", "speech"]


def test_over_a_noise_a_voice_begins_where_the_detector_began_to_be_sure():
    doubtful = [Decision(d.at, d.speech, 0.4 if 3 <= d.at < 3.5 else d.near) for d in decisions(9, [(3, 6)])]
    speech = next(s for s in cut(noise(9), doubtful, [800]) if s.kind == "speech")
    assert speech.at - 100 == pytest.approx(2.9, abs=0.05)


def test_over_a_noise_as_loud_as_the_voice_the_detectors_word_stands():
    speech = next(s for s in cut(noise(9), decisions(9, [(3.5, 6)]), [800]) if s.kind == "speech")
    assert speech.at - 100 == pytest.approx(3.4, abs=0.05)


def test_a_gap_in_a_noise_is_not_taken_for_the_rise_of_a_voice():
    sound = noise(9)
    sound[round(3.0 * RATE) : round(3.05 * RATE)] *= 0.01
    speech = next(s for s in cut(sound, decisions(9, [(3.5, 6)]), [800]) if s.kind == "speech")
    assert speech.at - 100 == pytest.approx(3.4, abs=0.05)


def test_long_speech_is_cut_where_it_is_quietest():
    sound = noise(20)
    sound[11 * RATE : 11 * RATE + RATE // 4] *= 0.01
    segments = cut(sound, decisions(20, [(0, 20)]), [800])
    assert [s.kind for s in segments] == ["speech", "speech"]
    assert segments[0].seconds == pytest.approx(11.125, abs=0.1)


def test_an_utterance_leaves_soon_after_its_end():
    segmenter, made = new(), decisions(8, [(2, 4)])
    sound = noise(8)
    for start in range(0, len(sound), 160):
        block = Block(sound[start : start + 160], start / RATE)
        ready = [d for d in made if start < d.at * RATE <= start + 160]
        if any(s.kind == "speech" for s in segmenter.feed(block, ready)):
            break
    assert start / RATE <= 4 + 0.7


def test_a_flushed_segmenter_begins_anew():
    segmenter = new()
    first = spans(cut(noise(4), decisions(4, [(1, 2)]), [800], segmenter=segmenter))
    assert spans(cut(noise(4), decisions(4, [(1, 2)]), [800], segmenter=segmenter)) == first


def test_what_it_holds_does_not_grow():
    segmenter = new()
    for second in range(300):
        made = [Decision(second + at, 0.0, 0.0) for at in np.arange(STEP / 2, 1, STEP)]
        segmenter.feed(Block(noise(1), float(second)), made)
        assert segmenter._tape.end - segmenter._tape.start <= 7 * RATE
        assert len(segmenter._waiting) <= 40


STRETCH = st.tuples(st.sampled_from(["speech", "loud speech", "far", "noise", "silence"]), st.floats(0.05, 9))
BLOCKS = st.lists(st.integers(1, 20_000), min_size=1, max_size=20)


def scripted(stretches):
    made, parts, at = [], [], 0.0
    for kind, seconds in stretches:
        parts.append(silence(seconds) if kind == "silence" else noise(seconds, -15 if kind == "loud speech" else -30))
        at += seconds
    sound = np.concatenate(parts)
    ends = np.cumsum([seconds for _, seconds in stretches])
    for centre in np.arange(STEP / 2, len(sound) / RATE - STEP / 2, STEP):
        kind = stretches[min(int(np.searchsorted(ends, centre, "right")), len(stretches) - 1)][0]
        made.append(Decision(float(centre), float(kind not in {"noise", "silence"}), float("speech" in kind)))
    return sound, made


@settings(max_examples=80, deadline=None)
@example([("far", 1.0), ("speech", 0.25)], [1])
@example([("silence", 1.0), ("speech", 0.25)], [1])
@given(st.lists(STRETCH, min_size=1, max_size=8), BLOCKS)
def test_every_sample_that_is_not_silence_is_in_exactly_one_segment_in_order(stretches, sizes):
    sound, made = scripted(stretches)
    segments = spans(cut(sound, made, sizes))
    at = 0
    for kind, start, end in segments:
        assert start >= at, "segments overlap or are out of order"
        assert not sound[at:start].any(), "sound between segments is lost"
        assert end - start >= min(RATE // 2, len(sound)), "a scrap is left"
        assert end - start <= (15 if kind == "speech" else 6.1) * RATE
        at = end
    assert not sound[at:].any(), "sound at the end is lost"


@settings(max_examples=60, deadline=None)
@given(st.lists(STRETCH, min_size=1, max_size=6), BLOCKS, BLOCKS)
def test_the_way_the_sound_is_cut_into_blocks_changes_nothing(stretches, sizes, others):
    sound, made = scripted(stretches)
    one, other = cut(sound, made, sizes), cut(sound, made, others)
    assert spans(one) == spans(other)
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(one, other, strict=True))


ROOM = {
    "crowd": (-30, 1.0, 0.0), "quiet": (None, 0.0, 0.0), "quiet, doubtful": (None, 0.3, 0.3),
    "voice of the room": (-30, 1.0, 1.0), "near voice": (-10, 1.0, 1.0), "doubtful": (-30, 0.9, 0.3),
}  # fmt: skip
"""Level, and what the detector says of speech and of near speech."""


@settings(max_examples=150, deadline=None)
@example([("crowd", 3.46), ("doubtful", 0.13), ("voice of the room", 0.41), ("quiet, doubtful", 0.89),
          ("voice of the room", 0.28), ("near voice", 0.86)])  # fmt: skip
@example([("crowd", 4.22), ("quiet, doubtful", 0.7), ("voice of the room", 0.9), ("near voice", 0.12), ("quiet", 0.6)])
@given(st.lists(st.tuples(st.sampled_from([*ROOM]), st.floats(0.05, 5)), min_size=1, max_size=9))
def test_voices_that_rise_out_of_a_crowd_early_late_or_not_at_all_lose_no_sound(stretches):
    sound = np.concatenate([silence(s) if ROOM[k][0] is None else noise(s, ROOM[k][0]) for k, s in stretches])
    ends = np.cumsum([seconds for _, seconds in stretches])
    centres = np.arange(STEP / 2, len(sound) / RATE - STEP / 2, STEP)
    told = [ROOM[stretches[min(int(np.searchsorted(ends, at, "right")), len(ends) - 1)][0]][1:] for at in centres]
    made = [Decision(float(at), *pair) for at, pair in zip(centres, told, strict=True)]
    cuts = spans(cut(sound, made, [480] * 2000))
    assert cuts == spans(cut(sound, made, [4000]))
    at = 0
    for _, start, end in cuts:
        assert start >= at, "segments overlap or are out of order"
        assert not sound[at:start].any(), "sound between segments is lost"
        at = end
    assert not sound[at:].any(), "sound at the end is lost"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=20, max_size=900), BLOCKS)
def test_random_decisions_lose_no_sound(pairs, sizes):
    sound = noise(len(pairs) * STEP)
    made = [Decision((i + 0.5) * STEP, speech, near) for i, (speech, near) in enumerate(pairs)]
    segments = spans(cut(sound, made, sizes))
    assert segments[0][1] == 0
    assert segments[-1][2] == len(sound)
    assert all(a[2] == b[1] for a, b in pairwise(segments))
