"""The whole way from corpora to weights and card, with a tiny teacher, a front of random weights and made voices."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edge.models.speech import SpeechReader, windows
from moments.errors import UserError, WorkError
from tests.training.speech.tiny import wavlm
from tests.training.synthetic import corpora
from training.cli import register
from training.speech import recipe, scores, steps, workshop
from training.speech.lesson import Lesson
from training.speech.student import SIZES, Head, Student
from training.speech.trunk import HIDDEN, Trunk
from training.speech.tune import Recipe


def command(*words: str | Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers())
    return parser.parse_args(["train", "speech", *map(str, words)])


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str | Path]:
    torch.manual_seed(0)
    monkeypatch.setattr(workshop, "load_trunk", lambda _, blocks: Trunk([HIDDEN] * blocks).eval())
    heard = (("ravdess", (4, 4)), ("nemo", (3, 1)), ("tess", (2, 1)), ("turev", (1, 1)))
    quick = Recipe(epochs_alone=1, batch_alone=4, epochs=1, batch=4, heard=heard)
    monkeypatch.setattr(steps, "RECIPE", quick)
    monkeypatch.setattr(steps, "LABELS", replace(quick, teach=0.0, follow=0.0))
    monkeypatch.setattr(steps, "HOLDOUTS", ("1", "nemo"))
    monkeypatch.setattr(scores, "FOLDS", ("1",))
    monkeypatch.setattr(workshop, "NOISE_FOLD", 2)
    monkeypatch.setattr(workshop, "_TOLD", {"nemo": 2})
    monkeypatch.setattr(recipe, "CALIBRATION_WINDOWS", 4)
    out = ["--weights", tmp_path / "weights", "--reports", tmp_path / "reports"]
    return ["--data", corpora(tmp_path / "data"), "--teachers", tmp_path, "--cache", tmp_path / "cache", *out]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_one_command_distils_a_wavlm_into_weights_and_card(
    folders: list[str | Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []
    train = recipe.trained

    def spy(student: Student, lessons: list[Lesson], asked: Recipe, state: Path, seed: int) -> Student:
        seen.append({item.speaker for lesson in lessons for item in np.array(lesson.items, object)[lesson.used]})
        return train(student, lessons, asked, state, seed)

    monkeypatch.setattr(recipe, "trained", spy)
    args = command("--teacher", f"wavlm:{wavlm(tmp_path / 'tiny')}", "--size", "small", *folders)
    assert args.run(args) == 0

    beside = {"tess/OAF", "tess/YAF", "turev/unknown"}  # never asked about, so never held out
    assert seen[0] == {"ravdess/actor_02", "nemo/ZZ0"} | beside
    assert seen[1] == {"ravdess/actor_01", "ravdess/actor_02"} | beside
    assert seen[2] == {"ravdess/actor_01", "ravdess/actor_02", "nemo/AA0", "nemo/ZZ0"} | beside

    rows = json.loads(next((tmp_path / "cache").glob("small-wavlm-*/1/answers.json")).read_text())
    assert {row["speaker"] for row in rows} == {"ravdess/actor_01", "nemo/AA0"}
    assert any(row["float"] != row["int8"] for row in rows)
    assert ["teacher" in row for row in rows] == [True] * 4 + [False, True, False]  # of nEMO it hears every second
    for row in rows:
        assert all(
            np.isfinite(row[kind]).all() and len(row[kind]) == 8
            for kind in {"int8", "float", "phone", "teacher"} & {*row}
        )
        assert row["int8"] == pytest.approx(row["float"], abs=0.3)
        assert ("noisy" in row) == (row["corpus"] == "ravdess")
        assert row["phone"] != row["int8"]

    sidecar = (tmp_path / "weights" / "speech-small.json").read_text()
    assert json.loads(sidecar)["meta"]["results"] == next((tmp_path / "cache").glob("small-wavlm-*")).name
    assert str(tmp_path) not in sidecar
    reader = SpeechReader.load(tmp_path / "weights" / "speech-small.tflite")
    text = (tmp_path / "reports" / "speech-small.md").read_text()
    assert reader.name in text
    assert "Its teacher: WavLM (tiny, 2 layers)" in text
    for picture in ("confusion", "speakers", "reliability", "risk"):
        assert f"speech-small/{picture}.png" in text
        assert (tmp_path / "reports" / "speech-small" / f"{picture}.png").read_bytes().startswith(b"\x89PNG")

    again = command("folds", "--teacher", f"wavlm:{tmp_path / 'tiny'}", "--size", "small", *folders)
    again.run(again)
    assert len(seen) == 3  # what is there is not made again


@pytest.mark.parametrize(
    ("words", "told"), [(("--size", "huge"), "give standard or small"), (("--without", "12"), "give one of 1, ")]
)
def test_what_there_is_not_is_told(folders: list[str | Path], words: tuple[str, str], told: str) -> None:
    args = command("folds", *words, *folders)
    with pytest.raises(UserError, match=told):
        args.run(args)


def test_a_holdout_begins_with_the_same_head_whatever_was_drawn_before(
    folders: list[str | Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[torch.Tensor] = []

    def stop(student: Student, *_: object) -> Student:
        begun.append(student.head.classify.weight.clone())
        raise KeyboardInterrupt

    monkeypatch.setattr(recipe, "trained", stop)
    for drawn in (0, 3):
        torch.rand(drawn)
        args = command("folds", "--size", "small", "--without", "1", *folders)
        monkeypatch.setattr(workshop, "open_teacher", lambda *_: argparse.Namespace(key="none", name="none"))
        with pytest.raises(KeyboardInterrupt):
            args.run(args)
    assert torch.equal(*begun)


def test_weights_are_not_written_while_a_fold_lacks_its_answers(
    folders: list[str | Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workshop, "open_teacher", lambda *_: argparse.Namespace(key="none", name="none"))
    args = command("ship", "--size", "small", *folders)
    with pytest.raises(WorkError, match="lacks the answers of fold 1; run the step `folds`"):
        args.run(args)
    assert not (tmp_path / "weights").exists()


def test_the_answer_to_a_long_utterance_is_the_mean_over_its_windows() -> None:
    size = SIZES["small"]
    student = Student(Trunk(size.hidden), Head(size)).eval()
    speech = np.random.default_rng(0).normal(0, 0.1, 16_000 * 7).astype(np.float32)
    heard = windows(speech)
    assert len(heard) > 1
    with torch.no_grad():
        each = [student(torch.from_numpy(one[None]))[0].numpy() for one in heard]
    assert recipe.float_logits(student, speech) == pytest.approx(np.mean(each, axis=0), abs=1e-4)


def test_every_step_has_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command("--help")
    shown = capsys.readouterr().out
    assert all(step in shown for step in ("features", "folds", "ship", "curve", "report", "--teacher"))


def test_only_with_a_teacher_is_one_learned_from(folders: list[str | Path], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Recipe] = []
    monkeypatch.setattr(recipe, "run_holdout", lambda _shop, _holdout, own: asked.append(own))
    for teacher in ((), ("--teacher", "wavlm:a")):
        args = command("folds", "--size", "small", "--without", "1", *teacher, *folders)
        monkeypatch.setattr(workshop, "open_teacher", lambda *_: argparse.Namespace(key="none", name="none"))
        args.run(args)
    assert [own.distils for own in asked] == [False, True]
