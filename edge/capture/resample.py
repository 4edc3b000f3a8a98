"""Brings a stream of any rate and channel count to 16 kHz mono."""

from math import isfinite

import numpy as np
import soxr
from numpy.typing import NDArray

from edge.sound import RATE, Samples


class Resampler:
    """A stream of float samples at `rate` becomes one of 16 kHz mono, channels by their mean, in [-1, 1].

    What is not a number counts as `garbage` and becomes silence. soxr's filter holds some milliseconds back until
    `finish`.
    """

    def __init__(self, rate: int) -> None:
        self.garbage = 0
        self._stream = None if rate == RATE else soxr.ResampleStream(rate, RATE, 1, dtype="float32")

    def feed(self, samples: NDArray[np.float32]) -> Samples:
        """Take float32 [n] or [n, channels] at the source's rate; give float32 [m] at 16 kHz, m >= 0."""
        mono = samples if samples.ndim == 1 else samples[:, 0] if samples.shape[1] == 1 else _mean(samples)
        if not all(map(isfinite, _range(mono))):
            bad = ~np.isfinite(mono)
            self.garbage += int(bad.sum())
            mono = np.where(bad, np.float32(0), mono)
        return self._convert(mono, last=False)

    def finish(self) -> Samples:
        """Give what the filter still holds."""
        return self._convert(np.zeros(0, np.float32), last=True)

    def _convert(self, mono: Samples, *, last: bool) -> Samples:
        if self._stream is not None:
            mono = self._stream.resample_chunk(np.ascontiguousarray(mono), last=last)
        lowest, highest = _range(mono)
        return mono if lowest >= -1 and highest <= 1 else np.clip(mono, -1.0, 1.0)


def _mean(channels: NDArray[np.float32]) -> Samples:
    with np.errstate(invalid="ignore", over="ignore"):
        mono: Samples = channels.mean(axis=1)
    return mono


def _range(samples: Samples) -> tuple[float, float]:
    """Give the lowest and the highest, not a number where there is one in between, and zeros for nothing."""
    if not len(samples):
        return 0.0, 0.0
    return float(np.minimum.reduce(samples)), float(np.maximum.reduce(samples))
