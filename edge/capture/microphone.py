"""The microphone, over PyAudio (PortAudio): chosen by name, at any rate and channel count.

PortAudio calls back on a thread of its own; the callback only puts the buffer into a bounded queue. An overflow is
counted and never stops capture.
"""

import logging
import queue
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from edge.capture.audio_clock import AudioClock, RateWatch
from edge.capture.identity import fitting, stable_name
from edge.capture.liveness import RATE_DRIFT, TOO_SLOW, Fault
from edge.capture.quiet import c_libraries_quiet
from edge.capture.resample import Resampler
from edge.sound import RATE, Block
from moments.errors import UserError, WorkError

_BUFFERS_PER_SECOND: Final = 12
_QUEUE: Final = 10 * _BUFFERS_PER_SECOND
_LOST_S: Final = 2.0
_POLL_S: Final = 0.25
_CLOSE_S: Final = 2.0
_GARBAGE_SHARE: Final = 0.01
_TOO_SLOW_S: Final = 30.0
"""How long it is told that sound was lost, which may happen again and again."""

_log = logging.getLogger(__name__)


class NoMicrophone(UserError):  # noqa: N818 - named for what it is
    """There is no such microphone, or it cannot be opened; the message lists those that there are."""


class MicrophoneLost(WorkError):  # noqa: N818 - named for what it is
    """The microphone stopped giving sound."""


@dataclass(frozen=True, slots=True)
class Device:
    """An input that PortAudio offers. `index` is that of this moment; only `name` is stable."""

    index: int
    name: str
    channels: int
    rate: int


@dataclass(frozen=True, slots=True)
class _Buffer:
    """What one callback brought: float32 bytes, the number of its first frame, when it arrived.

    `after_overflow`: sound before it was lost that nobody counted.
    """

    data: bytes
    first: int
    frames: int
    arrived: float
    after_overflow: bool


def need_pyaudio() -> None:
    """Raise NoMicrophone when PyAudio is not installed: no waiting mends that."""
    try:
        import pyaudio  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise NoMicrophone(
            "the microphone needs PyAudio and PortAudio: apt install portaudio19-dev python3-dev gcc, then "
            f"{sys.executable} -m pip install 'moodscape[mic]'"
        ) from error


def _portaudio() -> Any:
    """Start PortAudio; each start looks for devices anew. Raises NoMicrophone when PyAudio is not installed."""
    need_pyaudio()
    import pyaudio

    with c_libraries_quiet():
        return pyaudio.PyAudio()


def _device(info: Mapping[str, Any]) -> Device:
    return Device(
        int(info["index"]), str(info["name"]), int(info["maxInputChannels"]), round(float(info["defaultSampleRate"]))
    )


def _inputs(audio: Any) -> list[Device]:
    found = (_device(audio.get_device_info_by_index(index)) for index in range(audio.get_device_count()))
    return [device for device in found if device.channels > 0]


def devices() -> list[Device]:
    """List the inputs that there are now. Raises NoMicrophone when PyAudio is not installed."""
    audio = _portaudio()
    try:
        return _inputs(audio)
    finally:
        audio.terminate()


def choose(inputs: list[Device], wanted: str) -> Device:
    """Find the input that is meant by a USB identity, a name or a part of one. Raises NoMicrophone."""
    at = fitting([device.name for device in inputs], wanted)
    if at is not None:
        return inputs[at]
    there = ", ".join(f"“{stable_name(device.name)}”" for device in inputs) or "none"
    raise NoMicrophone(f"no microphone is called “{wanted}”; there are: {there}")


class Microphone:
    """An open microphone. `name`: its name or a part of it; None is the system's default.

    `overflows`: how often PortAudio lost sound because it was not called in time. `lost_s`: seconds of sound that
    nobody took. Raises NoMicrophone.
    """

    def __init__(self, name: str | None = None) -> None:
        self.overflows = 0
        self.lost_s = 0.0
        self._lost_at = -_TOO_SLOW_S
        self._watch = RateWatch()
        self._queue: queue.Queue[_Buffer | None] = queue.Queue(_QUEUE)
        self._frames = 0
        self._closing = threading.Lock()
        self._closed = False
        self._audio = _portaudio()
        try:
            self.device = self._find(name)
            with c_libraries_quiet():
                self._stream, self._rate, self._channels = self._open()
        except BaseException:
            self._audio.terminate()
            raise

    def _find(self, name: str | None) -> Device:
        if name is not None:
            return choose(_inputs(self._audio), name)
        try:
            return _device(self._audio.get_default_input_device_info())
        except OSError:
            raise NoMicrophone("there is no microphone; plug one in, or name one of `moodscape edge devices`") from None

    def _open(self) -> tuple[Any, int, int]:
        """Open at 16 kHz mono, or as the device has it."""
        import pyaudio

        error: Exception | None = None
        for rate, channels in dict.fromkeys(
            [(RATE, 1), (self.device.rate, 1), (self.device.rate, self.device.channels)]
        ):
            try:
                stream = self._audio.open(
                    rate=rate,
                    channels=channels,
                    format=pyaudio.paFloat32,
                    input=True,
                    input_device_index=self.device.index,
                    frames_per_buffer=rate // _BUFFERS_PER_SECOND,
                    stream_callback=self._callback,
                )
            except (OSError, ValueError) as refused:
                error = refused
            else:
                return stream, rate, channels
        name = stable_name(self.device.name)
        raise NoMicrophone(f"the microphone “{name}” cannot be opened ({error}); is another program using it?")

    def _callback(self, data: bytes, frames: int, _time: object, status: int) -> tuple[None, int]:
        import pyaudio

        overflow = bool(status & pyaudio.paInputOverflow)
        self.overflows += overflow
        arrived = time.monotonic()
        try:
            self._queue.put_nowait(_Buffer(data, self._frames, frames, arrived, overflow))
        except queue.Full:
            self.lost_s += frames / self._rate
            self._lost_at = arrived
        self._frames += frames
        return None, pyaudio.paContinue

    @property
    def fault(self) -> Fault | None:
        """Tell what is wrong with how the sound comes, by the times at which it came."""
        if time.monotonic() - self._lost_at < _TOO_SLOW_S:
            return TOO_SLOW
        return RATE_DRIFT if self._watch.off else None

    def blocks(self) -> Iterator[Block]:
        """Give the sound until closed. Raises MicrophoneLost when none came for two seconds, or only garbage."""
        clock, resampler = AudioClock(), Resampler(self._rate)
        begins = given = due = 0
        while (buffer := self._next()) is not None:
            if buffer.after_overflow:
                self._watch.restart()
            for listens in (clock, self._watch):
                listens.hear((buffer.first + buffer.frames) / self._rate, buffer.arrived)
            if buffer.first != due:  # buffers were dropped: the sound goes on at another place
                resampler, begins, given = Resampler(self._rate), buffer.first, 0
            due = buffer.first + buffer.frames
            raw = np.frombuffer(buffer.data, np.float32).reshape(-1, self._channels)
            before = resampler.garbage
            heard = resampler.feed(raw)
            if resampler.garbage - before > _GARBAGE_SHARE * raw.size:
                raise MicrophoneLost("the microphone's driver gives values that are no numbers")
            if len(heard):
                yield Block(heard, clock.at(begins / self._rate + given / RATE))
                given += len(heard)

    def _next(self) -> _Buffer | None:
        patience = _LOST_S
        while True:
            try:
                return self._queue.get(timeout=_POLL_S)
            except queue.Empty:
                if self._closed:
                    return None
                patience -= _POLL_S
                if patience <= 0:
                    raise MicrophoneLost(f"the microphone gave no sound for {_LOST_S:.0f} s") from None

    def close(self) -> None:
        """Stop capture and let the device go; `blocks` ends. Waits at most two seconds for a driver that hangs."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        closer = threading.Thread(target=self._let_go, name="close-microphone", daemon=True)
        closer.start()
        closer.join(_CLOSE_S)
        if closer.is_alive():
            _log.warning("the microphone's driver hangs; it is left behind", extra={"microphone": self.device.name})
        with suppress(queue.Full):  # then `blocks` sees `_closed` once it has taken what is there
            self._queue.put_nowait(None)

    def _let_go(self) -> None:
        try:
            self._stream.close()
        except OSError as error:
            _log.info("the microphone was gone before it was closed", extra={"reason": str(error)})
        finally:
            self._audio.terminate()
