"""The last seconds of a stream, each sample known by its number from the start."""

import numpy as np

from edge.sound import RATE, Samples


class Tape:
    """Holds what was appended and not yet forgotten; memory is set aside once and grows only when it must."""

    def __init__(self) -> None:
        self._buffer: Samples = np.zeros(24 * RATE, np.float32)
        self._offset = 0
        self.start = 0
        self.end = 0

    def append(self, samples: Samples) -> None:
        """Add float32 [n] at the end."""
        held = self.end - self.start
        if self._offset + held + len(samples) > len(self._buffer):
            size = max(len(self._buffer), 2 * (held + len(samples)))
            live = self._buffer[self._offset : self._offset + held].copy()
            if size > len(self._buffer):
                self._buffer = np.zeros(size, np.float32)
            self._buffer[:held] = live
            self._offset = 0
        begin = self._offset + held
        self._buffer[begin : begin + len(samples)] = samples
        self.end += len(samples)

    def view(self, start: int, end: int) -> Samples:
        """Show samples [start, end) until the next append: float32 [end - start]."""
        if not self.start <= start <= end <= self.end:
            raise IndexError(f"samples {start} to {end} are not on the tape, which holds {self.start} to {self.end}")
        return self._buffer[self._offset + start - self.start : self._offset + end - self.start]

    def forget(self, before: int) -> None:
        """Let go of the samples before this one."""
        before = min(max(before, self.start), self.end)
        self._offset += before - self.start
        self.start = before
