"""The last seconds of sound, in memory alone, so that a mark reaches back to what was just heard."""

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.sound import RATE, Block

Pcm = NDArray[np.int16]

_FULL: Final = np.float32(32_767)


class Ring:
    """Keeps at least the last `seconds` of what it hears, as 16-bit samples: 32 kB a second."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._blocks: deque[tuple[float, Pcm]] = deque()
        self._samples = 0

    @property
    def end(self) -> float:
        """The monotonic time up to which it has heard; minus infinity while it is empty."""
        if not self._blocks:
            return float("-inf")
        at, pcm = self._blocks[-1]
        return at + len(pcm) / RATE

    def hear(self, block: Block) -> None:
        """Take the next block."""
        self._blocks.append((block.at, np.rint(block.samples * _FULL).astype(np.int16)))
        self._samples += len(block.samples)
        while self._samples - len(self._blocks[0][1]) >= self.seconds * RATE:
            self._samples -= len(self._blocks.popleft()[1])

    def cut(self, begin: float, end: float) -> tuple[float, Pcm]:
        """Give what is here of [begin, end), monotonic seconds: its begin, and int16 [n]. Lost sound is silence."""
        parts = [(at, pcm) for at, pcm in self._blocks if at < end and at + len(pcm) / RATE > begin]
        if not parts:
            return begin, np.zeros(0, np.int16)
        begin = max(begin, parts[0][0])
        end = min(end, parts[-1][0] + len(parts[-1][1]) / RATE)
        out = np.zeros(max(0, round((end - begin) * RATE)), np.int16)
        for at, pcm in parts:
            first = round((at - begin) * RATE)
            into, rest = max(0, first), pcm[max(0, -first) :]
            rest = rest[: len(out) - into]
            out[into : into + len(rest)] = rest
        return begin, out

    def clear(self) -> None:
        """Forget all of it."""
        self._blocks.clear()
        self._samples = 0
