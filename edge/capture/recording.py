"""Recordings: WAV, FLAC, Ogg or MP3 of any length, rate and channel count, read as a stream and never whole."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from edge.capture import dates
from edge.capture.resample import Resampler
from edge.sound import RATE, Block
from moments.errors import WorkError

_BLOCK_SECONDS: Final = 0.5
_HEAD_BYTES: Final = 8192
_SIXTEEN: Final = np.float32(1 / 32_768)
"""The step of 16-bit samples."""
_RATES: Final = range(1000, 1_000_001)
"""Rates at which sound is recorded (Hz), from worse than telephones' to bat detectors'; others can take minutes."""
_UNKNOWN: Final = 2**63 - 1
"""libsndfile's word for a length that is not known."""
_STRETCH: Final = 65_536
_SHORT_BY: Final = 0.02
"""The share that may lack before a recording counts as cut off: an MP3 header is not exact to the sample."""


class UnreadableRecording(WorkError):  # noqa: N818 - named for what it is
    """A recording, or the rest of one, that cannot be read: `path` and the reason `why`."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


def _refuse_what_is_no_file(path: Path) -> None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise UnreadableRecording(path, "there is no such file") from None
    except OSError as error:
        raise UnreadableRecording(path, f"cannot be looked at: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableRecording(path, "is not a file")
    if not found.st_size:
        raise UnreadableRecording(path, "is empty")


class _Stream(soundfile.SoundFile):
    """A file that is only read onwards.

    soundfile seeks to where it stands after each read of a seekable file, and a seek spoils the MP3 frame after it,
    which needs the bits of the frames before.
    """

    def seekable(self) -> bool:
        """Tell soundfile not to seek."""
        return False


class Recording:
    """A recording as a source. `Block.at` counts from 0, the recording's first sample.

    Raises UnreadableRecording when it holds no sound that can be read; `blocks` raises it where the sound breaks off,
    after it gave what stands before.
    """

    def __init__(self, path: Path) -> None:
        _refuse_what_is_no_file(path)
        self.path = path
        try:
            path.open("rb").close()  # libsndfile does not say why it cannot open a file
            self._file = _opened(path)
        except soundfile.LibsndfileError as error:
            why = f"holds no sound that can be read ({_reason(error)}); give WAV, FLAC, Ogg or MP3"
            raise UnreadableRecording(path, why) from None
        except OSError as error:
            raise UnreadableRecording(path, f"cannot be opened: {error.strerror}") from None
        if self._file.samplerate not in _RATES:
            rate = self._file.samplerate
            self._file.close()
            raise UnreadableRecording(path, f"tells a rate of {rate} Hz, at which no sound is recorded")
        self._closed = self._read_from = False

    @property
    def seconds(self) -> float:
        """Its length as its header tells it; counted, where a header that was written to a pipe tells none."""
        return float(self._frames / self._file.samplerate)

    @cached_property
    def _frames(self) -> int:
        return int(self._file.frames) if self._file.frames < _UNKNOWN else _counted(self.path)

    def begins(self) -> datetime | None:
        """Give its own date and time, if it holds one."""
        with self.path.open("rb") as file:
            return dates.of_wave(file) or dates.of_tag(self._file.copy_metadata().get("date", ""))

    def blocks(self) -> Iterator[Block]:
        """Give the sound from its start, once; then the file is closed."""
        self._read_from = True
        with self._file:
            yield from self._blocks()

    def _blocks(self) -> Iterator[Block]:
        resampler = Resampler(self._file.samplerate)
        at_once = max(1, int(self._file.samplerate * _BLOCK_SECONDS))
        frames, given = 0, 0
        fault: str | None = None
        while not self._closed:
            try:
                samples = self._read(at_once)
            except soundfile.LibsndfileError as error:
                fault = f"is damaged ({_reason(error)})"
                break
            frames += len(samples)
            heard = resampler.feed(samples) if len(samples) else resampler.finish()
            if len(heard):
                yield Block(heard, given / RATE)
                given += len(heard)
            if not len(samples):
                fault = self._cut_off(frames)
                break
        if fault:
            raise UnreadableRecording(self.path, f"{fault}; read up to {frames / self._file.samplerate:.1f} s")

    def _read(self, frames: int) -> NDArray[np.float32]:
        """Give float32 [up to frames, channels], nothing at the end."""
        shape = frames, self._file.channels
        if self._file.subtype == "PCM_16":  # most recordings; libsndfile takes twice as long to make floats of them
            whole = np.empty(shape, np.int16)
            return whole[: self._file.buffer_read_into(whole, "int16")].astype(np.float32) * _SIXTEEN
        samples = np.empty(shape, np.float32)
        return samples[: self._file.buffer_read_into(samples, "float32")]

    def _cut_off(self, frames: int) -> str | None:
        if not frames:
            return "holds no sound"
        if frames < self._frames * (1 - _SHORT_BY) and self._tells_its_length():
            return f"is cut off: its header tells {self.seconds:.1f} s"
        return None

    def _tells_its_length(self) -> bool:
        """Tell whether the length is in the header; for an MP3 without a Xing or Info tag it is only estimated."""
        if self._file.format not in {"MPEG", "MP3"}:
            return True
        with self.path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        return b"Xing" in head or b"Info" in head

    def close(self) -> None:
        """End `blocks`, which closes the file: libsndfile crashes where another thread is reading from it."""
        self._closed = True
        if not self._read_from:
            self._file.close()


def _opened(path: Path) -> _Stream:
    return _Stream(os.fsencode(path))  # type: ignore[arg-type]  # its name may be no text; the stubs know no bytes


def _counted(path: Path) -> int:
    """Count the frames of a recording up to its end or its first fault."""
    frames = 0
    with _opened(path) as file, suppress(soundfile.LibsndfileError):
        stretch = np.empty((_STRETCH, file.channels), np.float32)
        while read := file.buffer_read_into(stretch, "float32"):
            frames += int(read)
    return frames


def _reason(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).strip().rstrip(".").lower() or "no reason given"
