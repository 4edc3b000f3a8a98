"""Scores of the speech student from the answers of its folds: recall, calibration, risk and coverage."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from moments import EMOTIONS
from moments.errors import WorkError

Logits = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """Answers to utterances of held-out speakers: logits [n, 8], right emotions [n], corpus, speaker and fold [n]."""

    logits: Logits
    truth: NDArray[np.int64]
    corpus: NDArray[np.str_]
    speaker: NDArray[np.str_]
    fold: NDArray[np.int64]

    @classmethod
    def read(cls, folds: Path, kind: str) -> Self:
        """Read all folds that are there; `kind` is "int8" or "float". Raises WorkError when there are none."""
        rows: list[tuple[int, dict[str, Any]]] = []
        for file in sorted(folds.glob("[1-9]/answers.json")):
            rows += [(int(file.parent.name), row) for row in json.loads(file.read_text(encoding="utf-8"))]
        if not rows:
            raise WorkError(f"there are no answers under {folds}; run the step `folds` first")
        return cls(
            logits=np.array([row[kind] for _, row in rows], np.float64),
            truth=np.array([EMOTIONS.index(row["emotion"]) for _, row in rows]),
            corpus=np.array([row["corpus"] for _, row in rows]),
            speaker=np.array([row["speaker"] for _, row in rows]),
            fold=np.array([fold for fold, _ in rows]),
        )

    def where(self, chosen: NDArray[np.bool_]) -> "Answers":
        """Some of them."""
        fields = (self.logits, self.truth, self.corpus, self.speaker, self.fold)
        return Answers(*(values[chosen] for values in fields))  # type: ignore[arg-type]

    def named(self) -> NDArray[np.int64]:
        """The strongest of the emotions that the corpus has."""
        known = np.zeros(len(EMOTIONS), bool)
        known[np.unique(self.truth)] = True
        named: NDArray[np.int64] = np.where(known, self.logits, -np.inf).argmax(axis=1)
        return named


def unweighted_recall(truth: NDArray[np.int64], named: NDArray[np.int64]) -> float:
    """UA: the mean over the emotions that occur of the share that was named rightly."""
    return float(np.mean([np.mean(named[truth == emotion] == emotion) for emotion in np.unique(truth)]))


def by_fold(answers: Answers) -> list[tuple[int, float, float]]:
    """(fold, UA, WA) of one corpus' answers."""
    scores = []
    named = answers.named()
    for fold in np.unique(answers.fold):
        own = answers.fold == fold
        truth = answers.truth[own]
        scores.append((int(fold), unweighted_recall(truth, named[own]), float(np.mean(truth == named[own]))))
    return scores


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

    def cost(candidate: float) -> float:
        right = shares(answers.logits, candidate)[np.arange(len(answers.truth)), answers.truth]
        return float(-(weights * np.log(right + 1e-12)).sum())

    return float(min(np.geomspace(0.2, 5.0, 129), key=cost))


def calibrated(answers: Answers) -> Logits:
    """Shares [n, 8], the temperature of each fold fitted on the held-out answers of all the other folds' speakers."""
    result = np.zeros_like(answers.logits)
    for fold in np.unique(answers.fold):
        own = answers.fold == fold
        result[own] = shares(answers.logits[own], temperature(answers.where(~own)))
    return result


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
