"""A whole day at speed: scripted sound and a simulated clock through the real pipeline, clock and outbox.

python -m bench.soak [--hours 24]    prints a table and writes bench/results/soak.json

The day is one of 25 hours on which summer time ends. For its first hour the device does not know the time; its sound
card is 50 parts in a million slow; in the morning it sleeps for an hour; in the afternoon its clock is set by 30 s.
The hub takes what waits every five seconds of the day. The script is 60 % quiet, 32 % surroundings and 8 % speech.
"""

import argparse
import math
import os
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo

import numpy as np

from bench.table import Figure, report
from edge.capture.audio_clock import AudioClock
from edge.clock import Clock, Reading
from edge.moment import stamp
from edge.outbox.queue import Outbox
from edge.pipeline import Draft, Pipeline
from edge.sound import RATE, Block, Samples
from moments import Moment
from moments.errors import WorkError
from moodscape.demo.synth import crickets, engine, rain, voice
from tests.parts import program

ZONE: Final = "Europe/Berlin"
BEGINS: Final = datetime(2026, 10, 25, tzinfo=ZoneInfo(ZONE)).timestamp()
WHEN: Final = (8 / 24, 16 / 24, 1 / 24)
"""At which shares of the day the device sleeps, its clock is set, and it learns the time: each while it is quiet."""
SLEEPS_S: Final = 3600.0
IS_SET_BY_S: Final = 30.0

_CARD_SLOW: Final = 50e-6
_BUFFER: Final = RATE // 12
_SENTENCES: Final = (
    ("Good morning my dear old friend", 80, 170),
    ("Stop that I told you not to do this again", 35, 180),
    ("I miss the way it was before you left", 20, 140),
)
_CYCLE_S: Final = 300
_SURROUNDINGS_S: Final = 96
_SPEECH_S: Final = 24
_BETWEEN_S: Final = 5
_SOON_S: Final = 1.0
"""How far a moment's begin and length may be from the script's, so that it is of that."""
_ONSET_S: Final = 0.3
"""How far an utterance's begin may be from the script's."""


@dataclass(frozen=True, slots=True)
class Item:
    """A stretch of the script: `at` in seconds of sound since its begin."""

    kind: Literal["quiet", "surroundings", "speech"]
    at: float
    sound: Samples

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.sound) / RATE


def script(seconds: float) -> Iterator[Item]:
    """Give so many seconds of the day, in order."""
    rng = np.random.default_rng(3)
    hiss = (10 ** (-75 / 20) * rng.standard_normal(_CYCLE_S * RATE)).astype(np.float32)
    places = [0.3 * make(rng, float(_SURROUNDINGS_S)) for make in (rain, engine, crickets)]
    voices = [_trimmed(voice(text, "en-us", pitch=p, speed=s, gain=0.5)) for text, p, s in _SENTENCES]
    at, cycle = 0.0, 0
    while at < seconds:
        parts: list[tuple[Literal["quiet", "surroundings", "speech"], Samples]] = [("quiet", hiss[: 40 * RATE])]
        parts += [("surroundings", places[cycle % len(places)]), ("quiet", hiss[: 30 * RATE])]
        spoken = 0.0
        for turn in range(99):
            sound = voices[(cycle + turn) % len(voices)]
            if spoken + len(sound) / RATE > _SPEECH_S:
                break
            spoken += len(sound) / RATE
            parts += [("speech", sound), ("quiet", hiss[: _BETWEEN_S * RATE])]
        rest = _CYCLE_S * RATE - sum(len(sound) for _, sound in parts)
        for kind, sound in [*parts, ("quiet", hiss[:rest])]:
            yield Item(kind, at, sound)
            at += len(sound) / RATE
        cycle += 1


def _trimmed(sound: Samples) -> Samples:
    loud = np.flatnonzero(np.abs(sound) > 0.02)
    return sound[loud[0] : loud[-1]]


class Day:
    """The simulated time: monotonic goes on with the sound, since-boot also through sleep, and wall time jumps too."""

    def __init__(self, seconds: float) -> None:
        self._sleeps, self._is_set, known = (_between_cycles(share * seconds) for share in WHEN)
        self.monotonic = 0.0
        self.clock = Clock(
            wall=lambda: self.wall(self.monotonic),
            monotonic=lambda: self.monotonic,
            since_boot=lambda: self.since_boot(self.monotonic),
            known=lambda: self.monotonic >= known,
        )

    def since_boot(self, monotonic: float) -> float:
        """Give the seconds since boot at a monotonic time."""
        return monotonic + (SLEEPS_S if monotonic >= self._sleeps else 0.0)

    def wall(self, monotonic: float) -> float:
        """Give the Unix time that the machine believes in at a monotonic time."""
        set_by = IS_SET_BY_S if monotonic >= self._is_set else 0.0
        return BEGINS + self.since_boot(monotonic) + set_by


def _between_cycles(at: float) -> float:
    return math.ceil(at / _CYCLE_S) * float(_CYCLE_S)


class Checker:
    """Holds each moment that reaches the hub against the script, and remembers little."""

    def __init__(self, items: list[Item], day: Day) -> None:
        self._kinds = [item.kind for item in items]
        self._seconds = [item.seconds for item in items]
        self._begins = [day.wall(item.at * (1 + _CARD_SLOW)) for item in items]
        self._told = np.zeros(len(items))
        self._speech = np.zeros(len(items), int)
        self._zone = ZoneInfo(ZONE)
        self.moments = self.stray = self.scraps = self.wrong_offset = 0
        self.farthest_s = 0.0

    def hear(self, moment: Moment) -> None:
        """Take a moment."""
        self.moments += 1
        begin = moment.start.timestamp()
        n = max(0, bisect_right(self._begins, begin + _SOON_S) - 1)
        while n and self._kinds[n] == "quiet":
            n -= 1
        after = begin - self._begins[n]
        if moment.start.utcoffset() != datetime.fromtimestamp(begin, self._zone).utcoffset():
            self.wrong_offset += 1
        if after + moment.seconds > self._seconds[n] + _SOON_S:
            self.stray += 1
        elif (moment.basis, self._kinds[n]) == ("scene", "speech"):
            self.scraps += int(moment.seconds < _SOON_S)
            self.stray += int(moment.seconds >= _SOON_S)
        elif (moment.basis, self._kinds[n]) == ("speech", "surroundings"):
            self.stray += 1
        elif moment.basis == "speech":
            self._speech[n] += 1
            self.farthest_s = max(self.farthest_s, float(abs(after)))
        else:
            self._told[n] += moment.seconds

    def utterances(self) -> tuple[int, int]:
        """Give how many utterances the script has, and how many of them were told exactly once."""
        there = np.array([kind == "speech" for kind in self._kinds])
        return int(there.sum()), int((self._speech[there] == 1).sum())

    def surroundings_off_s(self) -> float:
        """Give the most seconds by which a stretch of surroundings and the moments about it differ in length."""
        differ = [
            abs(told - length)
            for kind, told, length in zip(self._kinds, self._told, self._seconds, strict=True)
            if kind == "surroundings"
        ]
        return float(max(differ, default=0.0))


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class Soak:
    """The device, its hub and the time, fed block by block."""

    def __init__(self, hours: float, folder: Path) -> None:
        self.seconds = hours * 3600
        self.items = list(script(self.seconds))
        self.day = Day(self.seconds)
        self.checker = Checker(self.items, self.day)
        self.outbox = Outbox(folder / "outbox.db", max_mb=256, max_days=365)
        self.memory: list[tuple[float, float]] = []
        self.files = 0
        self._pipeline = Pipeline.load(hour_at=lambda at: _hour(self.day.clock.at(at)))
        self._card = AudioClock()
        self._late = np.random.default_rng(1)
        self._next_second = self._next_hub = self._next_look = 0.0

    def live(self) -> None:
        """Live through the script."""
        for item in self.items:
            for begin in range(0, len(item.sound), _BUFFER):
                self._hear(item.at + begin / RATE, item.sound[begin : begin + _BUFFER])
        for draft in self._pipeline.flush():
            self._keep(draft)
        self._answer()

    def _hear(self, at: float, samples: Samples) -> None:
        """Take a buffer that begins at `at` on the sound card's clock."""
        end = at + len(samples) / RATE
        now = self.day.monotonic = end * (1 + _CARD_SLOW) + float(self._late.uniform(0.0, 0.004))
        self._card.hear(end, now)
        for draft in self._pipeline.feed(Block(samples, self._card.at(at))):
            self._keep(draft)
        if now >= self._next_second:
            self._next_second = now + 1
            before = self.day.clock.state
            if self.day.clock.look() != before and before == "free":
                self.outbox.settle(self.day.clock.at_boot, self.day.clock.boot)
        if now >= self._next_hub:
            self._next_hub = now + 5
            self._answer()
            self.outbox.tick(self.day.wall(now))
        if now >= max(self._next_look, self.seconds / 12):
            self._next_look = now + self.seconds / 144
            self.memory.append((now / self.seconds, _resident_mb()))
            self.files = self.files or _open_files()

    def _keep(self, draft: Draft) -> None:
        when = self.day.clock.at(draft.at)
        waits = when.clock == "free"
        moment = stamp(draft, "soak", when.start, when.clock, None)
        boot = self.day.clock.boot if waits else None
        self.outbox.put(moment, heard=when.boot_s if waits else None, boot=boot)

    def _answer(self) -> None:
        """Do as the hub does."""
        rows = self.outbox.after(0, 1000)
        for row in rows:
            self.checker.hear(Moment.from_json(row.body))
        self.outbox.stored([row.id for row in rows])


def run(hours: float, folder: Path) -> dict[str, Figure]:
    """Live through so many hours of sound; gives the figures. Raises WorkError without espeak-ng."""
    if program("espeak-ng") is None:
        raise WorkError("the soak needs a voice: apt install espeak-ng")
    with _in_zone(ZONE):
        begun = time.process_time()
        soak = Soak(hours, folder)
        soak.live()
        cpu = time.process_time() - begun
        checker = soak.checker
        there, once = checker.utterances()
        shares, resident = np.array(soak.memory).T
        figures = {
            "sound": Figure(hours, "h"),
            "CPU": Figure(cpu, "s"),
            "moments": Figure(checker.moments, ""),
            "utterances in the script": Figure(there, ""),
            "of them not told exactly once": Figure(there - once, "", 0),
            "moments that the script does not have": Figure(checker.stray, "", 0),
            "a voice's first words or last breath told as a scene": Figure(checker.scraps, "", 0),
            "surroundings: most that a stretch and its moments differ": Figure(checker.surroundings_off_s(), "s", 1),
            "begin of an utterance, farthest from the script": Figure(checker.farthest_s, "s", _ONSET_S),
            "moments with a wrong offset of local time": Figure(checker.wrong_offset, "", 0),
            "waiting in the outbox at the end": Figure(soak.outbox.depth, "", 0),
            "resident memory, largest": Figure(float(resident.max()), "MB"),
            "memory slope, over the whole": Figure(float(np.polyfit(shares, resident, 1)[0]), "MB", 1),
            "file descriptors, growth": Figure(_open_files() - soak.files, "", 0),
        }
        soak.outbox.close()
    return figures


@contextmanager
def _in_zone(zone: str) -> Iterator[None]:
    """Let local time be that of a zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()


def _hour(when: Reading) -> float | None:
    return None if when.clock == "free" else when.start.hour + when.start.minute / 60


def main() -> int:
    """Run, print the table; a whole day writes bench/results/soak.json."""
    parser = argparse.ArgumentParser(prog="bench.soak", description="A day of scripted sound at speed.")
    parser.add_argument("--hours", type=float, default=24.0, help="how much sound (24)")
    hours = parser.parse_args().hours
    try:
        with tempfile.TemporaryDirectory() as folder:
            figures = run(hours, Path(folder))
    except WorkError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    report("soak", figures, write=hours >= 24)
    return 0


if __name__ == "__main__":
    sys.exit(main())
