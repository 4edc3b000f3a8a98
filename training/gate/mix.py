"""Tracks to train and measure the gate with: near voices, far voices and noise, labelled by the clean speech."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edge.gate.features import BANDS, CARRY, FRESH, STEP
from edge.models.frontend import FFT, HOP, WINDOW, power_frames, slaney_bands
from edge.sound import Samples
from training.gate.bank import VOICED, Bank, floats
from training.gate.sounds import calls, coloured_noise, convolved, music, room, unit

CALLS: Final = 133
"""Calls of the net in one clip."""
FRAMES: Final = CARRY + CALLS * FRESH
STEPS: Final = CALLS * FRESH // STEP
LENGTH: Final = FFT + (FRAMES - 1) * HOP
"""Samples in one clip: 12 s."""

Kind = Literal["near", "far", "babble", "events", "noise"]

_ACTIVE_DB: Final = 25.0
"""Speech is what lies less than this below an utterance's loud frames; like ITU-T P.56, whose margin of 15.9 dB counts
from the mean level of the active speech, which is less."""
_BRIDGED: Final = 8
"""Gaps in speech of at most this many frames (80 ms, the closure of a plosive) belong to it."""
_NOTHING: Final = np.float32(1e-6)
"""Mel power 67 dB below white noise of unit power."""


@dataclass
class Track:
    """12 s of one kind of sound, to be mixed with others.

    `mel`: float16 [FRAMES, 40], the natural log of the mel power where the sound (a voice: while it speaks) has unit
    power. `on`: bool [FRAMES], where somebody speaks. `known`: False where somebody else may be speaking too.
    """

    mel: NDArray[np.float16]
    on: NDArray[np.bool_]
    known: bool = True


def active(clean: Samples) -> NDArray[np.bool_]:
    """Tell the frames in which one clean utterance speaks: float32 [n] to bool [1 + (n - 512) // 160]."""
    power = frame_power(clean)
    if not len(power):
        return np.zeros(0, bool)
    speaks = power > np.quantile(power, 0.95) * 10 ** (-_ACTIVE_DB / 10)
    on = np.flatnonzero(speaks)
    for a, b in pairwise(on):
        if b - a <= _BRIDGED:
            speaks[a:b] = True
    return speaks


def frame_power(sound: Samples) -> NDArray[np.float64]:
    """Give the mean power of each frame: float32 [n] to float64 [1 + (n - 512) // 160]."""
    frames = max(0, 1 + (len(sound) - FFT) // HOP)
    total = np.concatenate(([0.0], np.cumsum(sound.astype(np.float64) ** 2)))
    start = np.arange(frames) * HOP + (FFT - WINDOW) // 2
    power: NDArray[np.float64] = np.maximum(total[start + WINDOW] - total[start], 0) / WINDOW
    return power


class Mixer:
    """Makes clips from one part of the recordings; the same seed makes the same clip.

    `varied`: by which share an utterance is heard faster and higher, or slower and lower, at most.
    """

    def __init__(self, bank: Bank, varied: float = 0.12) -> None:
        self._bank, self._varied = bank, varied
        self._speakers = sorted(bank.speech)
        # Speakers of small corpora would be heard too often if each counted the same.
        size = np.array([len(bank.speech[name]) for name in self._speakers], float) ** 0.5
        self._odds = size / size.sum()

    def track(self, kind: Kind, seed: int) -> Track:
        """Make one track; the same seed makes the same."""
        rng = np.random.default_rng(seed)
        on, known = np.zeros(FRAMES, bool), True
        if kind == "noise":
            sound, voiced = self.noise(rng)
            known = not voiced
            if rng.random() < 0.3:  # the room's own sound comes from afar too
                sound = unit(convolved(sound, room(rng, far=True)))
        elif kind == "events":
            sound = self._events(rng)
        else:
            sound, on = {"near": self.near, "far": self.far, "babble": self.babble}[kind](rng)
        mel = np.log(power_frames(sound) @ slaney_bands(BANDS) + _NOTHING)
        return Track(mel.astype(np.float16), on, known)

    def noise(self, rng: np.random.Generator) -> tuple[Samples, bool]:
        """Give surroundings of unit power, float32 [LENGTH], and whether somebody may be speaking in them."""
        kind = rng.choice(["clips", "ambience", "coloured", "music", "calls"], p=[0.6, 0.2, 0.05, 0.1, 0.05])
        if kind == "coloured":
            return coloured_noise(rng, LENGTH), False
        if kind == "music":
            return music(rng, LENGTH), False
        if kind == "calls":
            return calls(rng, LENGTH), False
        if kind == "ambience":
            label = list(self._bank.ambience)[rng.integers(len(self._bank.ambience))]
            return unit(_stretched(rng, _piece(rng, self._bank.ambience[label]))), label in VOICED
        parts: list[Samples] = []
        while sum(map(len, parts)) < LENGTH:
            clip = floats(self._bank.noise[rng.integers(len(self._bank.noise))])
            parts.append(unit(_stretched(rng, clip, len(clip), 0.45)) * np.float32(10 ** (rng.uniform(-6, 6) / 20)))
        return unit(np.concatenate(parts)[:LENGTH]), False

    def near(self, rng: np.random.Generator) -> tuple[Samples, NDArray[np.bool_]]:
        """Give near speech, its speaking frames of unit power: float32 [LENGTH], and those frames, bool [FRAMES]."""
        speakers = self.voices(rng, 1 if rng.random() < 0.7 else 2)
        sound, on = self.conversation(rng, speakers, pause_s=float(rng.choice([0.3, 1.0, 3.0])))
        wet = convolved(sound, room(rng, far=False)) if rng.random() < 0.5 else sound
        return at_unit(wet, on), on

    def far(self, rng: np.random.Generator) -> tuple[Samples, NDArray[np.bool_]]:
        """Give one or two voices across a room, in the same form."""
        sound, on = self.conversation(rng, self.voices(rng, int(rng.integers(1, 3))), pause_s=0.5)
        wet = convolved(sound, room(rng, far=True))
        return at_unit(wet, on), on

    def babble(self, rng: np.random.Generator) -> tuple[Samples, NDArray[np.bool_]]:
        """Give four to eight voices at once, in the same form."""
        total, on = np.zeros(LENGTH, np.float32), np.zeros(FRAMES, bool)
        response = room(rng, far=True)
        for name in self.voices(rng, int(rng.integers(4, 9))):
            sound, speaks = self.conversation(rng, [name], pause_s=0.3)
            total += unit(sound) * np.float32(10 ** (rng.uniform(-6, 3) / 20))
            on |= speaks
        if rng.random() < 0.8:
            total = convolved(total, response)
        return at_unit(total, on), on

    def voices(self, rng: np.random.Generator, n: int) -> list[str]:
        """Pick speakers."""
        return [str(name) for name in rng.choice(self._speakers, n, p=self._odds)]

    def conversation(
        self, rng: np.random.Generator, speakers: list[str], pause_s: float
    ) -> tuple[Samples, NDArray[np.bool_]]:
        """Let speakers take turns, dry, with pauses of `pause_s` seconds on average, in the form of `near`."""
        sound, on = np.zeros(LENGTH, np.float32), np.zeros(FRAMES, bool)
        at = int(rng.uniform(-1.5, 2.0) * 16_000)
        while at < LENGTH:
            utterances = self._bank.speech[speakers[rng.integers(len(speakers))]]
            said = floats(utterances[rng.integers(len(utterances))])
            said = _stretched(rng, said, len(said), self._varied)
            speaks = active(said)
            if speaks.any():
                said = at_unit(said, speaks) * np.float32(10 ** (rng.uniform(-3, 3) / 20))
                first = max(0, -(-at // HOP))
                begin = first * HOP - at
                said, speaks = said[begin:], speaks[begin // HOP :]
                n = max(0, min(len(said), LENGTH - first * HOP))
                sound[first * HOP : first * HOP + n] += said[:n]
                m = max(0, min(len(speaks), FRAMES - first))
                on[first : first + m] |= speaks[:m]
            at += len(said) + int(rng.exponential(pause_s) * 16_000)
        return sound, on

    def _events(self, rng: np.random.Generator) -> Samples:
        sound, at = np.zeros(LENGTH, np.float32), 0
        while at < LENGTH:
            event = floats(self._bank.nonverbal[rng.integers(len(self._bank.nonverbal))])
            part = unit(_stretched(rng, event, len(event)))[: LENGTH - at]
            sound[at : at + len(part)] += part
            at += len(event) + int(rng.exponential(1.0) * 16_000)
        return sound


def _stretched(rng: np.random.Generator, sound: Samples, n: int = LENGTH, by: float = 0.2) -> Samples:
    factor = rng.uniform(1 - by, 1 + by)
    places = np.arange(int(n / factor) if n != LENGTH else n, dtype=np.float64) * factor
    if n == LENGTH:
        places %= len(sound) - 1
    played: Samples = np.interp(places, np.arange(len(sound)), sound).astype(np.float32)
    return played


def _piece(rng: np.random.Generator, sound: NDArray[np.int16]) -> Samples:
    n = int(LENGTH * 1.25)
    start = int(rng.integers(0, max(1, len(sound) - n)))
    return floats(sound[start : start + n])


def at_unit(sound: Samples, on: NDArray[np.bool_]) -> Samples:
    """Scale a sound so that its speaking frames have a mean power of one."""
    power = frame_power(sound)[on]
    scaled: Samples = (sound / np.sqrt(power.mean() + 1e-12)).astype(np.float32) if len(power) else sound
    return scaled
