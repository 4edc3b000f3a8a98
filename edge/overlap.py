"""Hears surroundings twice: each window, and the one that lies across the border to the window before it."""

from collections.abc import Callable, Collection
from typing import Final

import numpy as np

from edge.models.scene_table import UNCLEAR
from edge.models.scenes import LIKELY, WINDOW, SceneReading
from edge.sound import Samples, Segment
from edge.steady import GAP_S, SURE

_HALF: Final = WINDOW // 2


class Overlap:
    """Reads windows that overlap by half, and gives one reading a window.

    What both hear counts, so a label that only one of them is half sure of gives way. A scene of `sudden` is taken
    from whichever is sure of it: the sound may be short, and may lie on the border. Where a window is sure of the scene
    that the one before it had, nothing has changed, and what lies across is not read: most of a day goes on so.
    """

    def __init__(self, read: Callable[[Samples], SceneReading], sudden: Collection[str]) -> None:
        self._read = read
        self._sudden = frozenset(sudden)
        self._before: tuple[float, Samples, SceneReading] | None = None
        """Of the last window its end in seconds, its second half, and what it was read as."""

    def read(self, segment: Segment) -> SceneReading:
        """Read the next window of surroundings; one that does not follow the last without a gap is read alone."""
        own = self._read(segment.samples)
        last, self._before = self._before, (segment.at + segment.seconds, segment.samples[-_HALF:].copy(), own)
        if last is None:
            return own
        ended, half, then = last
        apart = abs(ended - segment.at) > GAP_S
        if apart or (own.label == then.label and own.confidence >= SURE):
            return own
        across = self._read(np.concatenate([half, segment.samples[:_HALF]]))
        alarming = [r for r in (own, across) if r.label in self._sudden and r.confidence >= SURE]
        return max(alarming, key=lambda r: r.confidence) if alarming else _both(own, across)

    def rest(self) -> None:
        """Let go of the sound that is kept for the next window: none follows the last."""
        self._before = None


def _both(own: SceneReading, across: SceneReading) -> SceneReading:
    """Mean of two readings, under the label that is likelier in both together."""
    shares = {label: (share + across.shares[label]) / 2 for label, share in own.shares.items()}
    labelled = [reading for reading in (own, across) if reading.label != UNCLEAR]
    if not labelled:
        return SceneReading(shares, UNCLEAR, UNCLEAR, (own.confidence + across.confidence) / 2)
    likelier = max(labelled, key=lambda reading: _support(reading.label, own, across))
    confidence = _support(likelier.label, own, across)
    if confidence < LIKELY:
        return SceneReading(shares, UNCLEAR, UNCLEAR, confidence)
    return SceneReading(shares, likelier.label, likelier.group, confidence)


def _support(label: str, own: SceneReading, across: SceneReading) -> float:
    """How likely two readings think a scene on average; of one that is not a reading's own, its share is known."""
    return sum(r.confidence if r.label == label else r.shares[label] for r in (own, across)) / 2
