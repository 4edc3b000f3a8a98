"""Measures where gate and segmenter send the seconds of a stream: to the speech reader or to the scene reader."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.gate.detector import Detector
from edge.gate.segmenter import Segmenter
from edge.models.frontend import HOP
from edge.sound import RATE, Block, Samples
from training.gate.bank import BABBLE, Bank, floats
from training.gate.mix import FRAMES, LENGTH, Mixer
from training.gate.score import noise
from training.gate.sounds import unit

_BLOCK = 512


@dataclass(frozen=True)
class Routing:
    """`right`: share of seconds sent to the right reader. `starts_ms`, `ends_ms`: errors of the utterances found."""

    right: float
    starts_ms: NDArray[np.float64]
    ends_ms: NDArray[np.float64]


def speech_spans(detector: Detector, sound: Samples) -> list[tuple[float, float]]:
    """Run a recording, float32 [n], through detector and segmenter: the utterances' starts and ends in seconds."""
    detector.reset()
    segmenter = Segmenter(detector.thresholds, detector.step_s)
    segments = []
    for start in range(0, len(sound), _BLOCK):
        block = Block(sound[start : start + _BLOCK], start / RATE)
        segments += segmenter.feed(block, detector.feed(block.samples))
    segments += segmenter.flush()
    return [(s.at, s.at + s.seconds) for s in segments if s.kind == "speech"]


def share_of_speech(detector: Detector, sound: Samples) -> float:
    """Give the share of a recording that becomes speech."""
    return sum(end - start for start, end in speech_spans(detector, sound)) * RATE / len(sound)


def babble(bank: Bank, count: int) -> dict[str, Samples]:
    """Give recordings in which everybody is far: four places, and voices of `bank` mixed."""
    places = {label: unit(floats(bank.ambience[label])) * np.float32(0.03) for label in BABBLE}
    mixer = Mixer(bank)
    parts = [unit(mixer.babble(np.random.default_rng(900 + seed))[0]) for seed in range(count)]
    return {**places, "mixed voices": np.concatenate(parts) * np.float32(0.03)}


def found_in(detector: Detector, bank: Bank, surroundings: Samples, snr_db: float, count: int) -> float:
    """Give the share of near speech, `snr_db` above the surroundings, that becomes speech."""
    mixer, found, spoken = Mixer(bank), 0, 0
    for seed in range(count):
        rng = np.random.default_rng(300 + seed)
        voice, on = mixer.near(rng)
        start = int(rng.integers(0, max(1, len(surroundings) - LENGTH)))
        around = unit(surroundings[start : start + LENGTH])
        around = np.resize(around, LENGTH)
        sound = unit(voice * np.float32(10 ** (snr_db / 20)) + around) * np.float32(0.05)
        routed = _frames(speech_spans(detector, sound))
        found, spoken = found + int((routed & on).sum()), spoken + int(on.sum())
    return found / spoken


def route(detector: Detector, bank: Bank, hours: float) -> Routing:
    """Run a script of scenes of 12 s: surroundings, babble, and one utterance or more near, 5 to 20 dB above a noise.

    A second belongs to the speech reader when it lies in an utterance: speech whose pauses are shorter than 0.6 s.
    Half a second around each boundary is left to either, since the segmenter means to keep some air around a voice.
    """
    mixer = Mixer(bank)
    right = total = 0
    starts: list[float] = []
    ends: list[float] = []
    for seed in range(int(hours * 300)):
        rng = np.random.default_rng(7000 + seed)
        around = noise(bank, rng)
        on = np.zeros(FRAMES, bool)
        if seed % 3 == 0:
            voice, on = mixer.near(rng)
            around = unit(voice * np.float32(10 ** (rng.uniform(5, 20) / 20)) + around)
        elif seed % 9 == 1:
            around = unit(mixer.babble(rng)[0])
        truth = _utterances(on)
        found = speech_spans(detector, around * np.float32(10 ** (-rng.uniform(20, 45) / 20)))
        either = np.zeros(FRAMES, bool)
        for edge in (edge for span in truth for edge in span):
            at = int(edge * RATE / HOP)
            either[max(0, at - 50) : at + 50] = True
        same = _frames(found) == _frames(truth)
        right, total = right + int((same & ~either).sum()), total + int((~either).sum())
        for begin, end in truth:
            over = [span for span in found if span[0] < end and span[1] > begin]
            if over:
                starts.append(abs(over[0][0] - begin) * 1000)
                ends.append(abs(over[-1][1] - end) * 1000)
    return Routing(right / total, np.array(starts), np.array(ends))


def _utterances(on: NDArray[np.bool_]) -> list[tuple[float, float]]:
    frames = np.flatnonzero(on)
    if not len(frames):
        return []
    breaks = np.flatnonzero(np.diff(frames) > 60)
    first, last = frames[np.r_[0, breaks + 1]], frames[np.r_[breaks, len(frames) - 1]]
    # A frame of 512 samples hears what is around its middle.
    return [((a * HOP + 176) / RATE, (b * HOP + 336) / RATE) for a, b in zip(first, last, strict=True)]


def _frames(spans: list[tuple[float, float]]) -> NDArray[np.bool_]:
    on = np.zeros(FRAMES, bool)
    for start, end in spans:
        on[max(0, round((start * RATE - 256) / HOP)) : max(0, round((end * RATE - 256) / HOP))] = True
    return on
