"""A microphone without hardware: PulseAudio as a plain process, with a source that plays what a test writes.

PyAudio reaches it through ALSA's `pulse` plug-in, in a process that is started with `Pulse.environment`.
"""

import os
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.parts import program, wait_until

RATE = 16_000
_PIECE = RATE // 50
_LATE_S = 0.1  # a sound card that is late does not make up for it


@dataclass
class Pulse:
    """Give it a short folder of its own (a socket's path must be under 108 characters)."""

    folder: Path
    process: subprocess.Popen | None = None
    _module: str | None = None
    _queue: list = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)
    _pump: threading.Thread | None = None

    @property
    def fifo(self) -> Path:
        return self.folder / "sound.fifo"

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to see this PulseAudio as its only sound system."""
        return os.environ | {
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "PULSE_RUNTIME_PATH": str(self.folder / "pulse"),
            "PULSE_STATE_PATH": str(self.folder / "state"),
            "PULSE_SERVER": f"unix:{self.folder / 'pulse.socket'}",
        }

    def start(self) -> "Pulse":
        """Start it with one microphone, which gives silence until `play`."""
        path = program("pulseaudio")
        assert path, "pulseaudio is not installed"
        for name in ("pulse", "state", "config"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / ".asoundrc").write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n")
        with (self.folder / "pulse.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(path, "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes"),
                    *("-L", f"module-native-protocol-unix auth-anonymous=1 socket={self.folder / 'pulse.socket'}"),
                ],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        wait_until(lambda: (self.folder / "pulse.socket").exists() and self._pactl("info").returncode == 0)
        self.plug_in()
        return self

    def _pactl(self, *args):
        return subprocess.run(["pactl", *args], env=self.environment, capture_output=True, text=True, timeout=10)

    def plug_in(self) -> None:
        """Plug the microphone in."""
        self.fifo.unlink(missing_ok=True)  # a server that was killed leaves it, and the next one refuses it
        made = self._pactl(
            "load-module",
            "module-pipe-source",
            "source_name=testmic",
            f"file={self.fifo}",
            "format=s16le",
            f"rate={RATE}",
            "channels=1",
        )
        assert made.returncode == 0, made.stderr
        self._module = made.stdout.strip()
        self._pactl("set-default-source", "testmic")
        self._stop.clear()
        self._pump = threading.Thread(target=self._write, daemon=True)
        self._pump.start()

    def unplug(self) -> None:
        """Pull the microphone out."""
        self._end_pump()
        self._pactl("unload-module", self._module)

    def play(self, samples) -> float:
        """Play float samples [n], 16 kHz, in [-1, 1], after what is still waiting; give the seconds until they end."""
        pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2")
        with self._lock:
            self._queue.extend(pcm[i : i + _PIECE] for i in range(0, len(pcm), _PIECE))
            return len(self._queue) * _PIECE / RATE

    @property
    def left_s(self) -> float:
        """Seconds of what `play` took that have not been played yet."""
        with self._lock:
            return len(self._queue) * _PIECE / RATE

    def _write(self) -> None:
        """Write 20 ms each 20 ms, as a sound card does."""
        with self.fifo.open("wb", buffering=0) as out:
            due = time.monotonic()
            while not self._stop.is_set():
                with self._lock:
                    piece = self._queue.pop(0) if self._queue else np.zeros(_PIECE, "<i2")
                try:
                    out.write(piece.tobytes())
                except BrokenPipeError:
                    return
                due = max(due + _PIECE / RATE, time.monotonic() - _LATE_S)
                self._stop.wait(max(0.0, due - time.monotonic()))

    def _end_pump(self) -> None:
        self._stop.set()
        if self._pump is not None:
            self._pump.join(5)

    def kill(self) -> None:
        """End it, whatever it does."""
        self._end_pump()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
