"""What flows through the device: blocks of samples, segments of sound, drafts of moments."""

from dataclasses import dataclass
from math import log10
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

RATE: Final = 16_000
"""Samples per second everywhere behind capture."""

SILENCE_DBFS: Final = -120.0
"""The level of digital silence; a quieter one is not told apart."""

QUIET_DBFS: Final = -65.0
"""Sound below this level is taken as silence and not read, unless the settings say another: about the self-noise of a
small microphone in a quiet room."""

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Block:
    """A few milliseconds of sound.

    `samples`: float32 [n], mono, 16 kHz, in [-1, 1]. `at`: the monotonic time of the first sample, in seconds.
    """

    samples: Samples
    at: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of sound that belongs together: one utterance or one window of surroundings.

    `samples`: float32 [n], mono, 16 kHz. `at`: the monotonic time of the first sample, in seconds.
    """

    kind: Literal["speech", "scene"]
    samples: Samples
    at: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples) / RATE


def mean_square(samples: Samples) -> float:
    """Give the mean square of float samples about their mean; 0 of none.

    A constant offset is no sound: cheap converters have one that is louder than a quiet room.
    """
    if not len(samples):
        return 0.0
    offset = float(np.add.reduce(samples)) / len(samples)
    return max(0.0, float(np.dot(samples, samples)) / len(samples) - offset * offset)


def level_dbfs(samples: Samples) -> float:
    """Give the root-mean-square level of float samples in dB below full scale, `SILENCE_DBFS` at the lowest."""
    return decibels(mean_square(samples))


def decibels(power: float) -> float:
    """Give a mean square in dB below full scale, `SILENCE_DBFS` at the lowest."""
    return max(SILENCE_DBFS, 10 * log10(power)) if power > 0 else SILENCE_DBFS
