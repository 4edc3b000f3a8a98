"""Sound in any format that a phone makes, as a stream of 16 kHz mono blocks: WAV, M4A/AAC, WebM/Opus, MP3, FLAC, Ogg.

Decoded by FFmpeg (PyAV), brought to 16 kHz as the device does it. Meant for a process of its own: what comes from
outside may be made to harm a decoder.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from edge.capture import dates
from edge.capture.resample import Resampler
from edge.pipeline import RATE, Block

LONGEST_S: Final = 3660.0
"""An hour, and what a recorder takes to stop."""

_FORMATS: Final = "wav,w64,aiff,caf,flac,ogg,mp3,aac,mov,matroska,amr,asf"
"""Formats that may name other files or addresses (playlists) are not among them."""

_BLOCK_S: Final = 0.5
_RATES: Final = range(1000, 1_000_001)
"""Rates at which sound is recorded (Hz), as the device has it: at others a few bytes become hours of sound."""
_FULL_SCALE: Final = {"u8": (128.0, 128.0), "s16": (0.0, 32_768.0), "s32": (0.0, 2_147_483_648.0)}
_KINDS: Final = frozenset({*_FULL_SCALE, "flt", "dbl"})


_NEVER_SET: Final = 1970
"""The last year in which a clock is that was never set."""


class Undecodable(Exception):  # noqa: N818 - named for what it is
    """A recording, or the rest of one, that cannot be read; the message is a sentence for the person."""


class Sound:
    """An opened recording. Raises Undecodable when it holds none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._container = _opened(path)
        if not self._container.streams.audio:
            raise Undecodable("The file holds no sound.")
        self._stream = self._container.streams.audio[0]

    @cached_property
    def seconds(self) -> float | None:
        """Its length as it tells it itself; where it tells none, by the times of its packets, if they have some."""
        if self._stream.duration and self._stream.time_base:
            told = float(self._stream.duration * self._stream.time_base)
        else:
            told = (self._container.duration or 0) / av.time_base
        return told if told > 0 else _measured(self._path)

    def begins(self) -> datetime | None:
        """Give its own date and time, if it holds both; without an offset, in the machine's zone."""
        parts = (self._stream.metadata, self._container.metadata)
        tags = {name.lower(): value for part in parts for name, value in part.items()}
        date, made = tags.get("date", ""), tags.get("creation_time", "")
        for text in (made, f"{date}T{made}", date):  # a Broadcast Wave file has date and time apart
            found = dates.of_tag(text)
            if found is not None and found.year > _NEVER_SET:
                return found.astimezone() if text == made else found  # phones tell it in UTC
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
                gathered, resampler, shape = av.AudioFifo(), _resampler(frame), now
            frame.pts = None  # a gap in the times is none in the sound
            gathered.write(frame)
            at_once = int(frame.sample_rate * _BLOCK_S)
            while resampler is not None and gathered.samples >= at_once:
                yield resampler.feed(_floats(gathered.read(at_once)))
        if resampler is not None:
            yield from _rest(gathered, resampler)

    def _frames(self) -> Iterator[Any]:
        try:
            for packet in self._container.demux(self._stream):
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


def _opened(path: Path) -> Any:
    try:
        allowed = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
        return av.open(str(path), options=allowed, metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError):
        raise Undecodable("The file holds no sound that can be read; give WAV, M4A, WebM, MP3, FLAC or Ogg.") from None


def _measured(path: Path) -> float | None:
    """Give the seconds from its first packet to the end of its last, up to the first damage; decodes nothing."""
    first, last = float("inf"), float("-inf")
    with _opened(path) as container, suppress(av.error.FFmpegError, OSError, ValueError):
        stream = container.streams.audio[0]
        for packet in container.demux(stream):
            if packet.pts is not None:
                first, last = min(first, packet.pts), max(last, packet.pts + (packet.duration or 0))
    return None if last < first else float((last - first) * stream.time_base)


def _resampler(frame: Any) -> Resampler:
    """Give what brings such frames to 16 kHz. Raises Undecodable."""
    if frame.sample_rate not in _RATES:
        raise Undecodable(f"The recording tells a rate of {frame.sample_rate} Hz, at which no sound is recorded.")
    kind = frame.format.packed.name
    if kind not in _KINDS:
        raise Undecodable(f"The recording has samples of a kind that is not read ({kind}); give 16 or 24 bits.")
    return Resampler(frame.sample_rate)


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
