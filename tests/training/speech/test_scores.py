import json
from pathlib import Path

import numpy as np
import pytest

from moments import EMOTIONS
from moments.errors import WorkError
from training.speech.scores import (
    Answers,
    by_fold,
    by_speaker,
    calibrated,
    calibration,
    calibration_error,
    confidence,
    coverage,
    mean_recall,
    recall_of,
    shares,
    temperature,
    unclear_below,
    unweighted_recall,
)


def drawn(sharpness: float, n: int = 4000, seed: int = 0) -> Answers:
    """Answers whose true shares are softmax(logits / sharpness)."""
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((n, 8)) * 2
    truth = np.array([rng.choice(8, p=row) for row in shares(logits, 1.0)])
    speakers = np.array([f"ravdess/{i % 12}" for i in range(n)])
    return Answers(logits * sharpness, truth, np.full(n, "ravdess"), speakers, (np.arange(n) % 6 + 1).astype(str))


def test_unweighted_recall_counts_rare_emotions_as_much_as_common_ones() -> None:
    truth = np.array([0, 0, 0, 0, 1])
    assert unweighted_recall(truth, np.array([0, 0, 0, 0, 0])) == 0.5


def test_a_corpus_with_fewer_emotions_is_answered_among_those() -> None:
    logits = np.zeros((2, 8))
    logits[:, 7], logits[0, 2], logits[1, 4] = 5.0, 2.0, 2.0
    answers = Answers(logits, np.array([2, 4]), np.full(2, "nemo"), np.full(2, "nemo/A"), np.array(["1", "1"]))
    assert by_fold(answers) == [("1", 1.0, 1.0)]


def test_the_temperature_that_the_answers_were_drawn_with_is_found() -> None:
    assert temperature(drawn(2.5)) == pytest.approx(2.5, rel=0.06)


def test_calibration_of_a_fold_uses_only_the_others() -> None:
    answers = drawn(2.0)
    spoilt = Answers(
        answers.logits, np.where(answers.fold == "1", (answers.truth + 1) % 8, answers.truth), answers.corpus,
        answers.speaker, answers.fold,
    )  # fmt: skip
    own = answers.fold == "1"
    assert np.array_equal(calibrated(answers)[own], calibrated(spoilt)[own])
    assert not np.array_equal(calibrated(answers)[~own], calibrated(spoilt)[~own])


def test_calibrated_shares_are_right_as_often_as_they_say() -> None:
    answers = drawn(3.0)
    sure, raw = calibrated(answers), shares(answers.logits, 1.0)
    right = sure.argmax(axis=1) == answers.truth
    assert calibration_error(sure.max(axis=1), right) < 0.03
    assert calibration_error(raw.max(axis=1), right) > 0.15


def test_calibration_error_of_one_who_is_always_sure_and_half_right() -> None:
    assert calibration_error(np.ones(10), np.arange(10) % 2 == 0) == pytest.approx(0.5)


def test_readings_that_are_mostly_wrong_are_unclear() -> None:
    confidence = np.repeat([0.3, 0.45, 0.7], 100)
    right = np.concatenate([np.arange(100) < 20, np.arange(100) < 50, np.arange(100) < 90])
    # Of those at 0.30 and 0.45, 70 in 200 are right; those at 0.70 would tip it.
    assert unclear_below(confidence, right) == pytest.approx(0.69)
    assert unclear_below(confidence, np.ones(300, bool)) == 0.0


def test_withholding_unsure_readings_costs_coverage_and_gains_accuracy() -> None:
    answers = drawn(1.0)
    sure = calibrated(answers)
    rows = coverage(sure.max(axis=1), sure.argmax(axis=1) == answers.truth, [0.0, 0.5, 0.8])
    assert rows[0][1] == 1.0
    assert [row[1] for row in rows] == sorted((row[1] for row in rows), reverse=True)
    assert [row[2] for row in rows] == sorted(row[2] for row in rows)


def test_answers_are_read_fold_by_fold_and_missing_ones_are_told(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match="run the step `folds` first"):
        Answers.read(tmp_path, "int8")
    (tmp_path / "2").mkdir()
    row = {"corpus": "nemo", "speaker": "nemo/A", "emotion": "anger", "float": [0.0] * 8, "int8": [1.0] * 8}
    (tmp_path / "2" / "answers.json").write_text(json.dumps([row]))
    answers = Answers.read(tmp_path, "int8")
    assert answers.fold.tolist() == ["2"]
    assert answers.truth.tolist() == [4]
    assert answers.logits.tolist() == [[1.0] * 8]
    with pytest.raises(WorkError, match="run the step `folds` first"):
        Answers.read(tmp_path, "noisy")


def test_nothing_is_calibrated_on_the_answers_of_some_folds(tmp_path: Path) -> None:
    row = {"corpus": "nemo", "speaker": "nemo/A", "emotion": "anger", "int8": [1.0] * 8}
    for fold in range(1, 9):
        (tmp_path / str(fold)).mkdir()
        (tmp_path / str(fold) / "answers.json").write_text(json.dumps([row]))
    with pytest.raises(WorkError, match="lacks the answers of fold 9; run the step `folds` without --without"):
        calibration(tmp_path)
    (tmp_path / "9").mkdir()
    (tmp_path / "9" / "answers.json").write_text("[]")
    assert calibration(tmp_path).keys() == {"temperature", "unclear_below"}


def few(corpus: str, truth: list[str], *named: dict[str, float]) -> Answers:
    """Answers whose logits are 0 but where they are given."""
    logits = np.array([[each.get(emotion, 0.0) for emotion in EMOTIONS] for each in named])
    numbers = np.array([EMOTIONS.index(emotion) for emotion in truth])
    n = len(truth)
    return Answers(logits, numbers, np.full(n, corpus), np.full(n, "a"), np.full(n, "1"))


def test_calm_is_neutral_where_the_corpus_does_not_tell_them_apart() -> None:
    calm = {"calm": 3.0, "anger": 2.0}
    nemo = few("nemo", ["neutral", "anger"], calm, {"anger": 2.0})
    assert recall_of(nemo, "neutral") == 1.0
    assert confidence(few("nemo", ["neutral"] * 2, calm, calm))[1].tolist() == [True, True]
    assert confidence(few("ravdess", ["neutral"] * 2, calm, calm))[1].tolist() == [False, False]


def test_only_shared_emotions_are_compared_across_corpora() -> None:
    answers = few(
        "ravdess", ["neutral", "calm", "disgust", "fear"], {"calm": 2.0}, {}, {}, {"disgust": 5.0, "fear": 1.0}
    )
    common = answers.common()
    assert [EMOTIONS[e] for e in common.truth] == ["neutral", "fear"]
    assert mean_recall(common) == 1.0


def test_speakers_are_ranked_from_the_worst() -> None:
    answers = few("nemo", ["anger", "fear"], {"anger": 1.0}, {"anger": 1.0})
    two = Answers(answers.logits, answers.truth, answers.corpus, np.array(["good", "bad"]), answers.fold)
    assert by_speaker(two) == [(0.0, "bad"), (1.0, "good")]
