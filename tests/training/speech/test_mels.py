from pathlib import Path

import numpy as np
import pytest

from edge.models.speech import windows
from tests.training.synthetic import corpora
from training.augment import Rooms
from training.corpora import read, utterances
from training.speech.mels import Mels, bent, coloured, masked, mels


def test_a_view_is_what_the_device_would_hear_and_is_made_once(tmp_path: Path) -> None:
    data = corpora(tmp_path / "data", per_emotion=2)
    items = utterances(data, ["ravdess"])
    plain = mels(items, tmp_path / "cache" / "plain.npz")
    first = windows(read(items[0].path))[0]
    assert np.abs(plain.crop(0, np.random.default_rng(0)) - first).max() < 0.01
    elsewhere = mels(items, tmp_path / "cache" / "elsewhere.npz", 1, 3, lambda: Rooms.of_esc50(data, every=1))
    assert elsewhere.ids.tolist() == [1, 4, 7, 10, 13]
    assert len(elsewhere.begins) == 6

    def never() -> Rooms:
        raise AssertionError

    again = mels(items, tmp_path / "cache" / "elsewhere.npz", 1, 3, never)
    assert np.array_equal(again.frames, elsewhere.frames)


def test_a_crop_is_a_window_of_its_utterance_alone() -> None:
    frames = np.repeat(np.arange(2), [500, 300])[:, None] * np.ones(80)
    own = Mels(frames.astype(np.float16), np.array([0, 500, 800]), np.arange(2))
    rng = np.random.default_rng(0)
    for place in (0, 1) * 20:
        crop = own.crop(place, rng)
        assert crop.shape == (300, 80)
        assert (crop == place).all()


def test_bands_are_moved_by_the_factor_and_at_most_two_spans_are_hidden() -> None:
    slope = np.tile(np.arange(80, dtype=np.float32), (300, 1))
    assert bent(slope, 1.0) == pytest.approx(slope)
    assert bent(slope, 0.5)[0, :40] == pytest.approx(np.arange(40) * 0.5)
    for seed in range(20):
        mel = np.arange(300 * 80, dtype=np.float32).reshape(300, 80)
        mean = mel.mean()
        before = mel.copy()
        masked(mel, np.random.default_rng(seed))
        hidden = mel != before
        assert (mel[hidden] == pytest.approx(mean, rel=0.01)) if hidden.any() else True
        assert hidden.all(axis=1).sum() <= 60
        assert hidden.all(axis=0).sum() <= 16


def test_microphones_differ_most_at_the_outermost_bands_and_smoothly() -> None:
    rng = np.random.default_rng(0)
    drawn = np.stack([coloured(0.1, rng) for _ in range(500)])
    assert abs(drawn.mean()) < 0.01
    assert 0.1 < drawn[:, [0, -1]].std() < 0.15
    assert np.abs(np.diff(drawn, axis=1)).max() < 0.04
    assert not coloured(0.0, rng).any()
