"""The student that ships, from corpora to weights, with a trunk of random weights and made voices."""

import json
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch

from edge.models.speech import SpeechReader, windows
from moments import EMOTIONS
from tests.training.synthetic import corpora
from training.corpora import utterances
from training.speech import report
from training.speech.plain import recipe
from training.speech.plain.features import Features, features
from training.speech.plain.head import Head, Part, classes, train_head
from training.speech.plain.head import Recipe as HeadRecipe
from training.speech.plain.student import Student
from training.speech.plain.trunk import Trunk
from training.speech.plain.tune import Material, Tuning
from training.speech.scores import calibration
from training.speech.student import SIZES
from training.speech.trunk import HIDDEN
from training.speech.trunk import Trunk as Encoder

QUICK_HEAD = HeadRecipe(channels=16, epochs=6, batch=4, share=())
QUICK = recipe.Recipe(QUICK_HEAD, Tuning(epochs=2, batch=4, heard=(("ravdess", (4, 4)), ("nemo", (3, 1)))))


@pytest.fixture
def trunk() -> Trunk:
    torch.manual_seed(0)
    return Trunk(Encoder([HIDDEN])).eval().requires_grad_(requires_grad=False)


def made_part(n: int = 60, seed: int = 0) -> Part:
    """Give features in which one channel tells anger from sadness, in windows of three positions, two layers."""
    rng = np.random.default_rng(seed)
    items = [
        recipe.Utterance("turev", Path(), emotion, "turev/unknown", None, 1.0)
        for emotion in ("anger", "sadness") * (n // 2)
    ]
    values = rng.standard_normal((n, 3, 2, 384)).astype(np.float16)
    values[::2, :, 0, :8] += 2
    return Part(Features(values, np.arange(n)), items, np.ones(n, bool))


def test_the_trunk_gives_each_layer_at_half_the_frames(trunk: Trunk) -> None:
    layers = trunk(torch.rand(2, 300, 80))
    assert [tuple(layer.shape) for layer in layers] == [(2, 150, 384)] * 2


def test_features_that_were_begun_go_on_where_they_were(
    trunk: Trunk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = utterances(corpora(tmp_path / "data", per_emotion=2), ["ravdess"])
    monkeypatch.setattr("training.speech.plain.features._SAVE_EVERY", 5)
    whole = features(trunk, items, tmp_path / "whole")
    assert whole.values.shape == (24, 75, 2, 384)  # 8 of one window, 8 of 3.5 s and so two
    assert np.bincount(whole.of_window).tolist() == [1, 2] * 8

    from training.speech.plain.features import _run as run

    calls: list[int] = []

    def stopped(trunk: Trunk, mels: list[np.ndarray]) -> np.ndarray:
        calls.append(len(mels))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return run(trunk, mels)

    monkeypatch.setattr("training.speech.plain.features._run", stopped)
    with pytest.raises(KeyboardInterrupt):
        features(trunk, items, tmp_path / "begun")
    again = features(trunk, items, tmp_path / "begun")
    assert np.array_equal(again.values, whole.values)
    assert sum(calls[2:]) < 24  # the first part was not heard again


def test_features_are_the_trunks_own_with_pairs_of_positions_averaged(trunk: Trunk, tmp_path: Path) -> None:
    items = utterances(corpora(tmp_path), ["nemo"])[:1]
    heard = features(trunk, items, tmp_path / "cache")
    from training.corpora import read

    layers = trunk(torch.from_numpy(windows(read(items[0].path))))
    expected = layers[1][0].view(75, 2, 384).mean(dim=1).numpy()
    assert np.abs(heard.values[0, :, 1] - expected).max() < 0.01


def test_a_corpus_with_few_emotions_does_not_push_the_others_down() -> None:
    part = made_part()
    assert classes(part.items).nonzero().ravel().tolist() == [3, 4]
    torch.manual_seed(0)
    head = train_head([part], QUICK_HEAD)
    with torch.no_grad():
        logits = head(torch.from_numpy(np.asarray(part.features.values, np.float32))).numpy()
    named = np.array([EMOTIONS.index(item.emotion) for item in part.items])
    assert np.mean(logits[:, [3, 4]].argmax(axis=1) + 3 == named) > 0.9
    # Emotions that the corpus does not have got no gradient: their weights only decayed from where they began.
    assert np.abs(logits[:, [0, 1, 2, 5, 6, 7]].mean()) < 1.5


def test_the_answer_to_a_long_utterance_is_the_mean_over_its_windows(trunk: Trunk) -> None:
    student = Student(trunk, Head(2, channels=16)).eval()
    speech = np.random.default_rng(0).normal(0, 0.1, 16_000 * 7).astype(np.float32)
    heard = windows(speech)
    assert len(heard) > 1
    with torch.no_grad():
        each = [student(torch.from_numpy(one[None]))[0].numpy() for one in heard]
    assert recipe.float_logits(student, speech) == pytest.approx(np.mean(each, axis=0), abs=1e-4)


@pytest.fixture
def shop(tmp_path: Path, trunk: Trunk, monkeypatch: pytest.MonkeyPatch) -> recipe.Workshop:
    monkeypatch.setattr(recipe.Workshop, "trunk", lambda _: deepcopy(trunk))
    monkeypatch.setattr(recipe, "BLOCKS", 1)
    monkeypatch.setattr(recipe, "CALIBRATION_WINDOWS", 4)
    monkeypatch.setattr(recipe, "NOISE_FOLD", 2)
    return recipe.Workshop(corpora(tmp_path / "data"), tmp_path, tmp_path / "cache")


@pytest.fixture
def beside(shop: recipe.Workshop, monkeypatch: pytest.MonkeyPatch) -> recipe.Teachers:
    """Who answers beside the student, each time all utterances but the first; the real teacher is not here."""

    def answers(_: recipe.Teachers, holdout: str, corpus: str) -> np.ndarray:
        kept = recipe.held_out(utterances(shop.data, [corpus]), holdout)
        said = np.tile(np.arange(len(EMOTIONS), dtype=np.float32), (int(kept.sum()), 1))
        said[0] = np.nan
        return said

    monkeypatch.setattr(recipe, "teacher_answers", answers)
    return recipe.Teachers(shop.data, shop.teachers, shop.cache, SIZES["standard"], "smart-turn")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_holdouts_are_trained_without_their_speakers_and_the_int8_file_is_what_is_scored(
    shop: recipe.Workshop, beside: recipe.Teachers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []
    train, tune = recipe.train_head, recipe.tuned

    def used(parts: Sequence[Part | Material]) -> set[str]:
        return {item.speaker for part in parts for item in np.array(part.items, object)[part.used]}

    def train_spy(parts: list[Part], asked: HeadRecipe, seed: int) -> Head:
        seen.append(used(parts))
        return train(parts, asked, seed)

    def tune_spy(student: Student, material: list[Material], asked: Tuning, state: Path, seed: int) -> Student:
        assert used(material) == seen[-1]
        return tune(student, material, asked, state, seed)

    monkeypatch.setattr(recipe, "train_head", train_spy)
    monkeypatch.setattr(recipe, "tuned", tune_spy)
    for holdout in ("1", "2"):
        recipe.run_holdout(shop, beside, holdout, QUICK)
    assert seen == [{"ravdess/actor_02", "nemo/ZZ0"}, {"ravdess/actor_01", "nemo/AA0"}]
    rows = json.loads((shop.folds(QUICK) / "1" / "answers.json").read_text())
    assert {row["speaker"] for row in rows} == {"ravdess/actor_01", "nemo/AA0"}
    assert any(row["float"] != row["int8"] for row in rows)
    for row in rows:
        assert ("noisy" in row) == (row["corpus"] == "ravdess")
        assert row["int8"] == pytest.approx(row["float"], abs=0.3)

    assert sum("teacher" not in row for row in rows) == 2

    recipe.run_holdout(shop, beside, "1", QUICK)
    assert len(seen) == 2  # what is there is not made again

    meta = calibration(shop.folds(QUICK))
    recipe.ship(shop, QUICK, meta, tmp_path / "speech.tflite")
    assert seen[2] == {"ravdess/actor_01", "ravdess/actor_02", "nemo/AA0", "nemo/ZZ0"}
    reader = SpeechReader.load(tmp_path / "speech.tflite")
    assert reader.temperature == pytest.approx(meta["temperature"])
    report.write(tmp_path / "reports", shop.folds(QUICK), {}, tmp_path / "speech.tflite")
    text = (tmp_path / "reports" / "speech.md").read_text()
    assert "RAVDESS, 8 emotions" in text
    assert reader.name in text
    assert "No WavLM was used" in text
