"""The pipeline, with made-up detector and readers (tests/edge/parts.py): what it does with what they say."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.models.scenes import SceneReader
from edge.sound import QUIET_DBFS, RATE, Block
from moments import EMOTIONS
from tests.edge.parts import FakeRules, FakeScenes, FakeSpeech, pipeline, scene, silence, voice


def run(through, sound, size=4000, begins=0.0):
    drafts = []
    for start in range(0, len(sound), size):
        drafts += through.feed(Block(sound[start : start + size], begins + start / RATE))
    return drafts + through.flush()


def spans(drafts):
    return [(draft.basis, round(draft.at, 3), round(draft.at + draft.seconds, 3)) for draft in drafts]


def in_samples(drafts):
    return [(d.basis, round(d.at * RATE), round((d.at + d.seconds) * RATE), bool(d.continues)) for d in drafts]


def faint(seconds):
    """Noise that leaps ten times a second, between 20 dB below the level of silence and 7 dB above it."""
    random, count = np.random.default_rng(3), round(seconds * RATE)
    level = QUIET_DBFS + random.uniform(-20, 7, count // (RATE // 10) + 1)
    return (random.standard_normal(count) * 10 ** (np.repeat(level, RATE // 10)[:count] / 20)).astype(np.float32)


def fed(through, sound, at, lost=0.0, every=5.0):
    """Feed it in blocks of that many seconds, after each of which so much sound is lost; give (moments, the end)."""
    drafts = []
    for start in range(0, len(sound), round(every * RATE)):
        block = Block(sound[start : start + round(every * RATE)], at)
        drafts += through.feed(block)
        at += len(block.samples) / RATE + lost
    return drafts, at - lost


def test_speech_gives_a_speech_moment_and_surroundings_a_scene_moment():
    drafts = run(pipeline(), np.concatenate([scene("rain", 6), voice(2), scene("rain", 6)]))
    assert [draft.basis for draft in drafts] == ["scene", "speech", "scene"]
    rain, speech, _ = drafts
    assert (rain.scene.label, rain.rule.id, rain.emotion) == ("rain", "rain", "calm")
    assert (speech.emotion, speech.confidence, speech.rule) == ("happiness", 0.72, None)
    assert speech.level_dbfs == pytest.approx(-13.5, abs=1.5)
    assert rain.level_dbfs == pytest.approx(-40, abs=0.5)
    assert speech.models.model_dump() == {
        "gate": "gate-0@fake",
        "speech": "speech-0@fake",
        "scene": "scene-0@fake",
        "rules": None,
    }
    assert rain.models.rules == "7"


def test_valence_and_arousal_of_speech_are_the_expectation_under_its_emotions():
    draft = run(pipeline(speech=FakeSpeech(1.0)), voice(2))[0]
    assert (draft.valence, draft.arousal) == (0.81, 0.51)
    assert set(draft.emotions) == set(EMOTIONS)


def test_a_reading_that_is_not_sure_enough_is_unclear_and_keeps_its_confidence():
    draft = run(pipeline(speech=FakeSpeech(0.39)), voice(2))[0]
    assert (draft.emotion, draft.confidence) == ("unclear", 0.39)


def test_speech_over_noise_keeps_its_scene():
    drafts = run(pipeline(), np.concatenate([scene("cafe", 7), voice(2) + scene("cafe", 2), scene("cafe", 3)]))
    speech = next(draft for draft in drafts if draft.basis == "speech")
    assert speech.scene.label == "cafe"


def test_a_scene_heard_more_than_a_minute_ago_is_not_that_of_the_speech():
    for gap, label in ((50, "cafe"), (70, None)):
        sound = np.concatenate([scene("cafe", 7), silence(gap), voice(2)])
        speech = run(pipeline(), sound)[-1]
        assert speech.basis == "speech"
        assert (speech.scene and speech.scene.label) == label


def test_speech_without_surroundings_has_no_scene():
    draft = run(pipeline(), voice(2))[0]
    assert draft.scene is None
    assert draft.models.scene is None


def test_far_speech_is_read_as_surroundings():
    assert {draft.basis for draft in run(pipeline(), voice(6, loudness=0.05))} == {"scene"}


def test_silence_costs_no_reading():
    speech, scenes = FakeSpeech(), FakeScenes()
    assert run(pipeline(speech=speech, scenes=scenes), silence(120)) == []
    assert (speech.asked, scenes.asked) == ([], [])


def test_silence_that_goes_on_is_looked_at_once_a_second_and_delays_no_sound():
    through = pipeline()
    fed = []
    feed = through._detector.feed
    through._detector.feed = lambda samples: fed.append(len(samples)) or feed(samples)
    for start in range(0, 20 * RATE, 800):
        through.feed(Block(silence(0.05), start / RATE))
    assert sum(fed) > 18 * RATE
    assert len(fed) <= 20
    fed.clear()
    through.feed(Block(voice(0.05), 20.0))
    assert sum(fed) >= 800


def test_a_scene_is_told_when_silence_follows_and_not_only_when_the_next_sound_comes():
    through = pipeline()
    drafts = []
    sound = np.concatenate([scene("rain", 7), silence(3)])
    for start in range(0, len(sound), 800):
        drafts += through.feed(Block(sound[start : start + 800], start / RATE))
        if drafts:
            break
    assert drafts[0].scene.label == "rain"
    assert start / RATE < 8


def test_speech_is_told_within_seven_tenths_of_a_second_of_its_end():
    through = pipeline()
    sound = np.concatenate([voice(2), silence(3)])
    for start in range(0, len(sound), 160):
        if through.feed(Block(sound[start : start + 160], start / RATE)):
            break
    assert start / RATE <= 2.7


def test_lost_sound_ends_a_moment_and_nothing_reaches_over_the_gap():
    through = pipeline()
    drafts = [d for s in range(7) for d in through.feed(Block(scene("rain", 1), 10.0 + s))]
    drafts += [d for s in range(7) for d in through.feed(Block(scene("rain", 1), 30.0 + s))]
    drafts += through.flush()
    assert spans(drafts) == [("scene", 10.0, 17.0), ("scene", 30.0, 37.0)]
    assert drafts[1].continues is None


@pytest.mark.parametrize("lost", [0.08, 0.15, 1.9])
def test_a_scene_goes_on_over_sound_that_was_lost_for_a_moment(lost):
    through = pipeline()
    drafts, end = fed(through, scene("rain", 300), 10.0, lost)
    drafts += through.flush()
    assert len(drafts) <= 4
    assert all(after.continues == before.id for before, after in pairwise(drafts))
    assert all(before.at + before.seconds <= after.at + 1e-6 for before, after in pairwise(drafts))
    assert drafts[0].at == pytest.approx(10, abs=0.1)
    assert drafts[-1].at + drafts[-1].seconds == pytest.approx(end)


def test_no_utterance_reaches_over_sound_that_was_lost_for_a_moment():
    through = pipeline()
    drafts, _ = fed(through, voice(4), 0.0, lost=0.15, every=2.0)
    assert spans(drafts + through.flush()) == [("speech", 0.0, 2.0), ("speech", 2.15, 4.15)]


def test_where_time_goes_back_another_stream_begins():
    through = pipeline()
    drafts = fed(through, scene("rain", 7), 100.0)[0] + fed(through, scene("rain", 7), 50.0)[0]
    drafts += fed(through, voice(2), 20.0)[0] + through.flush()
    assert spans(drafts) == [("scene", 100.0, 107.0), ("scene", 50.0, 57.0), ("speech", 20.0, 22.0)]
    assert [draft.continues for draft in drafts] == [None] * 3
    assert drafts[-1].scene is None


@pytest.mark.parametrize("back", [0.025, 0.09])
def test_moments_do_not_overlap_while_a_late_clock_is_pulled_back(back):
    through = pipeline()
    drafts, at = [], 100.0
    sound = np.concatenate([voice(2), scene("rain", 3), voice(1), scene("rain", 40)])
    for number, block in enumerate(np.split(sound, len(sound) // 800)):
        at -= back * (40 <= number < 280)
        drafts += through.feed(Block(block, at))
        at += 0.05
    drafts += through.flush()
    assert [draft.basis for draft in drafts] == ["speech", "scene", "speech", "scene", "scene"]
    assert all(draft.seconds > 0 for draft in drafts)
    assert all(before.at + before.seconds <= after.at + 1e-6 for before, after in pairwise(drafts))
    assert drafts[-1].continues == drafts[-2].id
    assert drafts[-1].at + drafts[-1].seconds == pytest.approx(at)


@pytest.mark.parametrize("seconds", [0.001, 0.02, 0.1])
def test_a_scrap_of_sound_is_one_moment_and_unclear(seconds):
    drafts = run(pipeline(scenes=SceneReader.load()), scene("street", seconds))
    assert spans(drafts) == [("scene", 0.0, seconds)]
    assert drafts[0].scene.label == "unclear"


@pytest.mark.parametrize("after", [silence(20), np.concatenate([voice(2), scene("cafe", 3)])])
def test_no_surroundings_are_kept_once_they_are_over(after):
    through = pipeline()
    at = 0.0
    for part in (scene("rain", 12), after):
        for second in np.split(part, len(part) // RATE):
            through.feed(Block(second, at))
            at += 1
    assert through._overlap._before is None


def test_drift_of_the_audio_clock_is_no_lost_sound():
    through = pipeline()
    drafts = [d for s in range(30) for d in through.feed(Block(scene("rain", 1), s * 1.0002))]
    drafts += through.flush()
    assert drafts[0].at == pytest.approx(0, abs=0.01)
    assert all(after.continues == before.id for before, after in pairwise(drafts))
    assert sum(draft.seconds for draft in drafts) == pytest.approx(30, abs=0.01)


def test_rules_are_told_the_hour_how_long_the_scene_lasts_and_the_devices_own_median():
    rules = FakeRules()
    run(pipeline(rules=rules, hour_at=lambda at: 22 + at / 3600, spl_at_0dbfs=110.0), scene("rain", 400))
    first, last = rules.asked[0], rules.asked[-1]
    assert first["median_dbfs"] is None
    assert first["hour"] == pytest.approx(22, abs=0.01)
    assert first["spl"] == 110.0
    assert last["median_dbfs"] == pytest.approx(-40, abs=0.5)
    assert last["seconds"] == pytest.approx(400, abs=1)


def test_a_stream_is_not_measured_by_the_one_before_it():
    rules = FakeRules()
    through = pipeline(rules=rules)
    run(through, scene("rain", 400))
    assert rules.asked[-1]["median_dbfs"] is not None
    rules.asked.clear()
    run(through, scene("rain", 20))
    assert {asked["median_dbfs"] for asked in rules.asked} == {None}


def test_rules_are_told_the_same_whatever_the_size_of_blocks_is():
    sound = np.concatenate([scene("rain", 2), silence(3), scene("cafe", 2), silence(3)] * 35)
    told = []
    for size in (800, len(sound)):
        rules = FakeRules()
        run(pipeline(rules=rules), sound, size)
        told.append([(asked["level"], asked["median_dbfs"]) for asked in rules.asked])
    assert told[0][-1][1] is not None
    assert told[0] == told[1]


def test_a_room_whose_noise_is_at_the_level_of_silence_is_no_flood_of_moments():
    noise = np.random.default_rng(1).standard_normal(120 * RATE) * 10 ** (QUIET_DBFS / 20)
    told = [in_samples(run(pipeline(), noise.astype(np.float32), size)) for size in (800, 1333, 8000)]
    assert 1 <= len(told[0]) <= 3
    assert told[0] == told[1] == told[2]


def test_sound_that_comes_and_goes_gives_the_same_moments_whatever_the_size_of_blocks_is():
    sound = faint(60)
    told = [in_samples(run(pipeline(), sound, size)) for size in (800, 1333, 8000, len(sound))]
    assert all(moments == told[0] for moments in told)


def test_ids_are_given_by_whom_the_pipeline_is_told():
    numbers = iter(range(100))
    drafts = run(pipeline(new_id=lambda: str(next(numbers))), np.concatenate([scene("rain", 6), voice(2)]))
    assert [draft.id for draft in drafts] == ["0", "1"]


PART = st.one_of(
    st.tuples(st.sampled_from(["rain", "cafe", "street", "alarm"]), st.floats(0.3, 40)),
    st.tuples(st.just("voice"), st.floats(0.3, 20)),
    st.tuples(st.just("silence"), st.floats(0.3, 20)),
)
FAINT = st.tuples(st.just("faint"), st.floats(0.3, 20))
MAKE = {"voice": voice, "silence": silence, "faint": faint}


@settings(max_examples=40, deadline=None)
@given(st.lists(PART, min_size=1, max_size=7), st.integers(500, 30_000))
def test_every_second_that_is_not_silence_is_in_exactly_one_moment(parts, size):
    sound = np.concatenate([MAKE[kind](s) if kind in MAKE else scene(kind, s) for kind, s in parts])
    drafts = run(pipeline(), sound, size)
    at = 0
    for draft in drafts:
        start, end = round(draft.at * RATE), round((draft.at + draft.seconds) * RATE)
        assert start >= at - 1, "two moments share a second"
        assert not sound[at:start].any(), "sound between moments is lost"
        at = end
    assert not sound[at:].any()
    ends = {draft.id: draft.at + draft.seconds for draft in drafts}
    assert all(draft.at == pytest.approx(ends[draft.continues]) for draft in drafts if draft.continues)


@settings(max_examples=15, deadline=None)
@given(st.lists(PART | FAINT, min_size=1, max_size=4), st.integers(200, 5000), st.integers(5000, 40_000))
def test_the_size_of_blocks_changes_no_moment(parts, small, large):
    sound = np.concatenate([MAKE[kind](s) if kind in MAKE else scene(kind, s) for kind, s in parts])
    assert in_samples(run(pipeline(), sound, small)) == in_samples(run(pipeline(), sound, large))
