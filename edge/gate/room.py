"""Whether a voice rises out of a room full of voices."""

from collections import deque
from collections.abc import Iterable
from typing import Final

SPAN_S: Final = 4.0
"""How far back a room is known."""
FULL: Final = 0.2
"""A room is full of voices where the detector was on average this much surer that there is speech than that it is
near."""
STANDS_OUT: Final = 10**0.5
"""A near voice in such a room has this many times the power that a quarter of its frames are below: voices of a hubbub
seldom rise so far out of it."""


class Room:
    """The last frames of a stream, each of `step_s` seconds: power, and how sure it is that voices in it are far."""

    def __init__(self, step_s: float) -> None:
        self._frames: deque[tuple[float, float]] = deque(maxlen=round(SPAN_S / step_s))
        self._enough = round(SPAN_S / step_s) // 2

    def hear(self, frames: Iterable[tuple[float, float]]) -> None:
        """Take the next frames: mean square, and probability of speech less that of near speech."""
        self._frames.extend(frames)

    def is_left_by(self, voice: int) -> bool:
        """Tell whether a voice in the last `voice` frames (1 or more) is none of the room's.

        While the room is hardly known, and where there are no others, none is.
        """
        powers = [power for power, _ in self._frames]
        if len(powers) < self._enough or sum([far for _, far in self._frames]) < FULL * len(powers):
            return True
        return sum(powers[-voice:]) / len(powers[-voice:]) >= STANDS_OUT * sorted(powers)[len(powers) // 4]
