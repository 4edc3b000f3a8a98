"""Raw sound on a pipe: signed 16-bit little-endian samples, 16 kHz, mono (`arecord -f S16_LE -r 16000 -t raw`)."""

import mmap
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

import numpy as np

from edge.capture.audio_clock import AudioClock
from edge.sound import RATE, Block

_BLOCK_BYTES: Final = 2 * RATE // 20
_WAITING_S: Final = 16 * mmap.PAGESIZE / (2 * RATE) + 0.5
"""The most sound that waits on its way here: a full pipe, which Linux makes of 16 pages, and what its writer holds."""


class Pipe:
    """Raw PCM as a source; its audio clock starts at the monotonic time of the first sample.

    It follows the writer's clock as a microphone's does: where the writer stalls, sound is lost, and time goes on.
    What comes so early that no live sound can have waited for it is a recording, and counts by its samples.
    """

    def __init__(self, stream: BinaryIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._closed = False

    def blocks(self) -> Iterator[Block]:
        """Give the sound until the writer closes the pipe; half a sample at its end is left out."""
        audio = AudioClock()
        given = 0
        begun: float | None = None
        while not self._closed and (read := self._block()):
            samples = np.frombuffer(read, "<i2").astype(np.float32) / np.float32(32768)
            begin, end = given / RATE, (given + len(samples)) / RATE
            arrived = self._clock()
            if begun is None:
                begun = arrived
            elif arrived - begun < _WAITING_S or audio.at(end) - arrived > _WAITING_S:
                arrived = max(arrived, audio.at(end))  # a recording, or too soon to tell it from what had waited
            audio.hear(end, arrived)
            yield Block(samples, audio.at(begin))
            given += len(samples)

    def _block(self) -> bytes:
        """Read a block whole, since each may move the clock by the same; less at the end, nothing after it."""
        held = b""
        while len(held) < _BLOCK_BYTES and (read := self._stream.read(_BLOCK_BYTES - len(held))):
            held += read
        return held[: len(held) & ~1]

    def close(self) -> None:
        """Stop after the block that is being read; the stream belongs to the one who opened it."""
        self._closed = True
