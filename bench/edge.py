"""What the device costs: speed, memory and start, on the recording that ships.

python -m bench.edge [--yamnet FILE]    prints a table and writes bench/results/edge.json

FILE: YAMNet as TFLite that takes log-mel, to stand beside the device over the same day (it does not ship).
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from bench import day
from bench.table import Figure, report
from edge.sound import RATE
from moodscape.demo.run import RECORDING

COMMAND = [sys.executable, "-c", "import sys; from moodscape.cli import main; sys.exit(main())"]
DAY_MINUTES = 30
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


def cost(*args: str, command: Sequence[str] = COMMAND) -> tuple[float, float]:
    """Run `moodscape …` to its end: CPU seconds, and the largest resident memory in MB."""
    running = subprocess.Popen([*command, *args], stdout=subprocess.DEVNULL, env=os.environ | ONE_THREAD)
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


def scripted_day(folder: Path, yamnet: Path | None) -> dict[str, Figure]:
    """Measure the device over a day of 60 % quiet, 32 % surroundings and 8 % speech, and YAMNet beside it."""
    whole, start = day.write(DAY_MINUTES, folder / "day.wav"), day.write(0.05, folder / "start.wav")
    cpu, resident_mb = cost("read", str(whole))
    ms = 1000 * (cpu - cost("read", str(start))[0]) / (60 * DAY_MINUTES)
    beside: dict[str, Figure] = {}
    if yamnet is not None:
        hearing = [sys.executable, "-m", "bench.peers.yamnet", str(yamnet)]
        seconds = [cost(str(wav), command=hearing)[0] for wav in (whole, start)]
        yamnet_ms = 1000 * (seconds[0] - seconds[1]) / (60 * DAY_MINUTES)
        beside["CPU per second of the same day, YAMNet every 0.96 s"] = Figure(yamnet_ms, "ms/s")
        beside["CPU over the day, share of YAMNet's"] = Figure(ms / yamnet_ms, "", 1)
    return {
        "CPU per second of a scripted day, start left out": Figure(ms, "ms/s", 1),
        **beside,
        "resident memory over the day": Figure(resident_mb, "MB", 100),
    }


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--yamnet", type=Path)
    yamnet = parser.parse_args().yamnet
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short_cpu, short_mb = cost("read", str(repeated(10, folder / "ten-minutes.wav")))
        start_cpu, _ = cost("read", str(repeated(0.05, folder / "three-seconds.wav")))
        three_hours = repeated(180, folder / "three-hours.wav")
        long_cpu, long_mb = cost("read", str(three_hours))
        over_a_day = scripted_day(folder, yamnet)
        starts = [seconds_to_listening(folder) for _ in range(5)]
    sound_s = 180 * 60
    report(
        "edge",
        {
            "sound read per CPU second, start included (10 min)": Figure(600 / short_cpu, "s/s", 100, "at least"),
            "CPU per second of mixed sound, start left out": Figure(1000 * (long_cpu - start_cpu) / sound_s, "ms/s"),
            **over_a_day,
            "resident memory, 10 minutes": Figure(short_mb, "MB", 150),
            "resident memory, 3 hours": Figure(long_mb, "MB", 150),
            "growth from 10 minutes to 3 hours": Figure(long_mb - short_mb, "MB", 1),
            "start to listening, median of 5": Figure(float(np.median(starts)), "s", 1.5),
        },
    )


if __name__ == "__main__":
    main()
