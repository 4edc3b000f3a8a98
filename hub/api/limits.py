"""How often one caller may call: a bucket that fills steadily and empties by a call."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_KNOWN: Final = 10_000
"""Callers that are remembered; one that is forgotten begins with a full bucket."""


class Buckets:
    """A bucket a caller: `burst` calls at once, `per_minute` in the long run."""

    def __init__(self, per_minute: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_minute / 60
        self._burst = burst
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, caller: str) -> float:
        """Take one call from the caller's bucket; gives 0, or for how many seconds it is empty."""
        now = self._clock()
        left, at = self._left.pop(caller, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        wait = 0.0 if left >= 1 else (1 - left) / self._rate
        self._left[caller] = (left if wait else left - 1, now)
        if len(self._left) > _KNOWN:
            self._left.popitem(last=False)
        return wait
