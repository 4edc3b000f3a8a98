"""What virtual devices hear: the moments that the real pipeline makes of the scripted day, lived by each on its own.

Each device is somewhere else in the day, has its own places, and says every minute how it is.
"""

import itertools
import json
import random
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from bench import day
from moments import Moment, Place, uuid7

HEALTH_S = 60.0
_ZONE = timezone(timedelta(hours=9))
_READ = [sys.executable, "-c", "import sys; from moodscape.cli import main; sys.exit(main())", "read", "--json"]


@dataclass(frozen=True)
class Script:
    """Moments of one round of the day by the second at which each one ends, and how long a round is."""

    ends: tuple[tuple[float, Moment], ...]
    seconds: float

    @property
    def moments_an_hour(self) -> float:
        """What one device makes."""
        return 3600 * len(self.ends) / self.seconds

    def bytes_a_moment(self) -> float:
        """How long a moment is on the wire, on average, as a device that knows its place makes it."""
        life = Life("fleet-1000", self, random.Random(1))
        return statistics.fmean(len(life.live(moment, datetime.now(UTC)).to_json()) for _, moment in self.ends)


def script(folder: Path, minutes: float) -> Script:
    """Read so many minutes of the scripted day, as `moodscape read` does."""
    wav = day.write(minutes, folder / "day.wav")
    start = datetime(2026, 5, 22, 9, tzinfo=UTC)
    read = subprocess.run([*_READ, "--start", start.isoformat(), str(wav)], capture_output=True, text=True, check=True)
    ends = []
    for line in read.stdout.splitlines():
        said = json.loads(line)
        del said["file"]
        moment = Moment.model_validate(said)
        ends.append(((moment.start - start).total_seconds() + moment.seconds, moment))
    return Script(tuple(sorted(ends, key=lambda each: each[0])), 60 * minutes)


class Life:
    """One device's: its moments in order, from its own place in the script."""

    def __init__(self, device: str, script_: Script, rng: random.Random) -> None:
        self.device = device
        self._script, self._rng = script_, rng
        self._at_s = rng.uniform(0, script_.seconds)
        self._places = [(35.13 + rng.gauss(0, 0.05), 129.10 + rng.gauss(0, 0.05)) for _ in range(4)]
        self._renamed: dict[str, str] = {}

    def begin(self, now: float) -> Iterator[tuple[float, Moment]]:
        """Give without end when each moment is made, on the clock of `now`, and the script's moment."""
        for round_ in itertools.count():
            for end, moment in self._script.ends:
                at = round_ * self._script.seconds + end - self._at_s
                if at >= 0:
                    yield now + at, moment

    def live(self, moment: Moment, at: datetime) -> Moment:
        """Make a moment of the script this device's own, ending at a time."""
        new = uuid7()
        before = self._renamed.get(moment.continues or "")
        self._renamed = {moment.id: new}
        start = (at - timedelta(seconds=moment.seconds)).astimezone(_ZONE)
        start = start.replace(microsecond=start.microsecond // 1000 * 1000)
        changes: dict[str, Any] = {"id": new, "device": self.device, "start": start, "continues": before}
        return moment.model_copy(update=changes | {"place": self._place()})

    def _place(self) -> Place | None:
        rng = self._rng
        if rng.random() < 0.1:
            return None  # indoors, without a fix
        lat, lon = self._places[int(rng.random() ** 2 * 4)]
        near = rng.gauss(0, 0.0003), rng.gauss(0, 0.0003)
        return Place(
            lat=round(lat + near[0], 6),
            lon=round(lon + near[1], 6),
            accuracy_m=round(rng.uniform(3, 30), 1),
            altitude_m=round(rng.uniform(0, 80), 1),
            age_s=round(rng.uniform(0, 9), 1),
        )


def health(waiting: int) -> bytes:
    """What a device says of itself every minute, by the shape of `edge.care.report`."""
    said = {
        "at": datetime.now(_ZONE).isoformat(timespec="milliseconds"),
        "capture": {"state": "listening", "reason": None, "overruns": 0},
        "level_dbfs": -47.3,
        "outbox": {
            "depth": waiting, "oldest_s": None, "in_memory": 0, "unanswered": 0, "trouble": None, "used_mb": 0.1,
            "max_mb": 200, "policy": "beyond max_mb the least sure and oldest go first, records last",
        },
        "dropped": {},
        "clips": {"on": False, "waiting": 0, "used_mb": 0.0, "sent": 0, "dropped": {}, "trouble": None},
        "publish": {"connections": 1, "sent": 212, "stored": 212, "trouble": None},
        "clock": "synced",
        "place": {"state": "fix", "age_s": 1.2},
        "config_version": 0,
        "version": "0.1.0",
        "models": {"gate": "gate-1@cf246721", "speech": "speech-1@ab12cd34", "scene": "scene-1@a75146f9", "rules": "1"},
        "cpu_percent": 3.2, "memory_mb": 92.1, "disk_free_mb": 24_512, "temperature_c": 48.3, "battery_percent": 71,
    }  # fmt: skip
    return json.dumps(said, separators=(",", ":")).encode()
