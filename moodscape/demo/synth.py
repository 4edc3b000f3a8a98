"""Makes the demo's recording: a short day of synthesised sounds and voices, and nothing recorded of anybody.

    python -m moodscape.demo.synth OUT.ogg       needs espeak-ng for the voices

It shows that the parts work together. It proves nothing about accuracy: the voices are a speech synthesiser's.
"""

import io
import subprocess
import sys
from collections.abc import Callable
from typing import Final

import numpy as np
import soundfile
import soxr

from edge.sound import RATE, Samples

_SEED: Final = 7


def _band(rng: np.random.Generator, seconds: float, low_hz: float, high_hz: float, slope: float = 0.0) -> Samples:
    """Noise between two frequencies whose amplitude falls as f**-slope, peak 1."""
    n = int(seconds * RATE)
    spectrum = rng.normal(size=n // 2 + 1) + 1j * rng.normal(size=n // 2 + 1)
    hz = np.fft.rfftfreq(n, 1 / RATE)
    spectrum *= ((hz >= low_hz) & (hz <= high_hz)) * np.maximum(hz, 20.0) ** -slope
    sound = np.fft.irfft(spectrum, n)
    loudest_is_one: Samples = (sound / np.abs(sound).max()).astype(np.float32)
    return loudest_is_one


def _tone(seconds: float, hz: float | Samples) -> Samples:
    """A sine, or one that follows a frequency per sample."""
    steps = np.full(int(seconds * RATE), hz, np.float64) if isinstance(hz, float) else hz.astype(np.float64)
    return np.sin(2 * np.pi * np.cumsum(steps) / RATE).astype(np.float32)


def _place(into: Samples, sound: Samples, at_s: float, gain: float = 1.0) -> None:
    begin = int(at_s * RATE)
    end = min(len(into), begin + len(sound))
    into[begin:end] += gain * sound[: end - begin]


def rain(rng: np.random.Generator, seconds: float) -> Samples:
    """A hiss with many small drops."""
    sound = 0.12 * _band(rng, seconds, 400, 7800, 0.3)
    for at in rng.uniform(0, seconds - 0.05, int(seconds * 60)):
        drop = _band(rng, 0.012, 1500, 7000) * np.exp(-np.arange(int(0.012 * RATE)) / 40).astype(np.float32)
        _place(sound, drop, float(at), float(rng.uniform(0.05, 0.25)))
    return sound


def waves(rng: np.random.Generator, seconds: float) -> Samples:
    """Noise that swells and breaks every few seconds."""
    t = np.arange(int(seconds * RATE)) / RATE
    swell = (0.5 - 0.5 * np.cos(2 * np.pi * t / 6.0)) ** 2
    return (0.35 * (0.15 + swell) * _band(rng, seconds, 60, 5000, 0.6)).astype(np.float32)


def birds(rng: np.random.Generator, seconds: float) -> Samples:
    """Chirps over a quiet garden."""
    sound = 0.01 * _band(rng, seconds, 100, 4000, 0.7)
    at = 0.2
    while at < seconds - 0.6:
        for _ in range(int(rng.integers(2, 6))):
            n = int(0.09 * RATE)
            base = rng.uniform(2800, 4600)
            sweep = (base + 900 * np.sin(np.linspace(0, np.pi * rng.uniform(1, 3), n))).astype(np.float32)
            _place(sound, _tone(0.09, sweep) * np.hanning(n).astype(np.float32), at, 0.2)
            at += float(rng.uniform(0.10, 0.16))
        at += float(rng.uniform(0.3, 0.9))
    return sound


def engine(rng: np.random.Generator, seconds: float) -> Samples:
    """A motor at constant speed with its road noise."""
    t = np.arange(int(seconds * RATE)) / RATE
    hum = sum(np.sin(2 * np.pi * 38 * k * t + k) / k for k in range(1, 14))
    return (0.05 * hum * (1 + 0.2 * np.sin(2 * np.pi * 9 * t)) + 0.15 * _band(rng, seconds, 40, 2500, 0.9)).astype(
        np.float32
    )


def siren(_rng: np.random.Generator, seconds: float) -> Samples:
    """A rising and falling wail."""
    t = np.arange(int(seconds * RATE)) / RATE
    sweep = (900 + 500 * np.sin(2 * np.pi * t / 3)).astype(np.float32)
    wail = _tone(seconds, sweep)
    return (0.25 * np.tanh(3 * wail)).astype(np.float32)


def crickets(rng: np.random.Generator, seconds: float) -> Samples:
    """Trills of a summer night."""
    t = np.arange(int(seconds * RATE)) / RATE
    trill = (np.sin(2 * np.pi * 28 * t) > 0) * (np.sin(2 * np.pi * 1.6 * t) > -0.2)
    return (0.12 * trill * _tone(seconds, 4700.0) + 0.008 * _band(rng, seconds, 100, 6000, 0.5)).astype(np.float32)


def music(_rng: np.random.Generator, seconds: float) -> Samples:
    """A slow progression of plucked chords."""
    sound = np.zeros(int(seconds * RATE), np.float32)
    chords = ((220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (261.6, 329.6, 392.0), (196.0, 246.9, 293.7))
    for step, at in enumerate(np.arange(0, seconds - 0.5, 0.25)):
        chord = chords[(step // 8) % 4]
        hz = chord[step % 3] * (2 if step % 4 == 3 else 1)
        n = int(1.2 * RATE)
        note = sum(_tone(1.2, hz * k) / k**1.5 for k in range(1, 6)) * np.exp(-np.arange(n) / (0.35 * RATE))
        _place(sound, note.astype(np.float32), float(at), 0.1)
    return sound


def voice(text: str, name: str, *, pitch: int, speed: int, gain: float) -> Samples:
    """A sentence by espeak-ng at 16 kHz."""
    spoken = subprocess.run(
        ["espeak-ng", "--stdout", "-v", name, "-p", str(pitch), "-s", str(speed), text], check=True, capture_output=True
    ).stdout
    sound, rate = soundfile.read(io.BytesIO(spoken), dtype="float32")
    sound = soxr.resample(sound, rate, RATE)
    scaled: Samples = (gain * sound / np.abs(sound).max()).astype(np.float32)
    return scaled


def quiet(_rng: np.random.Generator, seconds: float) -> Samples:
    """Nothing at all."""
    return np.zeros(int(seconds * RATE), np.float32)


def day() -> Samples:
    """The whole recording: float32 [n], 16 kHz, about two minutes."""
    rng = np.random.default_rng(_SEED)

    def spoken(text: str, *, pitch: int, speed: int, name: str = "en-us") -> Callable[..., Samples]:
        return lambda rng, seconds: _mixed(
            quiet(rng, seconds) + 0.002 * _band(rng, seconds, 80, 4000, 0.8),
            voice(text, name, pitch=pitch, speed=speed, gain=0.5),
        )

    script: list[tuple[Callable[..., Samples], float]] = [
        (quiet, 3.0),
        (birds, 12.0),
        (spoken("Good morning! What a beautiful day it is. I am so happy to see you.", pitch=80, speed=190), 6.0),
        (quiet, 4.0),
        (engine, 12.0),
        (siren, 5.0),
        (spoken("Stop that! I told you not to do this again. Leave it alone, now.", pitch=35, speed=210), 6.0),
        (music, 12.0),
        (quiet, 4.0),
        (rain, 15.0),
        (spoken("I miss the way it was. Nothing feels the same any more.", pitch=20, speed=110), 6.0),
        (waves, 14.0),
        (quiet, 5.0),
        (crickets, 12.0),
        (quiet, 2.0),
    ]
    return np.concatenate([make(rng, seconds) for make, seconds in script])


def _mixed(under: Samples, over: Samples) -> Samples:
    _place(under, over, 0.5)
    return under


def main() -> int:
    """Write the recording to the path given."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m moodscape.demo.synth OUT.ogg\n")
        return 2
    soundfile.write(sys.argv[1], np.clip(day(), -1, 1), RATE, format="OGG", subtype="VORBIS")
    return 0


if __name__ == "__main__":
    sys.exit(main())
