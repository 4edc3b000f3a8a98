"""Hears a voice somewhere else: another pitch and pace, room, noise, band and codec."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import soundfile
import soxr
from scipy.signal import butter, oaconvolve, sosfilt

from edge.sound import RATE, Samples
from training.corpora import read, sounds

_TELEPHONES: Final = (("WAV", "ULAW", 8_000), ("WAV", "GSM610", 8_000), ("MP3", "MPEG_LAYER_III", 16_000))
"""Container, codec and rate of what a voice may come through: landline, old mobile, a small MP3."""


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
        pitch, pace = 2 ** rng.uniform(-1.5 / 12, 1.5 / 12), rng.uniform(0.92, 1.08)
        moved = stretch(soxr.resample(speech, RATE, RATE / pitch).astype(np.float32), pitch / pace)
        if rng.random() < 0.5:
            moved = oaconvolve(moved, _room(rng))[: len(moved)].astype(np.float32)
        if rng.random() < 0.8:
            moved = self.mix(moved, rng.uniform(*self.snr_db), rng)
        kind = rng.random()
        if kind < 0.2:
            moved = coded(moved, *_TELEPHONES[rng.integers(len(_TELEPHONES))])
        elif kind < 0.4:  # a cheap microphone: nothing above 3 to 7 kHz
            low = round(2 * rng.uniform(3_000, 7_000))
            moved = soxr.resample(soxr.resample(moved, RATE, low), low, RATE).astype(np.float32)
        return (moved * 10 ** (rng.uniform(-20, 0) / 20)).astype(np.float32)

    def mix(self, speech: Samples, snr_db: float, rng: np.random.Generator) -> Samples:
        """Add a noise at a ratio of mean powers: float32 [n] to float32 [n]."""
        noise = self.noises[rng.integers(len(self.noises))]
        noise = np.resize(np.roll(noise, int(rng.integers(len(noise)))), len(speech))
        powers = [float(np.mean(np.square(part, dtype=np.float64))) + 1e-12 for part in (speech, noise)]
        gain = np.sqrt(powers[0] / powers[1] * 10 ** (-snr_db / 10))
        return (speech + gain * noise).astype(np.float32)


def stretch(samples: Samples, longer: float) -> Samples:
    """Make speech longer or shorter at the same pitch: float32 [n] to about [n * longer].

    Frames of 32 ms are laid half over each other, each taken from where it continues the one before best (WSOLA,
    Verhelst and Roelands 1993, ICASSP).
    """
    frame, hop, search = 512, 256, 128
    window = np.hanning(frame + 1)[:-1]
    padded = np.pad(samples.astype(np.float64), (search, frame + 2 * search))
    count = max(1, round(len(samples) * longer / hop))
    result = np.zeros(count * hop + frame)
    wanted = padded[search : search + frame]
    for number in range(count):
        begin = min(int(number * hop / longer), len(samples))
        region = padded[begin : begin + frame + 2 * search]
        best = begin + int(np.argmax(np.correlate(region, wanted, "valid")))
        result[number * hop : number * hop + frame] += window * padded[best : best + frame]
        wanted = padded[best + hop : best + hop + frame]
        wanted = np.pad(wanted, (0, frame - len(wanted)))
    return result[: count * hop].astype(np.float32)


def coded(samples: Samples, container: str, codec: str, rate: int) -> Samples:
    """Send speech through a codec and back: float32 [n] at 16 kHz to [n]."""
    top = max(1.0, float(np.abs(samples).max()))
    file = io.BytesIO()
    soundfile.write(file, soxr.resample(samples / top, RATE, rate), rate, format=container, subtype=codec)
    file.seek(0)
    back = soxr.resample(soundfile.read(file, dtype="float32")[0], rate, RATE) * top
    return np.resize(np.pad(back, (0, max(0, len(samples) - len(back)))), len(samples)).astype(np.float32)


def telephone(speech: Samples) -> Samples:
    """Send speech through a landline: 300 to 3400 Hz (ITU-T G.712), A-law at 8 kHz (G.711). No `Rooms` have one."""
    band = butter(4, (300, 3_400), "bandpass", fs=RATE, output="sos")
    return coded(sosfilt(band, speech).astype(np.float32), "WAV", "ALAW", 8_000)


def _room(rng: np.random.Generator) -> Samples:
    """Make a room's response: a direct sound and a tail of noise that falls by 60 dB in 0.15 to 0.6 s."""
    decay_s = rng.uniform(0.15, 0.6)
    length = int(decay_s * RATE)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail *= rng.uniform(0.1, 0.5) / np.sqrt(np.sum(tail**2))
    tail[0] += 1.0
    return tail.astype(np.float32)
