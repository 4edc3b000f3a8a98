"""The world that the device lives in, all of it real: sound server, broker, gpsd, hub, a small disk, a cable."""

import shutil
import subprocess
import tempfile
import time
import urllib.error
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from bench.chaos.cutting import lay
from bench.chaos.disk import SmallDisk
from bench.chaos.sounds import Sounds
from bench.chaos.witness import Caller, Diary, ids_on_disk
from moments.errors import WorkError
from tests.e2e.processes import COMMAND, Hub, kill, settings
from tests.gpsd import Gpsd, nmea
from tests.parts import PARTS, Broker, program, wait_until
from tests.pulse import Pulse

DEVICE = "pocket-1"
NEEDED = ("pulseaudio", "mosquitto", "gpsd", "gpsfake", "espeak-ng", "faketime")
_FIX_S = 3


class FarHub(Hub):
    """A hub that meets its broker at the near end of the cable."""

    broker_host = "127.0.0.1"

    def start(self) -> "FarHub":
        """Start the process."""
        values = settings(
            http__port=self.port,
            broker__host=self.broker_host,
            broker__port=self.broker_port,
            store__path=self.folder / "hub.db",
        )
        with (self.folder / "hub.log").open("ab") as out:
            self.process = subprocess.Popen(
                [*COMMAND, "hub", "run", *values], bufsize=0, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        return self

    def count(self) -> int:
        """How many moments it has; -1 where it does not answer."""
        try:
            return int(self.get("/api/moments?limit=1")["total"])
        except (OSError, urllib.error.URLError, ValueError):
            return -1


def _moved_clock(clock: Path) -> dict[str, str]:
    """Give what moves a process's wall clock, and no other, by what the file `clock` says, as it says it.

    faketime refuses each `clock_nanosleep` when it leaves the monotonic clock alone, so Python is given another sleep.
    """
    beside = clock.with_name("sleep")
    beside.mkdir(exist_ok=True)
    patch = "import select, time\ntime.sleep = lambda seconds: select.select((), (), (), seconds) and None\n"
    (beside / "sitecustomize.py").write_text(patch)
    return {
        "LD_PRELOAD": str(next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(beside),
        "PYTHONFAULTHANDLER": "1",
    }


class World:
    """Everything that runs, with its files in `folder`. Enter it to start all, leave it to end all."""

    def __init__(self, folder: Path) -> None:
        missing = [part for part in NEEDED if program(part) is None]
        if missing:
            packages = " ".join(sorted({PARTS.get(part, part) for part in missing}))
            raise WorkError(f"chaos needs more system parts: apt install {packages}")
        self.folder = folder
        self._stack = ExitStack()
        self.ends: list[int] = []
        """Exit codes of devices that ended by themselves."""
        self.shifts = [0.0]
        self.unix_at_0 = time.time() - time.monotonic()

    def __enter__(self) -> "World":
        """Start all and wait until a first moment is in the hub."""
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all."""
        self._stack.close()

    def _start(self) -> None:
        leave = self._stack.callback
        self.cable = lay()
        leave(self.cable.close)
        self.disk = SmallDisk(self.folder / "disk")
        leave(self.disk.close)
        self.outbox = self.disk.folder / "outbox.db"
        self.broker = Broker(self.folder, host=self.cable.broker_host).start()
        leave(self.broker.kill)
        self.hub = FarHub(self.folder, self.broker.port)
        self.hub.broker_host = self.cable.broker_host
        self.hub.start()
        leave(self.hub.kill)
        self.gpsd = Gpsd(self.folder, pause_s=0.2, within=self.cable.within)
        self.receive()
        leave(self.gpsd.stop)
        pulse_folder = Path(tempfile.mkdtemp(prefix="pa"))  # a socket's path must be short
        leave(shutil.rmtree, pulse_folder, ignore_errors=True)
        self.pulse = Pulse(pulse_folder)
        leave(self.pulse.kill)
        self.pulse.start()
        self.clock_file = self.folder / "clock"
        self.shift_clock(0.0)
        self.log = self.folder / "device.log"
        self.diary = Diary(self.log)
        leave(self.diary.close)
        self.start_device()
        leave(self.kill_device)
        self.caller = Caller(DEVICE, self.cable.broker_host, self.broker.port)
        leave(self.caller.close)
        self.sounds = Sounds(self.pulse).start()
        leave(self.sounds.close)
        wait_until(lambda: self.hub.count() > 0 and self.caller.answered_since(0.0), 180)

    # The device.

    def start_device(self) -> None:
        """Start the daemon, with a clock that can be moved, at the far end of the cable."""
        host, port = self.cable.meets(self.broker.port)
        values = settings(
            source="microphone",
            device=DEVICE,
            broker__host=host,
            broker__port=port,
            outbox__path=self.outbox,
            gps__port=self.gpsd.port,
            gps__max_age_s=_FIX_S,
            clock__max_wait_h=0,
        )
        command = [
            *self.cable.within,
            "env",
            *(f"{name}={value}" for name, value in _moved_clock(self.clock_file).items()),
            *COMMAND,
        ]
        self.down = False
        with self.log.open("ab") as out:
            self.device = subprocess.Popen(
                [*command, "edge", "run", *values], env=self.pulse.environment, stdout=out, stderr=out, bufsize=0
            )

    def kill_device(self) -> None:
        """SIGKILL; what it had committed is noted."""
        self.down = True
        kill(self.device)
        if self.outbox.exists():
            self.diary.add(ids_on_disk(self.outbox))

    def mind_device(self) -> None:
        """Start it anew when it ended by itself, as systemd does, and note how it ended."""
        code = self.device.poll()
        if code is not None and not self.down:
            self.ends.append(code)
            self.start_device()

    def receive(self) -> None:
        """Start gpsd with a receiver that has a fix, for an hour."""
        self.gpsd.start(nmea(3600, begin=datetime.now(UTC)))

    def shift_clock(self, seconds: float) -> None:
        """Move the device's wall clock to the true time plus so many seconds."""
        new = self.clock_file.with_suffix(".new")
        new.write_text(f"{seconds:+.0f}\n")
        new.replace(self.clock_file)
        self.shifts.append(seconds)
