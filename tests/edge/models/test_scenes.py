"""The scene reader: the table is whole, labels are put together as it says, and the weights that ship hear."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge.models.interpreter import WEIGHTS, Model
from edge.models.scene_table import UNCLEAR, audioset_labels, table
from edge.models.scenes import LIKELY, WINDOW, SceneReader, Scenes
from edge.sound import RATE

ESC50 = [label for row in table() for label in row.esc50]
LABELS = [*(f"esc50:{label}" for label in ESC50), *(f"audioset:{label}" for label in audioset_labels())]
SCENES = Scenes(LABELS)
NOTHING = -12.0  # a logit that means no


@pytest.fixture(scope="module")
def reader() -> SceneReader:
    return SceneReader.load()


def outputs(esc50: dict[str, float] | None = None, audioset: dict[str, float] | None = None):
    first = np.array([[(esc50 or {}).get(label, 0.0) for label in ESC50]], np.float32)
    second = np.array([[(audioset or {}).get(label, NOTHING) for label in audioset_labels()]], np.float32)
    return [first, second]


def test_every_class_of_esc50_is_in_one_scene_and_every_scene_is_made_of_something():
    assert len(ESC50) == len(set(ESC50)) == 50
    assert all(row.esc50 or any(row.audioset) for row in table())
    assert len({row.label for row in table()}) == len(table())
    assert 30 <= len(table()) <= 42


def test_the_table_knows_which_scenes_come_at_once():
    assert {row.label for row in table() if row.sudden} == {"alarm", "breaking_glass", "fireworks"}


@given(arrays(np.float32, (1, 50), elements=st.floats(-30, 30, width=32)), st.integers(0, 2**32 - 1))
def test_any_output_gives_shares_that_sum_to_one(esc50, seed):
    audioset = np.random.default_rng(seed).normal(-4, 6, (1, len(audioset_labels()))).astype(np.float32)
    reading = SCENES.reading([esc50, audioset])
    assert set(reading.shares) == {row.label for row in table()} | {UNCLEAR}
    assert sum(reading.shares.values()) == pytest.approx(1, abs=1e-9)
    assert all(0 <= share <= 1 for share in reading.shares.values())
    assert 0 <= reading.confidence <= 1
    assert (reading.label == UNCLEAR) == (reading.confidence < LIKELY)


def test_a_class_of_esc50_alone_makes_its_scene():
    reading = SCENES.reading(outputs(esc50={"keyboard_typing": 12.0}))
    assert (reading.label, reading.group) == ("office", "indoors")
    assert reading.confidence > 0.95


def test_a_label_of_audioset_alone_makes_a_scene_that_esc50_lacks():
    reading = SCENES.reading(outputs(audioset={"Music": 3.0}))
    assert (reading.label, reading.group) == ("music", "music")


def test_a_cafe_is_voices_and_crockery_together():
    talk, crockery = {"Chatter": 1.0}, {"Cutlery, silverware": 1.0}
    alone = SCENES.reading(outputs(audioset=talk)).shares["cafe"]
    both = SCENES.reading(outputs(audioset=talk | crockery)).shares["cafe"]
    assert both > 5 * alone


@pytest.mark.parametrize(
    ("heard", "named"),
    [
        ({"Chatter": 1.0, "Conversation": 3.0, "Cutlery, silverware": -1.0}, "cafe"),
        ({"Chatter": 1.0, "Dishes, pots, and pans": 3.0}, "cafe"),
        ({"Speech": 3.0, "Chatter": 1.0, "Dishes, pots, and pans": -1.0}, "cafe"),
        ({"Speech": 3.0, "Dishes, pots, and pans": 1.0}, "voices"),
        ({"Inside, public space": 2.0}, "unclear"),
        ({"Inside, public space": 2.0, "Train": 3.0}, "station"),
        ({"Crowd": 2.0, "Rail transport": -1.0}, "station"),
        ({"Speech": 2.0, "Train": 3.0}, "train"),
    ],
)
def test_a_scene_of_several_parts_goes_before_them_where_all_are_heard(heard, named):
    assert SCENES.reading(outputs(audioset=heard)).label == named


def test_more_than_one_scene_can_be_true():
    reading = SCENES.reading(outputs(audioset={"Rain": 3.0, "Music": 3.0}))
    assert reading.shares["rain"] == pytest.approx(reading.shares["music"], abs=0.05)
    assert reading.shares["rain"] > 0.3


def test_nothing_likely_is_unclear_and_keeps_its_confidence():
    reading = SCENES.reading(outputs())
    assert (reading.label, reading.group) == (UNCLEAR, UNCLEAR)
    assert reading.confidence < LIKELY
    assert reading.shares[UNCLEAR] == pytest.approx(1 - reading.confidence)


def test_the_two_outputs_may_come_in_either_order():
    both = outputs(esc50={"rain": 9.0}, audioset={"Rain": 2.0})
    assert SCENES.reading(both) == SCENES.reading(both[::-1])


def test_a_model_without_a_label_of_the_table_is_refused():
    with pytest.raises(KeyError, match="audioset:Silence"):
        Scenes([label for label in LABELS if label != "audioset:Silence"])


def test_the_weights_that_ship_pass_their_self_test_and_are_small():
    model = Model.load(WEIGHTS / "scenes.tflite")
    assert model.name.startswith("scene-1@")
    assert set(model.labels) == set(LABELS)
    assert model.shapes == [(1, 501, 128)]
    assert (WEIGHTS / "scenes.tflite").stat().st_size <= 1_300_000


def test_digital_silence_is_quiet(reader):
    assert reader.read(np.zeros(WINDOW, np.float32)).label == "quiet"


def test_a_chord_of_plucked_strings_is_music(reader):
    t = np.arange(WINDOW) / RATE
    beat = np.exp(-6 * (t % 0.5))  # two strokes a second
    notes = [220.0, 277.2, 329.6, 440.0]
    chord = sum(np.sin(2 * np.pi * note * k * t) / k for note in notes for k in (1, 2, 3))
    reading = reader.read((0.05 * beat * chord).astype(np.float32))
    assert reading.group in ("music", "signals")  # struck strings and chimes are neighbours
    assert reading.shares["music"] > 0.15


def test_a_short_sound_is_read_as_its_repetition(reader):
    short = np.random.default_rng(1).normal(0, 0.05, RATE).astype(np.float32)
    assert reader.read(short) == reader.read(np.tile(short, 5))


def test_of_a_longer_sound_the_last_five_seconds_count(reader):
    noise = np.random.default_rng(2).normal(0, 0.05, WINDOW).astype(np.float32)
    assert reader.read(np.concatenate([np.zeros(RATE, np.float32), noise])) == reader.read(noise)


@pytest.mark.parametrize("milliseconds", [1, 20, 100, 299])
def test_a_scrap_is_unclear_and_the_model_is_not_asked(reader, monkeypatch, milliseconds):
    monkeypatch.setattr(reader, "_model", None)
    reading = reader.read(np.ones(16 * milliseconds, np.float32))
    assert (reading.label, reading.group, reading.confidence) == (UNCLEAR, UNCLEAR, 0)
    assert reading.shares == {row.label: 0 for row in table()} | {UNCLEAR: 1}


def test_no_sound_at_all_is_an_error(reader):
    with pytest.raises(ValueError, match="no sound"):
        reader.read(np.zeros(0, np.float32))
