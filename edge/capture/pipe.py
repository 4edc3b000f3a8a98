"""Raw sound on a pipe: signed 16-bit little-endian samples, 16 kHz, mono (`arecord -f S16_LE -r 16000 -t raw`)."""

import time
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

import numpy as np

from edge.capture.audio_clock import AudioClock
from edge.sound import RATE, Block

_BLOCK_BYTES: Final = 2 * RATE // 20


class Pipe:
    """Raw PCM as a source; its audio clock starts at the monotonic time of the first sample.

    Where the writer stalls, sound is lost, and the clock goes on as a microphone's does. What comes sooner than it can
    have been heard is a recording, and counts by its samples.
    """

    def __init__(self, stream: BinaryIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._closed = False

    def blocks(self) -> Iterator[Block]:
        """Give the sound until the writer closes the pipe; half a sample at its end is left out."""
        audio = AudioClock()
        given = 0
        rest = b""
        while not self._closed and (read := self._stream.read(_BLOCK_BYTES - len(rest))):
            whole = rest + read
            rest = whole[len(whole) & ~1 :]
            samples = np.frombuffer(whole[: len(whole) & ~1], "<i2").astype(np.float32) / np.float32(32768)
            begin, end = given / RATE, (given + len(samples)) / RATE
            arrived = self._clock()
            audio.hear(end, max(arrived, audio.at(end)) if given else arrived)
            yield Block(samples, audio.at(begin))
            given += len(samples)

    def close(self) -> None:
        """Stop after the block that is being read; the stream belongs to the one who opened it."""
        self._closed = True
