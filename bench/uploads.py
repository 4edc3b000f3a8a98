"""What reading an hour that was uploaded costs: times real time by the reader's own CPU time, and its memory.

    python -m bench.uploads [--minutes 60]

The hour is the recording that ships, again and again, in the format of an iPhone's voice memo (M4A, AAC). CPU time is
user and system of the reader's process on one core, its start included, so that what else runs does not count.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av

from bench.table import Figure, report
from hub.records.decode import Sound
from moments import uuid7
from moodscape.demo.run import RECORDING

RATE = 16_000


def make(path: Path, seconds: float) -> None:
    """Write a recording of so many seconds."""
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=RATE, layout="mono")
        given = 0
        while given < seconds * RATE:
            for block in Sound(RECORDING).blocks():
                frame = av.AudioFrame.from_ndarray(block.samples.reshape(1, -1), format="fltp", layout="mono")
                frame.sample_rate, frame.pts = RATE, given
                given += len(block.samples)
                for packet in stream.encode(frame):
                    out.mux(packet)
                if given >= seconds * RATE:
                    break
        for packet in stream.encode(None):
            out.mux(packet)


def read(path: Path) -> tuple[float, float, float, float, int]:
    """Read it as the hub does; gives (seconds of sound, CPU s, wall s, peak MB, moments)."""
    asked = {
        "path": str(path),
        "record": uuid7(),
        "device": "upload",
        "begins": "2026-05-22T09:30:00+09:00",
        "made": "2026-05-22T10:30:00+09:00",
        "rules": None,
    }
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "hub.records.reading"], input=json.dumps(asked).encode(), capture_output=True, check=True
    )
    wall = time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1]["error"] is None, lines[-1]
    moments = sum("moment" in line for line in lines)
    return lines[-1]["seconds"], used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1000, moments


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hour.m4a"
        make(path, args.minutes * 60)
        seconds, cpu, wall, peak, moments = read(path)
    sys.stdout.write(f"{seconds:.0f} s of sound, {moments} moments; {cpu:.1f} s CPU, {wall:.1f} s by the clock\n")
    report(
        "hub",
        {
            "1 h upload: times real time, CPU": Figure(seconds / cpu, "x", 100, "at least"),
            "1 h upload: the reader's memory": Figure(peak, "MB", 300),
        },
        write=args.minutes >= 60,
        beside=True,
    )


if __name__ == "__main__":
    main()
