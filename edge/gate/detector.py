"""The speech detector: which moments of a stream hold human speech, and whether that speech is near.

A detector is causal and takes blocks of any size: the decisions depend on the samples, never on how they were cut.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edge.models.frontend import BINS, FFT, HOP, power_frames
from edge.sound import RATE, Samples

_FRAMES = 3
"""Frames of the shared STFT in one decision: 30 ms."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the detector says of one step of sound.

    `at`: seconds from the start of the stream to the decision's centre. `speech`: probability of any human speech.
    `near`: probability that there is speech and that it is near. Both in [0, 1].
    """

    at: float
    speech: float
    near: float


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where a probability turns a state on (at or above) and off (below): `off` <= `on`, in [0, 1]."""

    on: float
    off: float


class Detector(Protocol):
    """A causal detector over 16 kHz mono float32 blocks."""

    name: str
    step_s: float
    thresholds: dict[str, Thresholds]
    """Recommended for `speech` and `near`."""

    def feed(self, samples: Samples) -> list[Decision]:
        """Take float32 [n], n >= 0, in [-1, 1]; give the decisions that became possible, in order, `step_s` apart."""

    def reset(self) -> None:
        """Forget the stream: the next sample is the first."""


class BandDetector:
    """Speech by the level of the voice's bands over a tracked noise floor, against the level of the bands above them.

    It knows nothing of voices: a barking dog passes. It stands in until trained weights do.
    """

    def __init__(self) -> None:
        self.name = "bands-1"
        self.step_s = _FRAMES * HOP / RATE
        self.thresholds = {"speech": Thresholds(0.5, 0.35), "near": Thresholds(0.5, 0.35)}
        hz = np.arange(BINS) * (RATE / FFT)
        self._voice = ((hz >= 150) & (hz < 3500)).astype(np.float32)
        self._above = (hz >= 4000).astype(np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._rest: Samples = np.zeros(0, np.float32)
        self._steps = 0
        self._floor_db: float | None = None

    def feed(self, samples: Samples) -> list[Decision]:
        """Take float32 [n]; give the decisions that became possible."""
        self._rest = np.concatenate((self._rest, samples))
        steps = max(0, 1 + (len(self._rest) - FFT) // HOP) // _FRAMES
        if not steps:
            return []
        power = power_frames(self._rest[: (steps * _FRAMES - 1) * HOP + FFT])
        self._rest = self._rest[steps * _FRAMES * HOP :]
        of_steps = power.reshape(steps, _FRAMES, BINS).mean(axis=1)
        voice_db = 10 * np.log10(of_steps @ self._voice + 1e-7)
        above_db = 10 * np.log10(of_steps @ self._above + 1e-7)
        return [self._decide(float(voice), float(above)) for voice, above in zip(voice_db, above_db, strict=True)]

    def _decide(self, voice_db: float, above_db: float) -> Decision:
        if self._floor_db is None:
            self._floor_db = voice_db
        self._floor_db += (0.2 if voice_db < self._floor_db else 0.004) * (voice_db - self._floor_db)
        over = voice_db - self._floor_db
        tonal = voice_db - above_db
        speech = float(1 / (1 + np.exp(-(min(over - 9, tonal - 3) / 3))))
        near = float(1 / (1 + np.exp(-(min(over - 14, tonal - 3) / 3))))
        at = (self._steps * _FRAMES * HOP + FFT / 2 + HOP) / RATE
        self._steps += 1
        return Decision(at, speech, near)


def load() -> Detector:
    """Give the detector that the device runs."""
    return BandDetector()
