"""Brings a stream of any rate and channel count to 16 kHz mono."""

from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from edge.sound import RATE, Samples

_ABSURD: Final = 1e6
"""Full scale is 1: what is beyond this is damage. soxr adds samples up, and two of 3e38 are more than a float holds."""


class Resampler:
    """A stream of float samples at `rate` becomes one of 16 kHz mono, channels by their mean, in [-1, 1].

    Values that are no numbers, or absurd ones, count as `garbage` and are left out of the mean; where no channel is
    left there is silence. soxr's filter holds some milliseconds back until `finish`.
    """

    def __init__(self, rate: int) -> None:
        self.garbage = 0
        self._stream = None if rate == RATE else soxr.ResampleStream(rate, RATE, 1, dtype="float32")

    def feed(self, samples: NDArray[np.float32]) -> Samples:
        """Take float32 [n] or [n, channels] at the source's rate; give float32 [m] at 16 kHz, m >= 0."""
        channels = samples if samples.ndim == 2 else samples[:, None]
        lowest, highest = _range(channels)
        if lowest > -_ABSURD and highest < _ABSURD:
            return self._convert(channels[:, 0] if channels.shape[1] == 1 else channels.mean(axis=1), last=False)
        with np.errstate(invalid="ignore"):
            good = np.abs(channels) < _ABSURD
        self.garbage += int(np.count_nonzero(~good))
        left = np.where(good, channels, np.float32(0)).sum(axis=1) / np.maximum(1, good.sum(axis=1))
        return self._convert(left.astype(np.float32), last=False)

    def finish(self) -> Samples:
        """Give what the filter still holds."""
        return self._convert(np.zeros(0, np.float32), last=True)

    def _convert(self, mono: Samples, *, last: bool) -> Samples:
        if self._stream is not None:
            mono = self._stream.resample_chunk(np.ascontiguousarray(mono), last=last)
        lowest, highest = _range(mono)
        return mono if lowest >= -1 and highest <= 1 else np.clip(mono, -1.0, 1.0)


def _range(samples: NDArray[np.float32]) -> tuple[float, float]:
    """Give the lowest and the highest, not a number where there is one in between, and zeros for nothing."""
    if not len(samples):
        return 0.0, 0.0
    return float(np.minimum.reduce(samples, axis=None)), float(np.maximum.reduce(samples, axis=None))
