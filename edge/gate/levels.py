"""Where a sound rises to a voice, and where it is quietest, by its level in pieces of 10 ms."""

from typing import Final

import numpy as np

from edge.sound import RATE, Samples

_PIECE: Final = RATE // 100
_RISEN: Final = 10**-1.5
_LOW: Final = 20
"""Pieces in a row (0.2 s) that are softer than the voice before its sound rises; in a noise single ones may be."""
_PAUSE: Final = 20


def rise(before: Samples, voice: Samples) -> tuple[int, bool] | None:
    """Find the sample of `before` at which the sound rose to a voice, less 15 dB; None where it did not.

    With it whether it stayed as loud from there to the voice, that is, to the end of `before`.
    """
    pieces = before[: len(before) // _PIECE * _PIECE].reshape(-1, _PIECE)
    low = (pieces**2).mean(axis=1) < _RISEN * float(np.dot(voice, voice)) / len(voice)
    rises = [after for after in (np.flatnonzero(low) + 1).tolist() if low[max(0, after - _LOW) : after].all()]
    return (rises[-1] * _PIECE, not low[rises[-1] :].any()) if rises else None


def quietest(sound: Samples) -> int:
    """Give the sample in the middle of the quietest 0.2 s of at least as much sound."""
    pieces = sound[: len(sound) // _PIECE * _PIECE].reshape(-1, _PIECE)
    power = np.convolve((pieces**2).sum(axis=1), np.ones(_PAUSE), "valid")
    return (int(np.argmin(power)) + _PAUSE // 2) * _PIECE
