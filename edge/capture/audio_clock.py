"""When a sample was heard: the count of samples, held to the monotonic clock; and whether they come at their rate."""

from collections import deque
from typing import Final

_EARLY_PULL: Final = 0.05
_LATE_PULL: Final = 0.005
_WRONG_S: Final = 0.04
"""A buffer that comes so much too early says that all before it were late."""
_LOST_S: Final = 0.1
_SURE_S: Final = 2.0
_RATE_WINDOW_S: Final = 30.0
_RATE_OFF: Final = 0.01


class AudioClock:
    """Maps seconds of the audio clock (frames / rate) to monotonic seconds.

    A sound card's crystal is off by some 50 parts in a million, four seconds a day: the mapping follows the arrival of
    the buffers, slowly. A buffer never arrives before its sound, but late whenever the machine is busy, so early ones
    are trusted more. When all of two seconds came more than 0.1 s late, sound was lost, and the mapping jumps. Where it
    turns out to be late itself, as when the first buffers came in a burst, its time goes at half its pace until it is
    right: it never goes back.
    """

    def __init__(self) -> None:
        self._starts: float | None = None
        self._end_s = 0.0
        self._late: deque[tuple[float, float]] = deque()

    def hear(self, end_s: float, arrived: float) -> None:
        """Note that the buffer which ends at `end_s` on the audio clock arrived at monotonic time `arrived`."""
        if self._starts is None:
            self._starts = arrived - end_s
        length, self._end_s = end_s - self._end_s, end_s
        late = arrived - end_s - self._starts
        self._late.append((end_s, late))
        if late <= _LOST_S:
            self._late.clear()
            pull = 1.0 if late < -_WRONG_S else _EARLY_PULL if late < 0 else _LATE_PULL
            self._starts += max(-length / 2, late * pull)
        elif end_s - self._late[0][0] >= _SURE_S:
            self._starts += min(late for _, late in self._late)
            self._late.clear()

    def at(self, audio_s: float) -> float:
        """Give the monotonic time of a moment on the audio clock. Needs a buffer heard before."""
        if self._starts is None:
            raise RuntimeError("no buffer was heard yet")
        return self._starts + audio_s


class RateWatch:
    """Tells whether samples come at the rate that the driver says: whether half a minute's count is 1 % off."""

    def __init__(self) -> None:
        self.off = False
        self._from: tuple[float, float] | None = None

    def hear(self, end_s: float, arrived: float) -> None:
        """Note that the buffer which ends at `end_s` on the audio clock arrived at monotonic time `arrived`."""
        begun_s, begun = self._from = self._from or (end_s, arrived)
        if arrived - begun >= _RATE_WINDOW_S:
            self.off = abs((end_s - begun_s) / (arrived - begun) - 1) > _RATE_OFF
            self._from = end_s, arrived

    def restart(self) -> None:
        """Count from the next buffer on: sound was lost that nobody counted."""
        self._from = None
