"""Measures where gate and segmenter send the seconds of a stream: to the speech reader or to the scene reader."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.gate.detector import Detector
from edge.gate.segmenter import Segmenter
from edge.models.frontend import FFT, HOP
from edge.sound import RATE, Block, Samples
from training.gate.bank import Bank
from training.gate.mix import LENGTH, Mixer
from training.gate.score import STEP_S, Mixture, noise
from training.gate.sounds import unit

_BLOCK: Final = 512
_SCENES: Final = 50
"""Scenes in one programme: 10 minutes."""
_STEPS: Final = (LENGTH - FFT) // HOP
"""Frames that one scene adds to a programme; scenes are cut to whole frames."""
_APART: Final = 60
"""Frames of pause that part two utterances."""
_EITHER: Final = 15
"""Frames around a boundary that may go to either reader: 0.15 s, as far as it may be off by the median."""


@dataclass(frozen=True)
class Programme:
    """Ten minutes with known segments: float32 [n] sound, and where somebody near speaks, bool by frame."""

    sound: Samples
    near: NDArray[np.bool_]

    @property
    def utterances(self) -> list[tuple[float, float]]:
        """Give the starts and ends, in seconds, of speech whose pauses are shorter than 0.6 s."""
        frames = np.flatnonzero(self.near)
        if not len(frames):
            return []
        breaks = np.flatnonzero(np.diff(frames) > _APART)
        first, last = frames[np.r_[0, breaks + 1]], frames[np.r_[breaks, len(frames) - 1]]
        # A frame of 512 samples hears what is around its middle.
        return [((a * HOP + 176) / RATE, (b * HOP + 336) / RATE) for a, b in zip(first, last, strict=True)]


@dataclass(frozen=True)
class Routing:
    """Shares of seconds: sent to the right reader, and left out for being at the start or the end of an utterance.

    `right`: of the seconds that are not left out; `whole`: of all. `starts_ms`, `ends_ms`: errors of the utterances
    found.
    """

    right: float
    whole: float
    left_out: float
    starts_ms: NDArray[np.float64]
    ends_ms: NDArray[np.float64]


def programmes(bank: Bank, count: int, seed: int) -> Iterator[Programme]:
    """Make programmes of 50 scenes of 12 s, one after the other in one stream.

    A third: one or two voices near, 5 to 20 dB above a noise. A ninth: babble. The rest: noise. Each at its own level.
    """
    mixer = Mixer(bank)
    for number in range(count):
        sounds, nears = [], []
        for scene in range(_SCENES):
            rng = np.random.default_rng((seed, number, scene))
            around = noise(bank, rng)
            near = np.zeros(_STEPS, bool)
            kind = rng.integers(9)
            if kind < 3:
                voice, on = mixer.near(rng)
                around, near = unit(voice * np.float32(10 ** (rng.uniform(5, 20) / 20)) + around), on[:_STEPS]
            elif kind == 3:
                around = unit(mixer.babble(rng)[0])
            sounds.append(around[: _STEPS * HOP] * np.float32(10 ** (-rng.uniform(20, 45) / 20)))
            nears.append(near)
        yield Programme(np.concatenate(sounds), np.concatenate(nears))


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


def share_missed(detector: Detector, made: Sequence[Mixture]) -> float:
    """Give the share of the speaking steps of some recordings that lie in no utterance."""
    missed = speaking = 0
    for mixture in made:
        at = (np.flatnonzero(mixture.truth) + 0.5) * STEP_S
        inside = np.zeros(len(at), bool)
        for start, end in speech_spans(detector, mixture.sound):
            inside |= (start <= at) & (at < end)
        missed, speaking = missed + int((~inside).sum()), speaking + len(at)
    return missed / speaking


def share_of_speech(detector: Detector, sound: Samples) -> float:
    """Give the share of a recording that becomes speech."""
    return sum(end - start for start, end in speech_spans(detector, sound)) * RATE / len(sound)


def routing(found: list[list[tuple[float, float]]], programmes: list[Programme]) -> Routing:
    """Compare the utterances found in each programme with those that are there.

    0.15 s on both sides of each start and end are left to either reader in `right`: the segmenter means to keep some
    air around a voice.
    """
    right = whole = judged = total = 0
    starts: list[float] = []
    ends: list[float] = []
    for spans, programme in zip(found, programmes, strict=True):
        truth, frames = programme.utterances, len(programme.near)
        either = np.zeros(frames, bool)
        for edge in (edge for span in truth for edge in span):
            at = int(edge * RATE / HOP)
            either[max(0, at - _EITHER) : at + _EITHER] = True
        same = frames_of(spans, frames) == frames_of(truth, frames)
        right, judged = right + int((same & ~either).sum()), judged + int((~either).sum())
        whole, total = whole + int(same.sum()), total + frames
        for begin, end in truth:
            over = [span for span in spans if span[0] < end and span[1] > begin]
            if over:
                starts.append(abs(over[0][0] - begin) * 1000)
                ends.append(abs(over[-1][1] - end) * 1000)
    return Routing(right / judged, whole / total, 1 - judged / total, np.array(starts), np.array(ends))


def frames_of(spans: list[tuple[float, float]], frames: int) -> NDArray[np.bool_]:
    """Give spans in seconds as bool by frame."""
    on = np.zeros(frames, bool)
    for start, end in spans:
        on[max(0, round((start * RATE - 256) / HOP)) : max(0, round((end * RATE - 256) / HOP))] = True
    return on
