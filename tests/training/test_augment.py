from pathlib import Path

import numpy as np
import pytest

from tests.training.synthetic import corpora
from training.augment import Rooms, coded, stretch, telephone


@pytest.fixture
def rooms(tmp_path: Path) -> Rooms:
    return Rooms.of_esc50(corpora(tmp_path), folds=(1, 2), every=1)


def test_noise_is_mixed_at_the_ratio_that_was_asked_for(rooms: Rooms) -> None:
    speech = np.sin(np.arange(32_000) / 5).astype(np.float32)
    noise = rooms.mix(speech, 10.0, np.random.default_rng(0)) - speech
    assert 10 * np.log10(np.mean(speech**2) / np.mean(noise**2)) == pytest.approx(10.0, abs=0.01)


def test_the_same_utterance_is_put_into_the_same_room(rooms: Rooms) -> None:
    speech = np.random.default_rng(1).standard_normal(16_000).astype(np.float32)
    assert np.array_equal(rooms.put(speech, 7), rooms.put(speech, 7))
    assert not np.array_equal(rooms.put(speech, 7)[:10_000], rooms.put(speech, 8)[:10_000])


def test_a_voice_somewhere_else_is_still_about_as_long(rooms: Rooms) -> None:
    speech = np.random.default_rng(1).standard_normal(16_000).astype(np.float32)
    lengths = {len(rooms.put(speech, seed)) for seed in range(12)}
    assert all(14_300 < length < 17_800 for length in lengths)
    assert len(lengths) > 6


def test_noises_of_the_folds_that_are_kept_for_scores_are_not_used(tmp_path: Path) -> None:
    assert len(Rooms.of_esc50(corpora(tmp_path), folds=(1,), every=1).noises) == 1


def test_speech_is_made_longer_at_the_same_pitch() -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(16_000) / 16_000).astype(np.float32)
    longer = stretch(tone, 1.25)
    assert len(longer) == pytest.approx(20_000, abs=256)
    spectrum = np.abs(np.fft.rfft(longer[2_000:18_000]))
    assert spectrum.argmax() == 200


@pytest.mark.parametrize(("codec", "like"), [(("WAV", "ULAW", 8_000), 0.98), (("WAV", "GSM610", 8_000), 0.8)])
def test_a_telephone_keeps_the_length_and_takes_the_highs(codec: tuple[str, str, int], like: float) -> None:
    t = np.arange(16_000) / 16_000
    low, high = (np.sin(2 * np.pi * hz * t).astype(np.float32) * 0.3 for hz in (400, 6_000))
    back = coded(low + high, *codec)
    assert back.shape == low.shape
    assert np.corrcoef(back[1_000:15_000], low[1_000:15_000])[0, 1] > like


def test_a_landline_lets_nothing_through_but_its_band() -> None:
    t = np.arange(16_000) / 16_000
    tones = {hz: np.sin(2 * np.pi * hz * t).astype(np.float32) for hz in (80, 1_000, 6_000)}
    through = {hz: np.std(telephone(0.1 * tone)) for hz, tone in tones.items()}
    assert through[1_000] == pytest.approx(0.1 / np.sqrt(2), rel=0.1)
    assert max(through[80], through[6_000]) < 0.1 * through[1_000]
