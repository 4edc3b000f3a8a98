"""Sound in any format that a phone makes, as a stream of 16 kHz mono blocks: WAV, M4A/AAC, WebM/Opus, MP3, FLAC, Ogg.

Decoded by FFmpeg (PyAV), brought to 16 kHz as the device does it. Meant for a process of its own: what comes from
outside may be made to harm a decoder.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from edge.capture.resample import Resampler
from edge.pipeline import RATE, Block

LONGEST_S: Final = 3660.0
"""An hour, and what a recorder takes to stop."""

_FORMATS: Final = "wav,w64,aiff,caf,flac,ogg,mp3,aac,mov,matroska,amr,asf"
"""Formats that may name other files or addresses (playlists) are not among them."""

_BLOCK_S: Final = 0.5
_FULL_SCALE: Final = {"u8": (128.0, 128.0), "s16": (0.0, 32_768.0), "s32": (0.0, 2_147_483_648.0)}


class Undecodable(Exception):  # noqa: N818 - named for what it is
    """A recording, or the rest of one, that cannot be read; the message is a sentence for the person."""


class Sound:
    """An opened recording. Raises Undecodable when it holds none."""

    def __init__(self, path: Path) -> None:
        self._bytes = path.stat().st_size
        try:
            allowed = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
            self._container = av.open(str(path), options=allowed, metadata_errors="replace")
        except (av.error.FFmpegError, OSError, ValueError):
            raise Undecodable(
                "The file holds no sound that can be read; give WAV, M4A, WebM, MP3, FLAC or Ogg."
            ) from None
        if not self._container.streams.audio:
            raise Undecodable("The file holds no sound.")
        self._stream = self._container.streams.audio[0]
        self.share = 0.0
        """How much of it was read, from 0 to 1."""

    @property
    def seconds(self) -> float | None:
        """Its length as it tells it itself."""
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        return self._container.duration / av.time_base if self._container.duration else None

    def begins(self) -> datetime | None:
        """Give its own date and time, if it holds one with an offset."""
        for told in (self._container.metadata, self._stream.metadata):
            try:
                found = datetime.fromisoformat(told.get("creation_time", ""))
            except ValueError:
                continue
            if found.tzinfo is not None and found.year > 1970:
                return found.astimezone()
        return None

    def blocks(self) -> Iterator[Block]:
        """Give the sound from its start, once. Raises Undecodable where it breaks off, after what stands before."""
        given, heard_any = 0, False
        for samples in self._resampled():
            if len(samples):
                heard_any = True
                yield Block(samples, given / RATE)
                given += len(samples)
            if given > LONGEST_S * RATE:
                raise Undecodable("The recording is longer than an hour; what is within the hour was read.")
        if not heard_any:
            raise Undecodable("The file holds no sound that can be read.")

    def _resampled(self) -> Iterator[NDArray[np.float32]]:
        """Gather frames, which are short, to half a second in FFmpeg's own queue before Python looks at them."""
        gathered, resampler, shape = av.AudioFifo(), None, None
        for frame in self._frames():
            if shape != (now := (frame.sample_rate, frame.format.name, frame.layout.name)):
                if resampler is not None:
                    yield from _rest(gathered, resampler)
                gathered, resampler, shape = av.AudioFifo(), Resampler(frame.sample_rate), now
            frame.pts = None  # a gap in the times is none in the sound
            gathered.write(frame)
            if resampler is not None and gathered.samples >= frame.sample_rate * _BLOCK_S:
                yield resampler.feed(_floats(gathered.read()))
        if resampler is not None:
            yield from _rest(gathered, resampler)

    def _frames(self) -> Iterator[Any]:
        try:
            for packet in self._container.demux(self._stream):
                if packet.pos and self._bytes:
                    self.share = max(self.share, min(1.0, packet.pos / self._bytes))
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:  # one spoilt packet; players pass over it as well
                    continue
                for frame in frames:
                    if frame.sample_rate and frame.samples:
                        yield frame
        except av.error.EOFError:
            return
        except (av.error.FFmpegError, OSError, ValueError):
            raise Undecodable("The recording is damaged; what stands before the damage was read.") from None


def _rest(gathered: Any, resampler: Resampler) -> Iterator[NDArray[np.float32]]:
    frame = gathered.read()
    if frame is not None:
        yield resampler.feed(_floats(frame))
    yield resampler.finish()


def _floats(frame: Any) -> NDArray[np.float32]:
    """Give float32 [n, channels] in [-1, 1]."""
    raw = frame.to_ndarray()
    kind, channels = frame.format.packed.name, len(frame.layout.channels)
    samples = raw.T if frame.format.is_planar else raw.reshape(-1, channels)
    if kind in _FULL_SCALE:
        zero, full = _FULL_SCALE[kind]
        samples = (np.asarray(samples, np.float32) - np.float32(zero)) / np.float32(full)
    return np.asarray(samples, np.float32)
