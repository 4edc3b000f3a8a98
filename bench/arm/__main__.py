"""ARM: the daemon's pipeline in 64-bit and 32-bit ARM roots, its instructions per second of sound, and what that costs.

python -m bench.arm [--roots FOLDER]     prints a table and writes bench/results/arm.json

Assumptions, since nothing here is a Raspberry Pi:
- the instructions are those of a Cortex-A53; a 4 runs the same, a 5 may do with fewer, as its cores multiply in int8;
- instructions per cycle: 0.7 on a Cortex-A53 (in order), 1.2 on a Cortex-A72, 1.9 on a Cortex-A76: about what each
  reaches on general code; interpreted Python lies below that and the models' kernels above;
- power that one busy core takes beyond an idle board: 0.45 W for a Zero 2 W (0.6 W idle and 2.4 W with four cores busy,
  as published measurements have it), and likewise 0.8 W for a 3B+, 0.9 W for a 4, 1.4 W for a 5;
- the day is 60 % quiet, 32 % surroundings and 8 % speech.
The microphone's driver, the outbox and the network are not in it; the idle board is not either.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from bench.arm.roots import ARM64, ARMHF, Root, refuse_without_parts
from bench.table import Figure, report
from edge.sound import RATE
from moments.errors import WorkError
from moodscape.demo.run import RECORDING

HERE = Path(__file__).parent
CODE = HERE.parents[1]
DAY = {"quiet": 0.60, "surroundings": 0.32, "speech": 0.08}
SPEECH = ((15, 21), (42, 48))
SURROUNDINGS = ((3, 15), (64, 78))
"""Seconds of the demo's recording: two voices; birds and rain."""
QUIET_S = 20
QUIET_DBFS = -70.0


@dataclass(frozen=True)
class Board:
    """A Raspberry Pi, one core of it."""

    name: str
    hz: float
    per_cycle: float
    core_watts: float

    def share(self, instructions: float) -> float:
        """Give the share of one core that so many instructions a second take."""
        return instructions / (self.hz * self.per_cycle)

    def mwh_a_day(self, instructions: float) -> float:
        """Give the energy of a day at so many instructions a second, beyond the idle board."""
        return self.share(instructions) * self.core_watts * 24_000


BOARDS = (
    Board("Zero 2 W", 1.0e9, 0.7, 0.45),
    Board("3B+", 1.4e9, 0.7, 0.8),
    Board("4", 1.8e9, 1.2, 0.9),
    Board("5", 2.4e9, 1.9, 1.4),
)


def write_sounds(folder: Path) -> dict[str, Path]:
    """Write quiet, surroundings and speech as s16le files."""
    recording, _ = soundfile.read(RECORDING, dtype="float32")
    hiss = 10 ** (QUIET_DBFS / 20) * np.random.default_rng(5).standard_normal(QUIET_S * RATE)

    def cut(spans: tuple[tuple[int, int], ...]) -> np.ndarray:
        return np.concatenate([recording[begin * RATE : end * RATE] for begin, end in spans])

    files = {}
    for name, sound in (("quiet", hiss), ("surroundings", cut(SURROUNDINGS)), ("speech", cut(SPEECH))):
        files[name] = folder / f"{name}.pcm"
        files[name].write_bytes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return files


@dataclass(frozen=True)
class Counted:
    """Millions of instructions: to load, and per second of each kind of sound; and the moments that each gave."""

    runtime: str
    load: float
    per_second: Mapping[str, float]
    moments: Mapping[str, int]

    @property
    def day(self) -> float:
        """Instructions per second over the day."""
        return 1e6 * sum(share * self.per_second[name] for name, share in DAY.items())


def read_counts(out: str, err: str, files: Mapping[str, Path]) -> Counted:
    """Read what guest and plug-in said. Raises WorkError when the guest did not come to its end."""
    counts = [int(found) for found in re.findall(r"^instructions (\d+)$", err, re.MULTILINE)]
    runtime, *lines = out.splitlines() or [""]
    if len(counts) != 2 + 2 * len(files) or len(lines) != len(files):
        said = [line for line in err.splitlines() if not line.startswith("instructions")]
        raise WorkError(f"the pipeline does not run on ARM: {' '.join(said[-3:]) or 'it said nothing'}")
    spent = [(end - begin) / 1e6 for begin, end in zip(counts[2::2], counts[3::2], strict=True)]
    seconds = [path.stat().st_size / 2 / RATE for path in files.values()]
    per_second = {name: each / length for name, each, length in zip(files, spent, seconds, strict=True)}
    moments = {name: int(count) for name, count in (line.split() for line in lines)}
    return Counted(runtime, (counts[1] - counts[0]) / 1e6, per_second, moments)


def count(root: Root, plugin: Path, files: Mapping[str, Path]) -> Counted:
    """Run the guest in a root and count."""
    arguments = [f"{name}={path}" for name, path in files.items()]
    ran = root.run(plugin, CODE, str(HERE / "guest.py"), *arguments)
    return read_counts(ran.stdout, ran.stderr, files)


def figures(counted: Mapping[str, Counted]) -> dict[str, Figure]:
    """Give the table from what was counted on `aarch64` and on `armv7l`."""
    found = {}
    for machine, each in counted.items():
        for name, value in each.per_second.items():
            found[f"{machine}: instructions a second of {name}"] = Figure(value, "million")
            found[f"{machine}: moments of {name}"] = Figure(each.moments[name], "")
        found[f"{machine}: instructions to load"] = Figure(each.load, "million")
    for board in BOARDS:
        share = 100 * board.share(counted["aarch64"].day)
        bar = 8 if board.name == "Zero 2 W" else None
        found[f"{board.name}: share of one core over the day, estimate"] = Figure(share, "%", bar)
        found[f"{board.name}: energy of a day, estimate"] = Figure(board.mwh_a_day(counted["aarch64"].day), "mWh")
    zero = BOARDS[0]
    found["Zero 2 W, 32 bit: share of one core, estimate"] = Figure(100 * zero.share(counted["armv7l"].day), "%", 8)
    found["Zero 2 W, 32 bit: energy of a day, estimate"] = Figure(zero.mwh_a_day(counted["armv7l"].day), "mWh")
    return found


def main() -> int:
    """Make the roots, count, report."""
    parser = argparse.ArgumentParser(prog="bench.arm", description="Count the device's instructions on ARM.")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    help_ = "where the roots are made, and found the next time"
    parser.add_argument("--roots", type=Path, default=cache / "moodscape-arm", help=help_)
    folder = parser.parse_args().roots.absolute()
    try:
        refuse_without_parts()
        roots = [Root(architecture, folder) for architecture in (ARM64, ARMHF)]
        for root in roots:
            root.make()
        with tempfile.TemporaryDirectory() as name:
            plugin = Path(name) / "count.so"
            subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(plugin), str(HERE / "count.c")], check=True)
            files = write_sounds(Path(name))
            counted = {root.architecture.machine: count(root, plugin, files) for root in roots}
    except WorkError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for each in counted.values():
        sys.stdout.write(f"{each.runtime}\n")
    report("arm", figures(counted))
    return 0


if __name__ == "__main__":
    sys.exit(main())
