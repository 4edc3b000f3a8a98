"""A scripted day: 60 % quiet, 32 % surroundings, 8 % speech, as a WAV."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from edge.sound import RATE
from moodscape.demo.run import RECORDING

_SPEECH: Final = ((15, 21), (42, 48), (79, 85))
_SURROUNDINGS: Final = ((3, 15), (25, 37), (48, 60), (64, 78), (86, 98), (104, 114))
"""Seconds of the demo's recording: birds, an engine, music, rain, waves, crickets."""
_QUIET_DBFS: Final = -70.0
"""A room at night: the microphone's own noise."""

QUIET_SHARE: Final = 1.5
"""Seconds of quiet after each second of sound."""


def stretches() -> Iterator[tuple[int, int, bool]]:
    """Give what is heard in one round, in order: begin and end in the demo's recording (s), speech or not."""
    yield from ((begin, end, True) for begin, end in _SPEECH)
    yield from ((begin, end, False) for begin, end in _SURROUNDINGS)


def write(minutes: float, into: Path) -> Path:
    """Write the day, shortened to so many minutes: every sound of the script and quiet after it, over and over."""
    recording, _ = soundfile.read(RECORDING, dtype="float32")
    rng = np.random.default_rng(5)
    left = int(minutes * 60 * RATE)
    with soundfile.SoundFile(into, "w", RATE, 1, "PCM_16") as out:
        while left > 0:
            for begin, end, _ in stretches():
                seconds = (end - begin) * QUIET_SHARE
                hiss = 10 ** (_QUIET_DBFS / 20) * rng.standard_normal(int(seconds * RATE))
                for sound in (recording[begin * RATE : end * RATE], hiss.astype(np.float32)):
                    out.write(sound[:left])
                    left = max(0, left - len(sound))
    return into
