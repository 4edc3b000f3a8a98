"""What time it was when a block was heard, and whether the device knows that.

Inside, time is monotonic. A moment's start goes monotonic -> seconds since boot (which go on through suspend) ->
wall time. Each step of the way is measured anew when it is used, so that drift, a suspend or a clock that is set
later do not spoil what was heard before.
"""

import ctypes
import threading
import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final, Literal

Knowledge = Literal["synced", "gps", "free"]

_TIMESYNCD: Final = Path("/run/systemd/timesync/synchronized")
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_BATTERY_CLOCK: Final = Path("/sys/class/rtc/rtc0/since_epoch")
_CPU: Final = Path("/proc/cpuinfo")
_STA_UNSYNC: Final = 0x0040
_TIME_ERROR: Final = 5
_BATTERY_SECONDS: Final = 5.0
_EARLIEST: Final = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
"""A clock that says less than this is wrong: a satellite receiver's week number rolls over every 19.6 years."""
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC).timestamp()
"""And one that says more is broken."""
_SUSPEND_SECONDS: Final = 0.05
"""A growth of boot time over monotonic time beyond this is a suspend; below it, the jitter of two calls."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A time: `start` with the local offset of that instant, `clock` = how it is known, `boot_s` since boot."""

    start: datetime
    clock: Knowledge
    boot_s: float


@dataclass(frozen=True, slots=True)
class SatelliteTime:
    """Unix seconds that gpsd gave, and the monotonic seconds at which they came."""

    unix: float
    at: float


class _Timex(ctypes.Structure):
    """The head of Linux' `struct timex`, with room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_char * 256),
    )


def time_is_known() -> bool:
    """Tell whether the system's clock may be believed: NTP or what keeps time while the machine is off has set it."""
    return _ntp_has_set_it() or _battery_clock_agrees() or _is_a_guest()


def _ntp_has_set_it() -> bool:
    """systemd-timesyncd's mark of this boot, or the kernel's own word (any NTP daemon)."""
    if _TIMESYNCD.exists():
        return True
    timex = _Timex()  # modes = 0 only reads, and needs no right
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return False
    return bool(0 <= state < _TIME_ERROR and not timex.status & _STA_UNSYNC)


def _battery_clock_agrees() -> bool:
    """A real-time clock with a battery says the same; one that lost its power says 1970 or so."""
    try:
        battery = float(_BATTERY_CLOCK.read_text())
    except (OSError, ValueError):
        return False
    return battery >= _EARLIEST and abs(time.time() - battery) < _BATTERY_SECONDS


@cache
def _is_a_guest() -> bool:
    """A virtual machine begins with its host's time."""
    try:
        return "hypervisor" in _CPU.read_text()
    except OSError:
        return False


def boot_id() -> str:
    """Name this boot of the machine."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:  # not Linux, or /proc is hidden: what was heard then counts as another boot's
        return f"unknown-{time.time_ns()}"


def boot_seconds() -> float:
    """Give the seconds since boot, suspends included; where the system cannot tell, without them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Clock:
    """Maps monotonic times to wall time. Every method may be called from any thread.

    Once the time of a boot was known it stays known: an NTP server that goes away leaves a clock that drifts by
    seconds a day at worst.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        since_boot: Callable[[], float] = boot_seconds,
        known: Callable[[], bool] = time_is_known,
        satellites: Callable[[], SatelliteTime | None] = lambda: None,
    ) -> None:
        self._wall, self._monotonic, self._since_boot = wall, monotonic, since_boot
        self._known, self._satellites = known, satellites
        self.boot = boot_id()
        self.state: Knowledge = "free"
        self._gps_offset = 0.0
        self._sleeps: list[tuple[float, float]] = []
        """From which monotonic time on the time since boot is ahead by how much."""
        self._turn = threading.Lock()
        self.look()

    def look(self) -> Knowledge:
        """Look at all clocks again; call it every few seconds. Gives what is known of the time."""
        time.tzset()  # the owner may have moved to another time zone
        with self._turn:
            self._notice(self._monotonic())
        if self._known():
            self.state = "synced"
        elif self.state != "synced" and (fix := self._satellites()) and _EARLIEST <= fix.unix < _LATEST:
            self.state = "gps"
            self._gps_offset = fix.unix - self._to_boot(fix.at)
        return self.state

    def woke(self, at: float) -> None:
        """Hear that what comes from monotonic `at` on was heard after a suspend: sooner known than by a look."""
        with self._turn:
            known = self._notice(at)
            before = self._sleeps[:-1]
            if before and not known:  # a look came first, but after the sound
                self._sleeps = [*before, (min(self._sleeps[-1][0], max(at, before[-1][0])), self._sleeps[-1][1])]

    def _notice(self, at: float) -> bool:
        """Note that the machine slept before monotonic `at`, if it did since it was last noted; tell whether."""
        ahead = self.slept_s
        if self._sleeps and ahead - self._sleeps[-1][1] <= _SUSPEND_SECONDS:
            return False
        self._sleeps = [*self._sleeps[-99:], (at, ahead)]
        return True

    @property
    def slept_s(self) -> float:
        """Seconds of this boot that the machine was suspended."""
        return self._since_boot() - self._monotonic()

    def at(self, monotonic: float) -> Reading:
        """Give the wall time of a monotonic time, in seconds."""
        return self.at_boot(self._to_boot(monotonic))

    def at_boot(self, boot_s: float) -> Reading:
        """Give the wall time of a time in seconds since this boot."""
        offset = self._gps_offset if self.state == "gps" else self._wall() - self._since_boot()
        start = datetime.fromtimestamp(offset + boot_s, UTC).astimezone()
        return Reading(start, self.state, boot_s)

    def now(self) -> Reading:
        """Give the time that it is."""
        return self.at_boot(self._since_boot())

    def known_now(self) -> datetime | None:
        """Give the time that it is, None while that is not known."""
        now = self.now()
        return None if now.clock == "free" else now.start

    def _to_boot(self, monotonic: float) -> float:
        nearest = bisect_right(self._sleeps, monotonic, key=lambda sleep: sleep[0]) - 1
        return monotonic + self._sleeps[max(0, nearest)][1]
