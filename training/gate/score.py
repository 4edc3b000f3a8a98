"""Measures a detector, ours or a public one, on frames whose truth is the clean speech's energy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.gate.detector import Detector
from edge.models.frontend import FFT, HOP
from edge.sound import RATE, Samples
from training.gate.bank import Bank, floats
from training.gate.mix import LENGTH, Mixer, at_unit
from training.gate.sounds import unit

SNRS_DB: Final = (-5, 0, 5, 10, 20)
STEP_S: Final = 0.03
"""Every detector is asked at these times; the truth is the clean speech there."""

Scorer = Callable[[Samples], NDArray[np.float32]]
"""Takes a recording, float32 [n]; gives the probability of speech at 0.015, 0.045, … s."""

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
"""A ROC curve: the shares of the noise taken for speech and of the speech found, from (0, 0) to (1, 1)."""


@dataclass(frozen=True)
class Mixture:
    """A recording, float32 [n], with `truth`, bool [m]: whether there is speech at 0.015, 0.045, … s."""

    sound: Samples
    truth: NDArray[np.bool_]


def at_steps(at: NDArray[np.float64], values: NDArray[np.float32], seconds: float) -> NDArray[np.float32]:
    """Give values at times `at` as values at 0.015, 0.045, … s: each asks for the nearest."""
    times = np.arange(int(seconds / STEP_S)) * STEP_S + STEP_S / 2
    right = np.clip(np.searchsorted(at, times), 1, len(at) - 1)
    nearest = np.where(times - at[right - 1] < at[right] - times, right - 1, right)
    return values[nearest]


def ours(detector: Detector, output: str = "speech") -> Scorer:
    """Ask one of our detectors."""

    def score(sound: Samples) -> NDArray[np.float32]:
        detector.reset()
        # Half a second of nothing behind the end brings the last decisions out.
        decisions = detector.feed(np.concatenate((sound, np.zeros(RATE // 2, np.float32))))
        values = np.array([getattr(d, output) for d in decisions], np.float32)
        return at_steps(np.array([d.at for d in decisions]), values, len(sound) / RATE)

    return score


def mixtures(bank: Bank, snr_db: float, count: int) -> list[Mixture]:
    """Make recordings of 12 s: speech as recorded over ESC-50 at one SNR, -30 dBFS; the same at every call."""
    mixer, made = Mixer(bank), []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        sound, on = mixer.conversation(rng, mixer.voices(rng, 1), pause_s=1.5)
        around = noise(bank, rng)
        if on.any():
            made.append(Mixture(_mixed(at_unit(sound, on), around, snr_db), truth_of(on)))
    return made


def truth_of(on: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Give speaking frames as the truth at 0.015, 0.045, … s."""
    at = (np.arange(len(on)) * HOP + FFT / 2) / RATE
    return at_steps(at, on.astype(np.float32), LENGTH / RATE) > 0.5


def _mixed(sound: Samples, noise: Samples, snr_db: float) -> Samples:
    return unit(sound * np.float32(10 ** (snr_db / 20)) + noise) * np.float32(10**-1.5)


def noise(bank: Bank, rng: np.random.Generator) -> Samples:
    """Give 12 s of ESC-50 of unit power, float32 [LENGTH]."""
    parts: list[Samples] = []
    while sum(map(len, parts)) < LENGTH:
        parts.append(unit(floats(bank.noise[rng.integers(len(bank.noise))])))
    return unit(np.concatenate(parts)[:LENGTH])


def auc(scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: the share of pairs that are in the right order, ties counting half."""
    values, place = np.unique(scores, return_inverse=True)
    positive = np.bincount(place[truth], minlength=len(values)).astype(float)
    negative = np.bincount(place[~truth], minlength=len(values)).astype(float)
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / (positive.sum() * negative.sum()))


def curve(scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> Curve:
    """Give the ROC curve, a point for each score that occurs, highest first."""
    _, place = np.unique(-scores, return_inverse=True)
    found, false = (np.cumsum(np.bincount(place[which], minlength=place.max() + 1)) for which in (truth, ~truth))
    return np.r_[0, false / false[-1]], np.r_[0, found / found[-1]]


def threshold_that_misses(scores: NDArray[np.float32], truth: NDArray[np.bool_], share: float) -> float:
    """Give the highest threshold at which at most `share` of the speech stays below it."""
    return float(np.quantile(scores[truth], share, method="lower"))


def longest_run_s(over: NDArray[np.bool_]) -> float:
    """Give the length in seconds of the longest run of steps that are over a threshold."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], over.astype(np.int8), [0]))))
    return float((edges[1::2] - edges[::2]).max(initial=0)) * STEP_S


def longest_wait_s(detector: Detector) -> float:
    """Give the longest time between the sound at a decision's centre and the decision, fed in blocks of 10 ms."""
    detector.reset()
    hiss, waits = (0.1 * np.random.default_rng(0).standard_normal(10 * RATE)).astype(np.float32), []
    for end in range(1, len(hiss) // 160):
        waits += [end * 160 / RATE - decision.at for decision in detector.feed(hiss[(end - 1) * 160 : end * 160])]
    return max(waits)
