"""Scores of the speech student from the answers of its holdouts: recall, calibration, risk and coverage."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from moments import EMOTIONS
from moments.errors import WorkError

Logits = NDArray[np.float64]

_NEUTRAL: Final = EMOTIONS.index("neutral")
_CALM: Final = EMOTIONS.index("calm")
COMMON: Final = [e for e, emotion in enumerate(EMOTIONS) if emotion not in {"calm", "disgust"}]
"""The emotions that RAVDESS and nEMO share."""
FOLDS: Final = tuple(str(fold) for fold in range(1, 10))


@dataclass(frozen=True)
class Answers:
    """Answers to utterances of held-out speakers: logits [n, 8], right emotions [n], corpus, speaker and fold [n].

    nEMO does not tell calm from neutral: `calm` is right there where the label says neutral.
    """

    logits: Logits
    truth: NDArray[np.int64]
    corpus: NDArray[np.str_]
    speaker: NDArray[np.str_]
    fold: NDArray[np.str_]

    @classmethod
    def read(cls, folder: Path, kind: str, holdouts: Sequence[str] = FOLDS, beside: str = "") -> Self:
        """Read the holdouts that are there; `kind` is "int8", "float", "teacher", "phone" or "noisy" (RAVDESS alone).

        With `beside` only utterances that have answers of that kind too.
        Raises WorkError when there are none.
        """
        rows: list[tuple[str, dict[str, Any]]] = []
        for holdout in holdouts:
            file = folder / holdout / "answers.json"
            if file.is_file():
                rows += [
                    (holdout, row)
                    for row in json.loads(file.read_text(encoding="utf-8"))
                    if {kind, beside or kind} <= row.keys()
                ]
        if not rows:
            raise WorkError(f"there are no answers under {folder}; run the step `folds` first")
        return cls(
            logits=np.array([row[kind] for _, row in rows], np.float64),
            truth=np.array([EMOTIONS.index(row["emotion"]) for _, row in rows]),
            corpus=np.array([row["corpus"] for _, row in rows]),
            speaker=np.array([row["speaker"] for _, row in rows]),
            fold=np.array([holdout for holdout, _ in rows]),
        )

    @classmethod
    def any(cls, folder: Path, kind: str) -> bool:
        """Whether the folds that are there have answers of this kind."""
        try:
            cls.read(folder, kind)
        except WorkError:
            return False
        return True

    def where(self, chosen: NDArray[np.bool_]) -> "Answers":
        """Some of them."""
        fields = (self.logits, self.truth, self.corpus, self.speaker, self.fold)
        return Answers(*(values[chosen] for values in fields))  # type: ignore[arg-type]

    def of(self, corpus: str) -> "Answers":
        """Those of one corpus."""
        return self.where(self.corpus == corpus)

    def common(self) -> "Answers":
        """Those whose label is one of the emotions that RAVDESS and nEMO share, `calm` taken for neutral."""
        own = self.where(np.isin(self.truth, COMMON))
        return Answers(_without_calm(own.logits), own.truth, own.corpus, own.speaker, own.fold)

    def named(self) -> NDArray[np.int64]:
        """The strongest of the emotions that the labels of these answers have, all of one corpus."""
        known = np.zeros(len(EMOTIONS), bool)
        known[np.unique(self.truth)] = True
        logits = self.logits if known[_CALM] else _without_calm(self.logits)
        named: NDArray[np.int64] = np.where(known, logits, -np.inf).argmax(axis=1)
        return named

    def rights(self) -> NDArray[np.bool_]:
        """Which of the eight are right: [n, 8]."""
        rights = np.eye(len(EMOTIONS), dtype=bool)[self.truth]
        rights[(self.truth == _NEUTRAL) & (self.corpus == "nemo"), _CALM] = True
        return rights


def _without_calm(logits: Logits) -> Logits:
    """Give neutral what calm has too."""
    merged = logits.copy()
    merged[:, _NEUTRAL] = np.logaddexp(logits[:, _NEUTRAL], logits[:, _CALM])
    merged[:, _CALM] = -1e9
    return merged


def unweighted_recall(truth: NDArray[np.int64], named: NDArray[np.int64]) -> float:
    """UA: the mean over the emotions that occur of the share that was named rightly."""
    return float(np.mean([np.mean(named[truth == emotion] == emotion) for emotion in np.unique(truth)]))


def by_fold(answers: Answers) -> list[tuple[str, float, float]]:
    """(fold, UA, WA) of one corpus' answers."""
    scores = []
    named = answers.named()
    for fold in np.unique(answers.fold):
        own = answers.fold == fold
        truth = answers.truth[own]
        scores.append((str(fold), unweighted_recall(truth, named[own]), float(np.mean(truth == named[own]))))
    return scores


def mean_recall(answers: Answers) -> float:
    """UA of one corpus' answers, the mean over its folds."""
    return float(np.mean([ua for _, ua, _ in by_fold(answers)]))


def by_speaker(answers: Answers) -> list[tuple[float, str]]:
    """(UA, speaker) of one corpus' answers, the worst first."""
    named = answers.named()
    speakers = [(answers.speaker == speaker, str(speaker)) for speaker in np.unique(answers.speaker)]
    return sorted((unweighted_recall(answers.truth[own], named[own]), speaker) for own, speaker in speakers)


def recall_of(answers: Answers, emotion: str) -> float:
    """The share of one emotion's utterances that was named rightly; NaN where there are none."""
    number = EMOTIONS.index(emotion)
    own = answers.truth == number
    return float(np.mean(answers.named()[own] == number)) if own.any() else float("nan")


def shares(logits: Logits, temperature: float) -> Logits:
    """Softmax of logits [n, 8] over a temperature."""
    scaled = logits / temperature
    grown = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    normalised: Logits = grown / grown.sum(axis=1, keepdims=True)
    return normalised


def temperature(answers: Answers) -> float:
    """The temperature with the least negative log-likelihood (Guo et al. 2017, arXiv 1706.04599), corpora alike."""
    _, inverse, counts = np.unique(answers.corpus, return_inverse=True, return_counts=True)
    weights = 1 / counts[inverse]
    rights = answers.rights()

    def cost(candidate: float) -> float:
        right = (shares(answers.logits, candidate) * rights).sum(axis=1)
        return float(-(weights * np.log(right + 1e-12)).sum())

    return float(min(np.geomspace(0.2, 5.0, 129), key=cost))


def calibrated(answers: Answers) -> Logits:
    """Shares [n, 8], the temperature of each fold fitted on the held-out answers of all the other folds' speakers."""
    result = np.zeros_like(answers.logits)
    for fold in np.unique(answers.fold):
        own = answers.fold == fold
        result[own] = shares(answers.logits[own], temperature(answers.where(~own)))
    return result


def confidence(answers: Answers) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How sure each calibrated reading is, and whether it is right, all eight emotions allowed: [n], [n]."""
    sure = calibrated(answers)
    named = sure.argmax(axis=1)
    return sure.max(axis=1), answers.rights()[np.arange(len(named)), named]


def need_folds(folder: Path) -> None:
    """Raise WorkError unless the answers of all folds are in a folder: figures of a few are not those of all."""
    missing = [fold for fold in FOLDS if not (folder / fold / "answers.json").is_file()]
    if missing:
        told = f"fold {missing[0]}" if len(missing) == 1 else f"folds {', '.join(missing)}"
        raise WorkError(f"{folder} lacks the answers of {told}; run the step `folds` without --without first")


def calibration(folder: Path) -> dict[str, Any]:
    """What is fitted after training, over the held-out answers of all folds. Raises WorkError where one lacks."""
    need_folds(folder)
    answers = Answers.read(folder, "int8")
    return {"temperature": round(temperature(answers), 4), "unclear_below": unclear_below(*confidence(answers))}


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = 15) -> float:
    """ECE: the mean distance of confidence and accuracy over bins of equal width, weighted by their size."""
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(float(np.sum(confidence[places == b]) - np.sum(right[places == b]))) for b in range(bins)]
    return sum(gaps) / len(confidence)


def unclear_below(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """The highest confidence (in hundredths) such that of the readings below it at most two in five are right."""
    best = 0.0
    for threshold in np.arange(0.2, 0.9, 0.01):
        low = confidence < threshold
        if low.sum() >= 20 and right[low].mean() <= 0.4:
            best = float(threshold)
    return round(best, 2)


def coverage(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], thresholds: Sequence[float]
) -> list[tuple[float, float, float]]:
    """(threshold, share of readings that stay, accuracy of those)."""
    kept = [(threshold, confidence >= threshold) for threshold in thresholds]
    return [(threshold, float(stay.mean()), float(right[stay].mean())) for threshold, stay in kept if stay.any()]
