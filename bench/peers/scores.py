"""What the day's script says of speech, and how well a contender's words agree with it."""

import json
import subprocess
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench import day
from bench.edge import COMMAND

_STEP_S = 0.1


def script(seconds: float) -> NDArray[np.bool_]:
    """Where the day has speech: bool, ten a second."""
    truth, at = np.zeros(round(seconds / _STEP_S), bool), 0.0
    while at < seconds:
        for begin, end, speech in day.stretches():
            if speech:
                truth[round(at / _STEP_S) : round((at + end - begin) / _STEP_S)] = True
            at += (end - begin) * (1 + day.QUIET_SHARE)
    return truth


def ours(wav: Path) -> list[tuple[float, float]]:
    """Give end and length (s) of each utterance that this pipeline finds in a recording."""
    read = [*COMMAND, "read", "--json", "--start", "1970-01-01T00:00:00Z", str(wav)]
    lines = subprocess.run(read, capture_output=True, text=True, check=True).stdout.splitlines()
    said = [moment for moment in map(json.loads, lines) if moment["basis"] == "speech"]
    return [(datetime.fromisoformat(one["start"]).timestamp() + one["seconds"], one["seconds"]) for one in said]


def speech(spans: Iterable[tuple[float, float]], truth: NDArray[np.bool_]) -> tuple[float, float]:
    """Compare spans called speech, (end, seconds) each: share of the speech that is in them, share of the rest."""
    called = np.zeros(len(truth), bool)
    for end, seconds in spans:
        called[max(0, round((end - seconds) / _STEP_S)) : round(end / _STEP_S)] = True
    return float(called[truth].mean()), float(called[~truth].mean())
