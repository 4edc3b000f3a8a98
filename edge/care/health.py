"""How the machine is: what the device tells of it in `health`."""

import os
import resource
import shutil
import time
from pathlib import Path
from typing import Any, Final

_THERMAL: Final = Path("/sys/class/thermal/thermal_zone0/temp")
_POWER: Final = Path("/sys/class/power_supply")
_STATM: Final = Path("/proc/self/statm")


class Machine:
    """Measures this process and its machine; `cpu_percent` is the share of one core since the last call."""

    def __init__(self) -> None:
        self._cpu, self._at = self._cpu_seconds(), time.monotonic()

    def look(self, folder: Path) -> dict[str, Any]:
        """Give cpu, memory, the disk of `folder`, temperature and battery; None for what this machine does not tell."""
        cpu, at = self._cpu_seconds(), time.monotonic()
        share = 100 * (cpu - self._cpu) / max(at - self._at, 1e-3)
        self._cpu, self._at = cpu, at
        return {
            "cpu_percent": round(share, 1),
            "memory_mb": _memory_mb(),
            "disk_free_mb": _free_mb(folder),
            "temperature_c": _number(_THERMAL, 1000),
            "battery_percent": _battery(),
        }

    @staticmethod
    def _cpu_seconds() -> float:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime


def _memory_mb() -> float | None:
    try:
        pages = int(_STATM.read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def _free_mb(folder: Path) -> float | None:
    try:
        return round(shutil.disk_usage(folder).free / 1e6)
    except OSError:
        return None


def _number(path: Path, divisor: float = 1.0) -> float | None:
    try:
        return round(int(path.read_text()) / divisor, 1)
    except (OSError, ValueError):
        return None


def _battery() -> float | None:
    found = (_number(path) for path in sorted(_POWER.glob("*/capacity"))) if _POWER.exists() else iter(())
    return next((value for value in found if value is not None), None)
