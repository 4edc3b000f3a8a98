"""What the device costs: speed, memory and start, on the recording that ships.

python -m bench.edge            prints a table and writes bench/results/edge.json
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from bench.table import Figure, report
from edge.sound import RATE
from moodscape.demo.run import RECORDING

COMMAND = [sys.executable, "-c", "import sys; from moodscape.cli import main; sys.exit(main())"]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def repeated(minutes: float, into: Path) -> Path:
    """Write the recording over and over for so many minutes, as 16-bit WAV."""
    sound, rate = soundfile.read(RECORDING, dtype="int16")
    assert rate == RATE
    left = int(minutes * 60 * RATE)
    with soundfile.SoundFile(into, "w", RATE, 1, "PCM_16") as out:
        while left > 0:
            out.write(sound[:left])
            left -= len(sound)
    return into


def cost(*args: str) -> tuple[float, float]:
    """Run `moodscape …` to its end: CPU seconds, and the largest resident memory in MB."""
    running = subprocess.Popen([*COMMAND, *args], stdout=subprocess.DEVNULL, env=os.environ | ONE_THREAD)
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    assert running.returncode == 0, args
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def seconds_to_listening(folder: Path) -> float:
    """Start the device on a pipe and wait for its word that it listens."""
    log = folder / "start.log"
    begun = time.monotonic()
    with log.open("wb") as out:
        settings = ["--set", "source=pipe:-", "--set", f"outbox.path={folder / 'outbox.db'}", "--set", "broker.port=9"]
        running = subprocess.Popen([*COMMAND, "edge", "run", *settings], stdin=subprocess.PIPE, stderr=out)
    try:
        while not re.search("listening", log.read_text()):
            assert running.poll() is None, log.read_text()
            assert time.monotonic() - begun < 30
            time.sleep(0.01)
        return time.monotonic() - begun
    finally:
        running.kill()
        running.communicate()


def main() -> None:
    """Measure and report."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short_cpu, short_mb = cost("read", str(repeated(10, folder / "ten-minutes.wav")))
        start_cpu, _ = cost("read", str(repeated(0.05, folder / "three-seconds.wav")))
        three_hours = repeated(180, folder / "three-hours.wav")
        long_cpu, long_mb = cost("read", str(three_hours))
        starts = [seconds_to_listening(folder) for _ in range(5)]
    sound_s = 180 * 60
    report(
        "edge",
        {
            "sound read per CPU second, start included (10 min)": Figure(600 / short_cpu, "s/s", 100, "at least"),
            "CPU per second of mixed sound, start left out": Figure(1000 * (long_cpu - start_cpu) / sound_s, "ms/s"),
            "resident memory, 10 minutes": Figure(short_mb, "MB", 150),
            "resident memory, 3 hours": Figure(long_mb, "MB", 150),
            "growth from 10 minutes to 3 hours": Figure(long_mb - short_mb, "MB", 1),
            "start to listening, median of 5": Figure(float(np.median(starts)), "s", 1.5),
        },
    )


if __name__ == "__main__":
    main()
