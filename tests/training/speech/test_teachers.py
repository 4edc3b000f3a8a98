from pathlib import Path

import numpy as np
import pytest

from moments.errors import UserError
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
