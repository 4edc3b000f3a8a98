"""Hears a voice somewhere else: another room, noise, level, band and speed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import soxr

from edge.sound import RATE, Samples
from training.corpora import read, sounds


@dataclass(frozen=True)
class Rooms:
    """Noises to mix in, and how much. `snr_db`: the range that the ratio of speech to noise is drawn from."""

    noises: list[Samples]
    snr_db: tuple[float, float] = (5.0, 30.0)

    @classmethod
    def of_esc50(cls, data: Path, folds: tuple[int, ...] = (1, 2, 3, 4), every: int = 4) -> Self:
        """Take every fourth recording of some folds of ESC-50 as noise."""
        chosen = [sound for sound in sounds(data, "esc50") if sound.fold in folds][::every]
        noises = [read(sound.path) for sound in chosen]
        return cls([noise for noise in noises if np.abs(noise).max() > 1e-3])

    def put(self, speech: Samples, seed: int) -> Samples:
        """Change one utterance, float32 [n] at 16 kHz to another length; the same for the same seed."""
        rng = np.random.default_rng(seed)
        speed = rng.uniform(0.92, 1.08)
        moved = soxr.resample(speech, RATE, RATE / speed).astype(np.float32)
        if rng.random() < 0.5:
            moved = np.convolve(moved, _room(rng))[: len(moved)].astype(np.float32)
        if rng.random() < 0.3:  # a telephone or a cheap microphone: nothing above 3.4 to 6 kHz
            low = round(2 * rng.uniform(3_400, 6_000))
            moved = soxr.resample(soxr.resample(moved, RATE, low), low, RATE).astype(np.float32)
        return self.mix(moved, rng.uniform(*self.snr_db), rng)

    def mix(self, speech: Samples, snr_db: float, rng: np.random.Generator) -> Samples:
        """Add a noise at a ratio of mean powers: float32 [n] to float32 [n]."""
        noise = self.noises[rng.integers(len(self.noises))]
        noise = np.resize(np.roll(noise, int(rng.integers(len(noise)))), len(speech))
        powers = [float(np.mean(np.square(part, dtype=np.float64))) + 1e-12 for part in (speech, noise)]
        gain = np.sqrt(powers[0] / powers[1] * 10 ** (-snr_db / 10))
        return (speech + gain * noise).astype(np.float32)


def _room(rng: np.random.Generator) -> Samples:
    """Make a room's response: a direct sound and a tail of noise that falls by 60 dB in 0.15 to 0.6 s."""
    decay_s = rng.uniform(0.15, 0.6)
    length = int(decay_s * RATE)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail *= rng.uniform(0.1, 0.5) / np.sqrt(np.sum(tail**2))
    tail[0] += 1.0
    return tail.astype(np.float32)
