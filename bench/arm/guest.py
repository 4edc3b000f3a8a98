"""Runs inside the ARM root: loads the daemon's pipeline (and with it the weights' self-tests), then hears each sound.

python guest.py NAME=PCM…    16 kHz mono s16le files; prints how many moments each gave

Each begin and end of a sound is marked by the system call `getppid`, at which the plug-in tells its count.
"""

import os
import platform
import sys
from pathlib import Path

import numpy as np

from edge.models import interpreter
from edge.pipeline import Pipeline
from edge.sound import RATE, Block

BUFFER = RATE // 12
"""What a microphone brings at once."""


def hear(pipeline: Pipeline, samples: np.ndarray, at: float) -> int:
    """Feed float32 [n] as a microphone would, from monotonic time `at` on; give how many moments it made."""
    made = 0
    for begin in range(0, len(samples) - BUFFER, BUFFER):
        made += len(pipeline.feed(Block(samples[begin : begin + BUFFER], at + begin / RATE)))
    return made + len(pipeline.flush())


def main() -> None:
    """Hear every sound once before it counts, and once when it does."""
    os.getppid()
    pipeline = Pipeline.load()
    os.getppid()
    runtime = interpreter._runtime  # noqa: SLF001 (which of the two, for the report)
    sys.stdout.write(f"{platform.machine()} {runtime} self-tests hold\n")
    at = 0.0
    for argument in sys.argv[1:]:
        name, _, path = argument.partition("=")
        samples = np.frombuffer(Path(path).read_bytes(), "<i2").astype(np.float32) / np.float32(32768)
        hear(pipeline, samples[: 6 * RATE], at)
        at += 1000.0
        os.getppid()
        made = hear(pipeline, samples, at)
        os.getppid()
        at += 1000.0
        sys.stdout.write(f"{name} {made}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
