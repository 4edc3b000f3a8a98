"""How much of the backlog may be in flight: little at first, and more while it is answered soon.

A broker acknowledges also what it then drops because its queue for the hub is full. So a device that comes back
together with thousands of others feels its way: as TCP does (Jacobson 1988, "Congestion avoidance and control"), but
by the delay of the answers, before anything is lost (Brakmo and Peterson 1995, "TCP Vegas").
"""

from typing import Final

MOST: Final = 1000
FIRST: Final = 4
LEAST: Final = 2
_SOON_S: Final = 2.0
_LATE_S: Final = 4.0


class Window:
    """`size`: how many moments of the backlog may be in flight, from `LEAST` to `MOST`."""

    def __init__(self) -> None:
        self.size = FIRST

    def begin(self) -> None:
        """Start anew: the connection is another one, and who else came back with us is not known."""
        self.size = min(self.size, FIRST)

    def answered(self, after_s: float) -> None:
        """One more when an answer came soon, one less when it came late."""
        if after_s < _SOON_S:
            self.size = min(MOST, self.size + 1)
        elif after_s > _LATE_S:
            self.size = max(LEAST, self.size - 1)

    def unanswered(self) -> None:
        """Half of it when an answer did not come at all."""
        self.size = max(LEAST, self.size // 2)
