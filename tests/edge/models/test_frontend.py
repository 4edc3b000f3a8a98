import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.models.frontend import (
    BINS,
    centred_power,
    kaldi_bands,
    kaldi_mel,
    power_frames,
    slaney_bands,
    whisper_mel,
)
from edge.sound import RATE, Samples


def noise(length: int, seed: int = 0) -> Samples:
    return (np.random.default_rng(seed).standard_normal(length) * 0.1).astype(np.float32)


def tone(hz: float, seconds: float = 1.0) -> Samples:
    return np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE).astype(np.float32)


@settings(deadline=None)
@given(st.integers(0, 3000))
def test_frames_are_those_that_fit_whole(length: int) -> None:
    frames = power_frames(noise(length))
    assert frames.shape == (max(0, 1 + (length - 512) // 160) if length >= 512 else 0, BINS)
    assert frames.dtype == np.float32


@settings(deadline=None)
@given(st.integers(1, 4000))
def test_a_segment_has_a_frame_every_ten_milliseconds_whatever_its_length(length: int) -> None:
    assert centred_power(noise(length)).shape == (1 + length // 160, BINS)


def test_a_stream_cut_anywhere_gives_the_frames_of_the_whole() -> None:
    samples = noise(RATE)
    whole = power_frames(samples)
    kept, frames = np.zeros(0, np.float32), []
    for begin in range(0, RATE, 777):
        kept = np.concatenate([kept, samples[begin : begin + 777]])
        new = power_frames(kept)
        frames.append(new)
        kept = kept[160 * len(new) :]
    cut = np.concatenate(frames)
    assert cut.shape == whole.shape
    # Some processors' matrix products round the last row of a stretch in another way than one in its middle.
    assert np.abs(cut - whole).max() < 1e-6 * whole.max()


@pytest.mark.parametrize("hz", [250.0, 1000.0, 5000.0])
def test_a_tone_is_loudest_in_its_own_bin(hz: float) -> None:
    assert set(centred_power(tone(hz))[20:80].argmax(axis=1)) == {round(hz / 31.25)}


@settings(deadline=None)  # the first call makes the bands
@given(st.floats(0.001, 10.0))
def test_the_speech_model_does_not_hear_how_loud_a_voice_is(gain: float) -> None:
    samples = noise(RATE, 3) * np.linspace(0.01, 1, RATE, dtype=np.float32)
    plain = whisper_mel(centred_power(samples))
    louder = whisper_mel(centred_power((samples * np.float32(gain)).astype(np.float32)))
    assert np.abs(plain - louder).max() < 1e-4


def test_whisper_mel_lies_between_nought_and_two_and_is_right_for_silence() -> None:
    samples = noise(RATE)
    samples[: RATE // 2] = 0
    mel = whisper_mel(centred_power(samples))
    assert mel.shape == (101, 80)
    assert mel.max() == pytest.approx(2.0)
    assert mel.min() >= 0.0
    assert np.all(whisper_mel(centred_power(np.zeros(RATE, np.float32))) == 2.0)
    assert whisper_mel(np.zeros((0, BINS), np.float32)).shape == (0, 80)


def test_slaney_bands_have_unit_area_and_one_peak() -> None:
    bands = slaney_bands(40)
    assert bands.shape == (BINS, 40)
    # Wide bands are sampled by many bins, so the sum times the width of a bin is near their area of one.
    assert bands[:, 25:].sum(axis=0) * 31.25 == pytest.approx(np.ones(15), abs=0.02)


def test_kaldi_mel_has_the_taggers_bands_below_eight_kilohertz() -> None:
    mel = kaldi_mel(centred_power(noise(RATE)))
    assert mel.shape == (101, 128)
    assert np.isfinite(mel).all()
    heard = kaldi_bands().sum(axis=0) > 0
    assert heard[:90].mean() > 0.9
    assert not heard[-5:].any()


def test_both_mels_are_the_bands_laid_over_the_power() -> None:
    power = centred_power(noise(3 * RATE, 5))
    kaldi = (np.log(power @ kaldi_bands() + 1e-5) + 4.5) / 5
    whisper = np.log10(power @ slaney_bands(80))
    assert np.allclose(kaldi_mel(power), kaldi, atol=1e-5)
    assert np.allclose(whisper_mel(power), np.maximum(whisper - whisper.max(), -8) / 4 + 2, atol=1e-5)
