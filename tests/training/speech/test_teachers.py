import errno
import os
from pathlib import Path

import numpy as np
import pytest
from transformers import WavLMModel

from moments.errors import UserError, WorkError
from tests.training.speech.tiny import wavlm
from tests.training.synthetic import corpora
from training.corpora import utterances
from training.speech.teachers import open_teacher
from training.speech.teachers.heard import heard


def test_a_wavlm_of_the_real_class_is_opened_from_a_folder_and_pools_every_hidden_state(tmp_path: Path) -> None:
    teacher = open_teacher(f"wavlm:{wavlm(tmp_path / 'tiny')}", tmp_path)
    speech = np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    pooled = teacher.hear(speech)
    assert pooled.shape == (3, 2 * 32)  # what goes into the first of two blocks, and what each gives
    assert np.all(pooled[:, 32:] >= 0)
    assert teacher.name == "WavLM (tiny, 2 layers)"
    assert teacher.hear(speech * 0.1) == pytest.approx(pooled, abs=1e-3)  # scaled to unit variance, as it learned


def test_speech_of_a_few_samples_is_long_enough(tmp_path: Path) -> None:
    teacher = open_teacher(f"wavlm:{wavlm(tmp_path / 'tiny')}", tmp_path)
    assert np.isfinite(teacher.hear(np.ones(10, np.float32))).all()


@pytest.mark.parametrize(
    ("which", "told"),
    [
        ("wavlm:{folder}/nothing", "there is no WavLM"),
        ("smart-turn", r"smart-turn-v3.2-cpu.onnx is missing; .*--teachers"),
        ("hubert", "give smart-turn or wavlm:NAME"),
        ("wavlm:", "give smart-turn or wavlm:NAME"),
    ],
)
def test_a_teacher_that_is_not_there_is_told(tmp_path: Path, which: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        open_teacher(which.format(folder=tmp_path), tmp_path)


def test_a_folder_that_the_model_alone_was_saved_in_is_told_what_it_lacks(tmp_path: Path) -> None:
    WavLMModel.from_pretrained(wavlm(tmp_path / "tiny")).save_pretrained(tmp_path / "alone")
    with pytest.raises(UserError, match=r"lacks preprocessor_config\.json.*save the AutoFeatureExtractor"):
        open_teacher(f"wavlm:{tmp_path / 'alone'}", tmp_path)


def test_another_model_in_the_same_folder_is_another_teacher(tmp_path: Path) -> None:
    which = f"wavlm:{wavlm(tmp_path / 'tiny')}"
    before = open_teacher(which, tmp_path)
    assert open_teacher(f"wavlm:{wavlm(tmp_path / 'copy')}", tmp_path).key == before.key
    model = WavLMModel.from_pretrained(tmp_path / "tiny")
    model.feature_projection.projection.bias.data += 1
    model.save_pretrained(tmp_path / "tiny")
    assert open_teacher(which, tmp_path).key != before.key


class Counting:
    """A teacher that counts what it hears, and stops when told."""

    name = key = "counting"

    def __init__(self, stop_at: int = 1000) -> None:
        self.count, self.stop_at = 0, stop_at

    def hear(self, samples: np.ndarray) -> np.ndarray:
        self.count += 1
        if self.count > self.stop_at:
            raise KeyboardInterrupt
        return np.full((2, 4), samples.std(), np.float32)


def test_what_a_teacher_heard_before_it_was_stopped_is_not_heard_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.speech.teachers.heard._SAVE_EVERY", 2)
    items = utterances(corpora(tmp_path / "data"), ["ravdess"])
    whole = heard(Counting(), items, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        heard(Counting(stop_at=6), items, tmp_path / "begun")
    again = Counting()
    assert np.array_equal(heard(again, items, tmp_path / "begun"), whole)
    assert again.count == 1 + len(items) - 4


def test_a_disk_without_room_is_told_and_not_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int, begin: int, size: int) -> None:
        assert (begin, size) == (0, os.fstat(file).st_size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    items = utterances(corpora(tmp_path / "data"), ["ravdess"])
    with pytest.raises(WorkError, match=r"cannot be kept in .*\.npy \(No space left on device\); make room"):
        heard(Counting(), items, tmp_path / "cache")
    assert not list((tmp_path / "cache" / "counting").iterdir())
