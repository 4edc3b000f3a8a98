"""Mixes tracks anew for every batch: other noise, other ratio, other microphone each time a voice is heard.

Powers of independent sounds add, but for a term by which they interfere: |a + b|² = |a|² + |b|² + 2 c |a| |b|. Within a
mel band and a frame c is a random number in [-1, 1]; it is taken from pairs of white noises, mixed as waves.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.gate.features import BANDS, CARRY, STEP, Floats
from edge.models.frontend import FFT, HOP, power_frames, slaney_bands
from training.gate.mix import FRAMES, STEPS, Kind
from training.gate.tracks import Tracks

_POOL: Final = 20_000
"""Frames of white noise, and of how two such interfere, that each clip takes a stretch of."""
_HZ: Final = np.linspace(0, 8000, slaney_bands(BANDS).shape[0]) @ slaney_bands(BANDS) / slaney_bands(BANDS).sum(axis=0)
"""The centres of the bands."""
_EPSILON: Final = np.float32(1e-8)
_CUT: Final = 0.25
"""Share of the clips in which one scene is cut off by another."""
_KEPT: Final = 0.3
"""Share of the noises that are picked by chance alone; the others are picked for being taken for speech."""


@dataclass(frozen=True)
class Batch:
    """Clips to learn from.

    `mel`: float32 [n, FRAMES, 40], log. `truth`: float32 [n, STEPS, 2], speech and near. `weight`: the same shape, what
    an error there counts, 0 where the truth is not known. `noise`: int [n], which noise was heard where nobody speaks,
    -1 for other clips.
    """

    mel: Floats
    truth: Floats
    weight: Floats
    noise: NDArray[np.int64]


class Remixer:
    """Makes batches from tracks."""

    def __init__(self, tracks: dict[Kind, Tracks], seed: int) -> None:
        self._tracks = tracks
        rng = np.random.default_rng(seed)
        white = rng.standard_normal((2, FFT + (_POOL - 1) * HOP)).astype(np.float32)
        a, b, both = (power_frames(sound) @ slaney_bands(BANDS) for sound in (white[0], white[1], white.sum(axis=0)))
        self._white, self._white_power = a, a.mean()
        # Twice c, so bounded that no rounding can make a power negative.
        self._interference = np.clip((both - a - b) / np.sqrt(a * b), -1.99, 1.99).astype(np.float32)
        # One for each noise: how much of it was last taken for speech. What is not yet heard is picked soon.
        self._mistaken = np.where(tracks["noise"].known, 0.2, 0.05)

    def batch(self, rng: np.random.Generator, n: int) -> Batch:
        """Make a batch of n clips."""
        made = [self._clip(rng) for _ in range(n)]
        mel, truth, weight, noise = zip(*made, strict=True)
        return Batch(np.stack(mel), np.stack(truth), np.stack(weight), np.array(noise))

    def remember(self, noise: NDArray[np.int64], mistaken: Floats) -> None:
        """Take how much of each clip, [n] in [0, 1], was taken for speech: noises that deceive are heard more often."""
        alone = noise >= 0
        self._mistaken[noise[alone]] = mistaken[alone]

    def _clip(self, rng: np.random.Generator) -> tuple[Floats, Floats, Floats, int]:
        sound, truth, weight, noise = self._scene(rng)
        if rng.random() < _CUT:
            # As where a door opens: from some step on another scene is heard, of another level.
            after, truth_after, weight_after, _ = self._scene(rng)
            step, level_db = int(rng.integers(1, STEPS)), rng.uniform(-25, 25)
            frame = CARRY + step * STEP
            after *= np.float32(10 ** (level_db / 10)) * sound.mean() / after.mean()
            sound = np.concatenate((sound[:frame], after[frame:]))
            truth = np.concatenate((truth[:step], truth_after[step:]))
            weight, noise = np.concatenate((weight[:step], weight_after[step:])), -1
        return self._heard(rng, sound), truth, weight, noise

    def _scene(self, rng: np.random.Generator) -> tuple[Floats, Floats, Floats, int]:
        kind = rng.choice(["noise", "near", "far", "both", "events"], p=[0.24, 0.38, 0.13, 0.20, 0.05])
        picked, around, known = self._noise(rng)
        near = far = np.zeros(FRAMES, bool)
        if kind in {"far", "both"}:
            voices, far = self._voice(rng, "babble" if rng.random() < 0.55 else "far")
            behind_db = -rng.uniform(0, 20) if kind == "far" else rng.uniform(-10, 10)
            around = self._mixed(rng, voices, around, behind_db) if kind == "far" else self._mixed(
                rng, around, voices, -behind_db
            )  # fmt: skip
        if kind == "events":
            voices, _ = self._voice(rng, "events")
            around = self._mixed(rng, voices, around, -rng.uniform(0, 25))
        sound = around
        if kind in {"near", "both"}:
            voice, near = self._voice(rng, "near")
            wide = rng.uniform(-7, 22) if rng.random() < 0.8 else rng.uniform(20, 45)
            sound = self._mixed(rng, voice, around, -(rng.uniform(2, 25) if kind == "both" else wide))
        truth = _steps(np.stack((near | far, near), axis=1))
        # Where a far voice speaks or may be speaking only a near one is known to be there.
        speech_weight = float(known) * (0.3 if kind == "events" else 1.0)
        weight = np.ones_like(truth)
        unsure = 0.3 if kind == "both" else 1.0
        weight[:, 0] = speech_weight * np.where(truth[:, 0] > 0, unsure, 1.0)
        weight[truth[:, 1] > 0, 0] = 1.0
        if kind == "noise":
            weight *= 1.5
        return sound, truth, weight, picked if kind == "noise" and known else -1

    def _noise(self, rng: np.random.Generator) -> tuple[int, Floats, bool]:
        tracks = self._tracks["noise"]
        odds = self._mistaken / self._mistaken.sum() * (1 - _KEPT) + _KEPT / len(self._mistaken)
        first = int(rng.choice(len(odds), p=odds))
        sound, known = self._varied(rng, tracks.power[first]), bool(tracks.known[first])
        for odds_of_more in (0.5, 0.4):
            if rng.random() >= odds_of_more:
                break
            more = int(rng.integers(len(odds)))
            sound = self._mixed(rng, sound, self._varied(rng, tracks.power[more]), rng.uniform(-15, 3))
            known = known and bool(tracks.known[more])
        return first, sound, known

    def _varied(self, rng: np.random.Generator, power: Floats) -> Floats:
        """Give a noise through another spectrum, at times shifted, faster, backwards, or in gusts.

        There are more noises in the world than recordings to learn from; a net that knows these by heart fails others.
        """
        varied = power[_places(rng, 0.35)] * np.exp(_bend(rng, rng.uniform(0.3, 1.3)))
        if rng.random() < 0.3:
            varied = varied[::-1]
        if rng.random() < 0.5:
            varied = _shifted(varied, int(rng.integers(-6, 7)))
        if rng.random() < 0.35:
            knots = int(rng.integers(3, 40))
            heights = rng.normal(0, rng.uniform(0.5, 2), knots)
            gusts = np.interp(np.arange(FRAMES), np.linspace(0, FRAMES, knots), heights)
            varied = varied * np.exp(gusts).astype(np.float32)[:, None]
        scaled: Floats = varied * (power.mean() / varied.mean())
        return scaled

    def _voice(self, rng: np.random.Generator, kind: Kind) -> tuple[Floats, NDArray[np.bool_]]:
        """Give voices of another size, liveliness and hoarseness, through another spectrum.

        There are more of them than speakers to learn from.
        """
        tracks = self._tracks[kind]
        pick, places = int(rng.integers(len(tracks.power))), _places(rng, 0.15)
        power: Floats = tracks.power[pick][places] * np.exp(_bend(rng, rng.uniform(0.2, 1.0)))
        if rng.random() < 0.7:
            power = _warped(power, np.exp(rng.uniform(-0.22, 0.22)))
        if rng.random() < 0.4:
            power = _pressed(power, np.exp(rng.uniform(-0.3, 0.25)))
        if rng.random() < 0.15:
            power = _smeared(power, int(rng.integers(1, 5)))
        return power, tracks.on[pick][places]

    def _mixed(self, rng: np.random.Generator, one: Floats, other: Floats, other_db: float) -> Floats:
        other = other * np.float32(10 ** (other_db / 10))
        start = int(rng.integers(_POOL - FRAMES))
        mixed: Floats = one + other + self._interference[start : start + FRAMES] * np.sqrt(one * other)
        return mixed

    def _heard(self, rng: np.random.Generator, sound: Floats) -> Floats:
        """Through a microphone: its gain, its own noise, its band, its spectrum; the log of it."""
        level_db, own_db = rng.uniform(-50, -15), -rng.uniform(60, 90)
        level = 10 ** (level_db / 10) * self._white_power / sound.mean()
        gain = np.exp(_bend(rng, 0.4))
        if rng.random() < 0.25:
            gain = gain / (1 + (_HZ / rng.uniform(3000, 7000)) ** 12)
        if rng.random() < 0.5:
            gain = gain / (1 + (rng.uniform(50, 350) / np.maximum(_HZ, 1)) ** 6)
        start = int(rng.integers(_POOL - FRAMES))
        hiss = self._white[start : start + FRAMES] * np.float32(10 ** (own_db / 10))
        heard: Floats = np.log(sound * (gain * level).astype(np.float32) + hiss + _EPSILON)
        return heard


def _bend(rng: np.random.Generator, by: float) -> Floats:
    bent: Floats = np.interp(np.linspace(0, 5, BANDS), np.arange(6), rng.normal(0, by, 6)).astype(np.float32)
    return bent


def _places(rng: np.random.Generator, by: float) -> NDArray[np.int64]:
    """Give which frame of a track is heard when: from anywhere on, around its end, at times faster or slower."""
    pace = np.exp(rng.uniform(-by, by)) if rng.random() < 0.4 else 1.0
    places: NDArray[np.int64] = (rng.integers(FRAMES) + np.arange(FRAMES) * pace).astype(np.int64) % FRAMES
    return places


def _shifted(power: Floats, bands: int) -> Floats:
    """Move a spectrum up or down; the band at the edge fills what becomes free."""
    shifted: Floats = power[:, np.clip(np.arange(BANDS) - bands, 0, BANDS - 1)]
    return shifted


def _warped(power: Floats, factor: float) -> Floats:
    """Stretch a spectrum: band i becomes what lies at i times `factor`."""
    at = np.minimum(np.arange(BANDS) * factor, BANDS - 1)
    below = np.minimum(at.astype(np.int64), BANDS - 2)
    share = (at - below).astype(np.float32)
    warped: Floats = power[:, below] * (1 - share) + power[:, below + 1] * share
    return warped


def _pressed(power: Floats, exponent: float) -> Floats:
    """Raise each frame's level to a power: below 1 weak syllables come near the loud ones, above 1 they fall behind."""
    level = power.sum(axis=1, keepdims=True) + np.float32(1e-12)
    pressed = power * (level / level.mean()) ** np.float32(exponent - 1)
    scaled: Floats = pressed * (power.mean() / pressed.mean())
    return scaled


def _smeared(power: Floats, times: int) -> Floats:
    """Smooth a spectrum so many times over three bands: harmonics fade, as in a hoarse or whispering voice."""
    for _ in range(times):
        wide = np.pad(power, ((0, 0), (1, 1)), mode="edge")
        power = 0.25 * wide[:, :-2] + 0.5 * power + 0.25 * wide[:, 2:]
    return power


def _steps(frames: NDArray[np.bool_]) -> Floats:
    of_steps: Floats = (frames[CARRY:].reshape(STEPS, STEP, -1).sum(axis=1) * 2 > STEP).astype(np.float32)
    return of_steps
