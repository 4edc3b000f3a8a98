"""Places with voices that are not the wearer's: hubbub, voices across a room, a television."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.sound import RATE, Samples
from training.gate.bank import BABBLE, Bank, floats
from training.gate.mix import LENGTH, Mixer
from training.gate.route import frames_of
from training.gate.sounds import convolved, music, room, unit

CROWDS: Final = (*BABBLE, "carousel", "temple")
"""Recorded ambiences full of far voices; the last two are those of the training."""
_LEVEL: Final = np.float32(0.03)


def babble(bank: Bank, count: int) -> dict[str, Samples]:
    """Give recordings in which everybody is far: the bank's crowds, and its voices mixed, `count` times 12 s."""
    mixed = [unit(Mixer(bank).babble(np.random.default_rng(900 + seed))[0]) for seed in range(count)]
    recorded = {name: unit(floats(bank.ambience[name])) * _LEVEL for name in CROWDS if name in bank.ambience}
    return {**recorded, "mixed voices": np.concatenate(mixed) * _LEVEL}


def far_voices(bank: Bank, count: int) -> Samples:
    """Give one or two voices across a room, `count` times 12 s."""
    parts = [unit(Mixer(bank).far(np.random.default_rng(1200 + seed))[0]) for seed in range(count)]
    return np.concatenate(parts) * _LEVEL


def television(bank: Bank, count: int) -> Samples:
    """Give a voice with music 15 dB below it, through a loudspeaker of 200 to 7000 Hz in a living room."""
    parts = []
    for seed in range(count):
        rng = np.random.default_rng(1500 + seed)
        voice, _ = Mixer(bank).conversation(rng, Mixer(bank).voices(rng, 2), pause_s=0.3)
        played = unit(voice) + np.float32(10 ** (-15 / 20)) * music(rng, LENGTH)
        spectrum = np.fft.rfft(convolved(played, room(rng, far=False)))
        hz = np.linspace(0, RATE / 2, len(spectrum))
        spectrum *= 1 / (1 + (200 / np.maximum(hz, 1)) ** 6) / (1 + (hz / 7000) ** 12)
        parts.append(unit(np.fft.irfft(spectrum, LENGTH).astype(np.float32)))
    return np.concatenate(parts) * _LEVEL


def near_in(bank: Bank, surroundings: Samples, snr_db: float, count: int) -> list[tuple[Samples, NDArray[np.bool_]]]:
    """Give near speech, `snr_db` above the surroundings, `count` times 12 s: the sound, and the frames that speak."""
    mixer, made = Mixer(bank), []
    for seed in range(count):
        rng = np.random.default_rng(300 + seed)
        voice, on = mixer.near(rng)
        start = int(rng.integers(0, max(1, len(surroundings) - LENGTH)))
        around = np.resize(unit(surroundings[start : start + LENGTH]), LENGTH)
        made.append((unit(voice * np.float32(10 ** (snr_db / 20)) + around) * np.float32(0.05), on))
    return made


def share_found(spans: Sequence[list[tuple[float, float]]], truths: Sequence[NDArray[np.bool_]]) -> float:
    """Give the share of the speaking frames of some recordings that lie in the utterances found in each."""
    found = sum(int((frames_of(own, len(on)) & on).sum()) for own, on in zip(spans, truths, strict=True))
    return found / sum(int(on.sum()) for on in truths)
