"""Sound that the corpora lack, made here: music, coloured noise, rooms."""

import numpy as np

from edge.sound import RATE, Samples

_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 3, 5, 7, 10), (0, 2, 4, 7, 9))


def coloured_noise(rng: np.random.Generator, n: int) -> Samples:
    """Noise whose power falls with frequency to a random power between 0 (white) and 2 (brown): float32 [n]."""
    size = 1 << int(np.ceil(np.log2(n)))
    spectrum = np.fft.rfft(rng.standard_normal(size).astype(np.float32))
    slope = rng.choice([0.0, 0.5, 1.0]) if rng.random() < 0.7 else rng.uniform(0, 1)
    spectrum *= np.maximum(np.arange(len(spectrum)), size / 400).astype(np.float32) ** -slope
    sound = np.fft.irfft(spectrum, size)[:n].astype(np.float32)
    if rng.random() < 0.3:  # gusts
        knots = np.interp(np.arange(n), np.linspace(0, n, 12), rng.uniform(0.1, 1, 12))
        sound *= knots.astype(np.float32)
    return unit(sound)


def music(rng: np.random.Generator, n: int) -> Samples:
    """A melody, chords and drums, any of them absent: float32 [n] of unit power."""
    sound = np.zeros(n, np.float32)
    beat = int(RATE * 60 / rng.uniform(60, 160))
    scale, root = _SCALES[rng.integers(len(_SCALES))], rng.uniform(48, 62)
    timbre = rng.uniform(0.3, 1.6), float(rng.random() < 0.5), rng.uniform(1.5, 12)
    has = rng.random(3) < (0.75, 0.6, 0.5)
    for start in range(0, n, beat):
        if has[0]:
            at = start
            for length in rng.choice([beat, beat // 2, beat // 4], rng.integers(1, 4)):
                degree = rng.integers(0, 2 * len(scale))
                pitch = root + 12 + scale[degree % len(scale)] + 12 * (degree // len(scale))
                _add(sound, at, _note(rng, pitch, int(length * rng.uniform(0.8, 1.5)), timbre))
                at += int(length)
        if has[1] and (start // beat) % 4 == 0:
            first = rng.integers(0, len(scale))
            for third in range(3):
                degree = first + 2 * third
                pitch = root + scale[degree % len(scale)] + 12 * (degree // len(scale))
                _add(sound, start, 0.6 * _note(rng, pitch, 4 * beat, (timbre[0] + 0.3, timbre[1], 1.0)))
        if has[2]:
            _add(sound, start, _drum(rng, int((start // beat) % 2)))
            _add(sound, start + beat // 2, 0.4 * _drum(rng, 2))
    if not sound.any():
        return music(rng, n)
    return unit(sound)


def calls(rng: np.random.Generator, n: int) -> Samples:
    """Whistles, horns, sirens and whines: harmonic tones that glide as no voice that forms words does. float32 [n]."""
    sound, at = np.zeros(n, np.float32), 0
    while at < n:
        length = int(RATE * rng.uniform(0.1, 3.0))
        knots = int(rng.integers(2, 6))
        hz = np.exp(rng.uniform(np.log(70), np.log(2500)) + rng.normal(0, rng.choice([0.02, 0.15, 0.4]), knots))
        glide = np.interp(np.arange(length), np.linspace(0, length, knots), hz)
        phase = 2 * np.pi * np.cumsum(glide) / RATE
        part, slope = np.zeros(length, np.float32), rng.uniform(0.2, 1.8)
        for k in range(1, min(20, int(7500 / glide.max())) + 1):
            part += np.float32(k**-slope * rng.uniform(0.2, 1)) * np.sin(k * phase).astype(np.float32)
        ends = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / (rng.uniform(0.01, 0.1) * RATE))
        _add(sound, at, part * ends.astype(np.float32) * np.float32(10 ** (rng.uniform(-10, 0) / 20)))
        at += int(length * rng.uniform(0.5, 1.5)) + int(rng.exponential(0.4) * RATE)
    return unit(sound)


def room(rng: np.random.Generator, far: bool) -> Samples:
    """The response of a room to a voice, exponentially decaying noise behind the direct sound: float32 [m].

    Near: 0.1 to 0.5 s of reverberation, the direct sound 2 to 15 dB above it. Far: 0.4 to 1.5 s and -12 to -2 dB.
    """
    rt60 = rng.uniform(0.4, 1.5) if far else rng.uniform(0.1, 0.5)
    direct_db = rng.uniform(-12, -2) if far else rng.uniform(2, 15)
    n = int(rt60 * RATE)
    tail = rng.standard_normal(n).astype(np.float32) * np.exp(-6.9 * np.arange(n, dtype=np.float32) / n)
    tail[: rng.integers(16, 320 if far else 80)] = 0  # the first reflection comes later than the direct sound
    # Air and walls take the high frequencies: a one-pole low-pass in its simplest, averaged form.
    width = int(rng.integers(1, 6))
    tail = np.convolve(tail, np.ones(width, np.float32) / width)[:n]
    tail /= np.sqrt(np.dot(tail, tail)) + 1e-9
    tail[0] += 10 ** (direct_db / 20)
    response: Samples = (tail / np.sqrt(np.dot(tail, tail))).astype(np.float32)
    return response


def convolved(sound: Samples, response: Samples) -> Samples:
    """Convolve by FFT, cut to the sound's length: float32 [n]."""
    size = 1 << int(np.ceil(np.log2(len(sound) + len(response))))
    wet: Samples = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)[: len(sound)]
    return wet.astype(np.float32)


def unit(sound: Samples) -> Samples:
    """Scale to a mean power of one; silence stays."""
    scaled: Samples = (sound / (np.sqrt(np.mean(sound**2)) + 1e-9)).astype(np.float32)
    return scaled


def _note(rng: np.random.Generator, pitch: float, n: int, timbre: tuple[float, float, float]) -> Samples:
    slope, odd, decay = timbre
    hz = 440 * 2 ** ((pitch - 69) / 12)
    t = np.arange(n, dtype=np.float32) / RATE
    phase = 2 * np.pi * hz * t + rng.uniform(0, 0.4) * np.sin(2 * np.pi * rng.uniform(4, 6.5) * t)
    sound = np.zeros(n, np.float32)
    for k in range(1, min(10, int(7800 / hz)) + 1):
        weight = k**-slope * (1 - 0.8 * odd * (k % 2 == 0))
        sound += np.float32(weight) * np.sin(k * phase + rng.uniform(0, 6.28))
    ends = np.minimum(1, np.minimum(np.arange(n), np.arange(n)[::-1]) / (0.01 * RATE)).astype(np.float32)
    return sound * ends * np.exp(-decay * t)


def _drum(rng: np.random.Generator, kind: int) -> Samples:
    t = np.arange(int(0.25 * RATE), dtype=np.float32) / RATE
    if kind == 0:
        return 3 * np.sin(2 * np.pi * (50 * t + 6 * (1 - np.exp(-30 * t)))) * np.exp(-12 * t)
    noise = rng.standard_normal(len(t)).astype(np.float32)
    return noise * np.exp(-rng.uniform(15, 30) * t) if kind == 1 else np.diff(noise, append=0) * np.exp(-60 * t)


def _add(sound: Samples, at: int, part: Samples) -> None:
    part = part[: max(0, len(sound) - at)]
    sound[at : at + len(part)] += part
