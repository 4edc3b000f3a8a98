"""A card has the scores and the weights of one training, or is not written."""

import json
import shutil
from pathlib import Path

import pytest

from edge.models.interpreter import WEIGHTS
from moments.errors import WorkError
from training.speech import report
from training.speech.scores import FOLDS

ORIGIN = {"which": "smart-turn", "distilled": False, "size": "standard", "results": "standard-smart-turn-1"}


def folds(cache: Path, missing: tuple[str, ...] = ()) -> Path:
    """Make files of answers."""
    folder = cache / ORIGIN["results"]
    for fold in set(FOLDS) - set(missing):
        (folder / fold).mkdir(parents=True)
        (folder / fold / "answers.json").write_text("[]")
    return folder


def weights(folder: Path, **meta: object) -> Path:
    """Copy the standard weights, their sidecar saying something more."""
    for suffix in (".tflite", ".json"):
        shutil.copy(WEIGHTS / f"speech{suffix}", folder)
    sidecar = json.loads((folder / "speech.json").read_text())
    sidecar["meta"].pop("results", None)
    sidecar["meta"] |= meta
    (folder / "speech.json").write_text(json.dumps(sidecar))
    return folder / "speech.tflite"


@pytest.mark.parametrize(
    "meta",
    [
        {"results": "standard-smart-turn-2"},
        {"which": "wavlm:microsoft/wavlm-base-plus"},
        {"distilled": True},
        {"size": "small"},
    ],
)
def test_scores_of_another_training_are_not_put_under_weights(tmp_path: Path, meta: dict[str, object]) -> None:
    with pytest.raises(WorkError, match=r"speech\.tflite is of another recipe.*run the step `ship` first"):
        report.write(tmp_path, folds(tmp_path), {}, weights(tmp_path, **meta), ORIGIN)
    assert not (tmp_path / "speech.md").exists()


@pytest.mark.parametrize("meta", [{}, {"results": ORIGIN["results"], "which": "wavlm:elsewhere"}])
def test_weights_of_the_same_training_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meta: dict[str, object]
) -> None:
    class TakenError(Exception):
        pass

    def stop(_: Path) -> None:
        raise TakenError

    monkeypatch.setattr(report, "cost", stop)
    with pytest.raises(TakenError):
        report.write(tmp_path, folds(tmp_path), {}, weights(tmp_path, **meta), ORIGIN)


def test_a_card_of_some_folds_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match=r"lacks the answers of folds 2, 7; run the step `folds`"):
        report.write(tmp_path, folds(tmp_path, ("2", "7")), {}, weights(tmp_path), ORIGIN)
