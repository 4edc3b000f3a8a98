"""What the detector's net takes: 40 log-mel bands and a floor that is tracked in every band.

The level of a stream says nothing by itself (microphones differ by 40 dB); the net hears what is over the floor.

Everything here works on the last axes, so that training can run a thousand streams at once through the same functions.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.models.frontend import Power, slaney_bands

BANDS: Final = 40
STEP: Final = 3
"""Frames in one decision: 30 ms."""
FRESH: Final = 9
"""New frames in one call of the net: three decisions."""
CARRY: Final = 3
"""Frames of the call before that the net sees again."""

Floats = NDArray[np.float32]

_EPSILON: Final = np.float32(1e-8)
"""About the mel power of white noise at -87 dBFS: below any microphone's own noise."""
_DOWN: Final = np.float32(0.5)
_UP: Final = np.float32(0.02)
"""Shares of the way to the present level that a floor goes in one call (90 ms): it falls at once and rises in 4.5 s."""


def log_mel(power: Power) -> Floats:
    """Give the natural log of 40 Slaney bands: float32 [t, 257] to [t, 40]."""
    mel: Floats = power @ slaney_bands(BANDS)
    mel += _EPSILON
    np.log(mel, out=mel)
    return mel


def calls_of(mel: Floats) -> Floats:
    """Show the frames that each call sees: log-mel [3 + 9 n, 40] to [n, 12, 40], which overlap by 3."""
    row, value = mel.strides
    shape = ((len(mel) - CARRY) // FRESH, CARRY + FRESH, BANDS)
    frames: Floats = np.ndarray(shape, mel.dtype, mel, strides=(FRESH * row, row, value))
    return frames


def first_floor(mel: Floats) -> Floats:
    """Give the floor to begin with: [..., 12, 40] to [..., 40]. Before the fresh frames there may be nothing at all."""
    floor: Floats = mel[..., CARRY:, :].min(axis=-2)
    return floor


def next_floors(floor: Floats, calls: Floats) -> Floats:
    """Follow the floor [..., 40] through the frames of n calls, [..., n, 12, 40]: to [..., n, 40]."""
    means = np.add.reduce(calls[..., CARRY:, :], axis=-2) / np.float32(FRESH)
    floors: Floats = np.empty_like(means)
    for call in range(means.shape[-2]):
        change = means[..., call, :] - floor
        floor = floor + np.minimum(_DOWN * change, _UP * change)
        floors[..., call, :] = floor
    return floors
