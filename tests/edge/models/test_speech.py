import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.models.interpreter import WEIGHTS, BrokenWeights
from edge.models.speech import SpeechReader, window_count, windows
from edge.pipeline import Pipeline
from edge.sound import RATE, Samples
from moments import EMOTIONS


@pytest.fixture(scope="module")
def reader() -> SpeechReader:
    return SpeechReader.load()


def voice(seconds: float, hz: float = 140.0) -> Samples:
    """Give pulses at the rate of a voice, four syllables a second."""
    t = np.arange(round(seconds * RATE)) / RATE
    pulses = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 20))
    return (0.1 * pulses * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t))).astype(np.float32)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 15 * RATE))
def test_speech_of_any_length_is_cut_into_windows_of_three_seconds(length: int) -> None:
    cut = windows(voice(length / RATE)[:length])
    assert cut.shape == (window_count(length), 300, 80)
    assert cut.dtype == np.float32


def test_windows_leave_no_gap_and_reach_both_ends() -> None:
    assert [window_count(round(seconds * RATE)) for seconds in (0.5, 3.0, 3.1, 6.0, 6.1, 15.0)] == [1, 1, 2, 2, 3, 5]
    speech = voice(4.0)
    cut = windows(speech)
    speech[: RATE // 2] = 0
    changed = windows(speech)
    assert not np.allclose(cut[0][:45], changed[0][:45])
    assert np.allclose(cut[1][10:], changed[1][10:], atol=1e-4)


def test_short_speech_stands_at_the_end_with_silence_before_it() -> None:
    (cut,) = windows(voice(1.0))
    assert np.all(cut[:195] == cut[0, 0])
    assert cut[205:].max() == pytest.approx(2.0)


def test_a_reading_is_a_distribution_over_the_eight_emotions(reader: SpeechReader) -> None:
    shares = reader.read(voice(2.5))
    assert tuple(shares) == EMOTIONS
    assert sum(shares.values()) == pytest.approx(1.0)
    assert min(shares.values()) >= 0.0


def test_longer_speech_is_the_mean_of_all_its_windows(reader: SpeechReader) -> None:
    speech = np.concatenate([voice(3.0, 90.0), voice(3.0, 400.0)])
    first, last = (reader._model(window[None])[0][0] for window in windows(speech))
    assert np.abs(first - last).max() > 0.1
    assert np.allclose(reader.logits(speech), (first + last) / 2, atol=1e-5)


def test_a_reading_is_calibrated_by_the_temperature_of_its_weights() -> None:
    class Sure:
        name, meta = "speech-0@sure", {"temperature": 2.0, "unclear_below": 0.4}

        def __call__(self, _window):
            return [np.arange(8, dtype=np.float32)[None]]

    shares = list(SpeechReader(Sure()).read(voice(1.0)).values())
    assert np.diff(np.log(shares)) == pytest.approx(0.5)


def test_how_loud_a_voice_is_changes_little(reader: SpeechReader) -> None:
    plain, quiet = (np.array(list(reader.read(voice(2.5) * gain).values())) for gain in (1, np.float32(0.03)))
    assert np.abs(plain - quiet).max() < 0.02


@pytest.mark.parametrize("samples", [voice(15.0), voice(0.03), np.zeros(RATE, np.float32), np.ones(1, np.float32)])
def test_odd_speech_gives_numbers_all_the_same(reader: SpeechReader, samples: Samples) -> None:
    assert np.isfinite(list(reader.read(samples).values())).all()


def test_other_voices_are_read_otherwise(reader: SpeechReader) -> None:
    low, high = (np.array(list(reader.read(voice(2.5, hz)).values())) for hz in (90.0, 400.0))
    assert np.abs(low - high).max() > 0.02


@pytest.mark.parametrize(
    ("file", "most", "name"), [("speech", 5_000_000, "speech-2@"), ("speech-small", 2_500_000, "speech-small-2@")]
)
def test_a_file_that_ships_is_small_and_says_what_it_is(file: str, most: int, name: str) -> None:
    assert (WEIGHTS / f"{file}.tflite").stat().st_size <= most
    reader = SpeechReader.load(WEIGHTS / f"{file}.tflite")
    assert reader.name.startswith(name)
    assert 0.2 <= reader.unclear_below <= 0.6
    assert 0.1 < reader.temperature < 10


def test_weights_of_another_model_are_refused() -> None:
    with pytest.raises(BrokenWeights, match="not a speech model"):
        SpeechReader.load(WEIGHTS / "scenes.tflite")


def test_a_pipeline_takes_other_weights_and_tells_when_they_are_not_there(tmp_path: Path) -> None:
    for part in ("tflite", "json"):
        shutil.copy(WEIGHTS / f"speech.{part}", tmp_path / f"own.{part}")
    assert Pipeline.load(speech=tmp_path / "own.tflite")
    with pytest.raises(BrokenWeights, match=r"none\.tflite"):
        Pipeline.load(speech=tmp_path / "none.tflite")
