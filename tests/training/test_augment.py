from pathlib import Path

import numpy as np
import pytest

from tests.training.synthetic import corpora
from training.augment import Rooms


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
    assert all(14_500 < length < 17_600 for length in lengths)
    assert len(lengths) > 6


def test_noises_of_the_folds_that_are_kept_for_scores_are_not_used(tmp_path: Path) -> None:
    assert len(Rooms.of_esc50(corpora(tmp_path), folds=(1,), every=1).noises) == 1
