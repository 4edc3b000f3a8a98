"""When a sample was heard: the count of samples, held to the monotonic clock."""

from typing import Final

_PULL: Final = 0.005
"""Share of the difference that one buffer corrects: with 12 buffers a second it follows within 17 s."""
_JUMP_S: Final = 0.25


class AudioClock:
    """Maps seconds of the audio clock (frames / rate) to monotonic seconds.

    A sound card's crystal is off by some 50 parts in a million, four seconds a day: the mapping follows the arrival of
    the buffers, slowly, so that their jitter does not show. A difference of more than 0.25 s is no drift but lost
    sound, and is taken over at once.
    """

    def __init__(self) -> None:
        self._starts: float | None = None

    def hear(self, end_s: float, arrived: float) -> None:
        """Note that the buffer which ends at `end_s` on the audio clock arrived at monotonic time `arrived`."""
        starts = arrived - end_s
        if self._starts is None or abs(starts - self._starts) > _JUMP_S:
            self._starts = starts
        else:
            self._starts += _PULL * (starts - self._starts)

    def at(self, audio_s: float) -> float:
        """Give the monotonic time of a moment on the audio clock. Needs a buffer heard before."""
        if self._starts is None:
            raise RuntimeError("no buffer was heard yet")
        return self._starts + audio_s
