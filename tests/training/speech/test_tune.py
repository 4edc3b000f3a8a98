"""Training a student: what it learns, from whom, how it goes on, and what it keeps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from moments import EMOTIONS
from tests.training.speech.lessons import lesson
from training.speech import tune
from training.speech.lesson import Lesson
from training.speech.student import Head, Size, Student
from training.speech.trunk import Trunk
from training.speech.tune import Learner, Recipe, trained

SIZE = Size("tiny", (32,), channels=16)
QUICK = Recipe(
    epochs_alone=3, batch_alone=8, hearings=1, epochs=3, batch=4, rate_head=3e-3, teach=0, follow=0, average=0.8,
    smoothing=(("turev", 0.1),), heard=(("turev", (12, 4)),),
)  # fmt: skip


def student(size: Size = SIZE) -> Student:
    torch.manual_seed(0)
    return Student(Trunk(size.hidden), Head(size))


def weights(of: Student) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in of.state_dict().items()}


@torch.no_grad()
def answers(of: Student, own: Lesson) -> np.ndarray:
    heard = own.views[0].frames.reshape(-1, 300, 80)
    logits: np.ndarray = of(torch.from_numpy(heard).float()).numpy()
    return logits


def test_a_student_learns_its_labels_and_emotions_that_a_corpus_lacks_are_not_pushed_down(tmp_path: Path) -> None:
    own = lesson()
    logits = answers(trained(student(), [own], QUICK, tmp_path), own)
    assert np.mean(np.where(own.known, logits, -np.inf).argmax(axis=1) == own.right.argmax(axis=1)) > 0.9
    assert np.abs(logits[:, ~own.known].mean()) < 1.5


def test_a_corpus_without_calm_teaches_that_its_neutral_voices_may_be_calm_and_its_sad_ones_are_not(
    tmp_path: Path,
) -> None:
    own = lesson(("neutral", "sadness"))
    logits = answers(trained(student(), [own], QUICK, tmp_path), own)
    neutral, calm, sadness = (EMOTIONS.index(emotion) for emotion in ("neutral", "calm", "sadness"))
    sad = np.array([item.emotion == "sadness" for item in own.items])
    assert (logits[sad][:, [neutral, calm]] < logits[sad][:, [sadness]]).mean() > 0.9
    assert (logits[~sad][:, [neutral, calm]].max(axis=1) > logits[~sad, sadness]).mean() > 0.9


def test_a_teacher_is_followed_where_it_says_something(tmp_path: Path) -> None:
    own = lesson()
    wrong = replace(own, soft=-own.soft)
    shares = [
        answers(trained(student(), [taught], replace(QUICK, teach=teach), tmp_path / f"{name}{teach}"), own)
        for name, taught in (("right", own), ("wrong", wrong))
        for teach in (0.0, 0.8)
    ]
    gap = [float(np.mean(np.where(own.right, logits, -logits)[:, own.known].sum(axis=1))) for logits in shares]
    assert gap[0] == pytest.approx(gap[2], abs=1e-5)
    assert gap[3] < gap[1] - 1.0


def test_features_of_a_teacher_move_the_encoder(tmp_path: Path) -> None:
    own = lesson()
    ends = [
        weights(trained(student(), [own], replace(QUICK, follow=follow), tmp_path / str(follow)))
        for follow in (0.0, 1.0)
    ]
    assert (ends[0]["trunk.blocks.0.fc1.weight"] != ends[1]["trunk.blocks.0.fc1.weight"]).any()


def test_the_head_is_fitted_first_on_the_encoder_as_it_is_then_everything_is_trained(tmp_path: Path) -> None:
    before = weights(student())
    after = weights(trained(student(), [lesson()], QUICK, tmp_path))
    fitted = {name.removeprefix("student."): value for name, value in torch.load(tmp_path / "head.pt").items()}
    encoder = [name for name in before if name.startswith("trunk.")]
    assert all(torch.equal(fitted[name], before[name]) for name in encoder)
    assert (fitted["head.classify.weight"] != before["head.classify.weight"]).any()
    assert any((after[name] != before[name]).any() for name in encoder)
    assert (after["head.classify.weight"] != fitted["head.classify.weight"]).any()


def test_every_weight_has_one_rate_and_the_lower_stand_the_smaller_are() -> None:
    learner = Learner(student(Size("tiny", (32, 32), channels=16)), 4)
    groups = tune._everything(learner, Recipe())
    names = {id(value): name for name, value in learner.named_parameters()}
    rates = {names[id(value)]: group["lr"] for group in groups for value in group["params"]}
    assert rates.keys() == set(names.values())
    assert sum(len(group["params"]) for group in groups) == len(names)
    trunk = "student.trunk."
    order = [
        "student.head.classify.weight", f"{trunk}blocks.1.q.weight", f"{trunk}blocks.0.q.weight", f"{trunk}conv1.weight"
    ]  # fmt: skip
    assert [rates[name] for name in order] == pytest.approx([3e-4, 1.5e-4, (1.5e-4 * 4e-5) ** 0.5, 4e-5])
    assert rates[f"{trunk}norms.4.weight"] == rates[order[1]]
    assert rates[f"{trunk}norms.1.weight"] == rates[order[2]]


@pytest.mark.parametrize("steps", [3, 12])  # while the head is fitted, and after
def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    whole = weights(trained(student(), [lesson()], QUICK, tmp_path / "whole", 1))
    rounds: list[float] = []
    loss = tune._loss

    def stopped(*args: object) -> torch.Tensor:
        if len(rounds) == steps:
            raise KeyboardInterrupt
        rounds.append(0.0)
        return loss(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(tune, "_loss", stopped)
    with pytest.raises(KeyboardInterrupt):
        trained(student(), [lesson()], QUICK, tmp_path / "begun", 1)
    monkeypatch.setattr(tune, "_loss", loss)
    again = weights(trained(student(), [lesson()], QUICK, tmp_path / "begun", 1))
    assert all(torch.equal(again[name], whole[name]) for name in whole)


def test_a_smoothed_corpus_is_named_with_less_certainty(tmp_path: Path) -> None:
    own = lesson()
    spread = []
    for smoothing in (0.0, 0.5):
        asked = replace(QUICK, smoothing=(("turev", smoothing),))
        logits = answers(trained(student(), [own], asked, tmp_path / str(smoothing)), own)[:, own.known]
        spread.append(float(np.mean(logits.max(axis=1) - logits.min(axis=1))))
    assert spread[1] < 0.8 * spread[0]
