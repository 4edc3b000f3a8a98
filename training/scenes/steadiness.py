"""How many moments a long ambience makes: each recording again and again until half an hour is full."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Final

import numpy as np

from edge.models.scene_table import table
from edge.models.scenes import WINDOW, SceneReading
from edge.overlap import Overlap
from edge.sound import RATE, Samples, Segment, level_dbfs
from edge.steady import Steady, Stretch, Window

LONG_S: Final = 1800.0
MOST: Final = 12
SOON_S: Final = 10.0
"""A moment that lasts less and is followed by one of another scene was contradicted."""

_SUDDEN: Final = frozenset(row.label for row in table() if row.sudden)


@dataclass(frozen=True)
class HalfHour:
    """What half an hour of one ambience made: how many moments, how many of them were soon contradicted."""

    label: str
    moments: int
    contradicted: int


def half_hour(label: str, samples: Samples, read: Callable[[Samples], SceneReading]) -> HalfHour:
    """Play one recording over and over through the overlapping windows and the steadiness of the device.

    The recording is cut to whole windows, so that each is read once and remembered. It has no gate before it: what
    the gate would call speech is heard as surroundings here.
    """
    whole = max(1, len(samples) // WINDOW) * WINDOW
    samples = np.resize(samples, whole) if len(samples) < WINDOW else samples[:whole]
    remembered: dict[bytes, SceneReading] = {}

    def read_once(window: Samples) -> SceneReading:
        key = hashlib.blake2b(window.tobytes(), digest_size=16).digest()
        if key not in remembered:
            remembered[key] = read(window)
        return remembered[key]

    numbers = count()
    overlap, steady = Overlap(read_once, _SUDDEN), Steady(_SUDDEN, lambda: str(next(numbers)))
    stretches: list[Stretch] = []
    for index in range(int(LONG_S * RATE) // WINDOW):
        begin = index * WINDOW % whole
        segment = Segment("scene", samples[begin : begin + WINDOW], index * WINDOW / RATE)
        level = level_dbfs(segment.samples)
        stretches += steady.feed(Window(segment.at, segment.seconds, level, overlap.read(segment)))
    stretches += steady.close()
    contradicted = sum(
        before.label != after.label and before.seconds < SOON_S and not {before.label, after.label} & _SUDDEN
        for before, after in pairwise(stretches)
    )
    return HalfHour(label, len(stretches), contradicted)
