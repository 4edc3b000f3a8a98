"""The speech detector: which moments of a stream hold human speech, and whether that speech is near.

A detector is causal and takes blocks of any size: the decisions depend on the samples, never on how they were cut.
"""

from dataclasses import dataclass
from math import exp
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np

from edge.gate.features import CARRY, FRESH, STEP, Floats, calls_of, first_floor, log_mel, next_floors
from edge.gate.noise_floor import NoiseFloor
from edge.models.frontend import FFT, HOP, power_frames
from edge.models.interpreter import WEIGHTS, Model
from edge.sound import RATE, Samples, level_dbfs

_CALL: Final = FRESH * HOP
"""Samples that one call of the net uses up: 90 ms."""
_SEEN: Final = CARRY * HOP + FFT + (FRESH - 1) * HOP
"""Samples that one call sees: those of the call before's last frames too."""
_NOTHING: Final = ((0.0, 0.0),) * (FRESH // STEP)
"""What is said of quiet."""
_AT_ONCE: Final = 6
"""Calls that are prepared together. A BLAS takes other ways, which round otherwise, through larger matrices."""
_CENTRE: Final = HOP + FFT / 2
"""Where the first decision stands, in samples."""


class Decision(NamedTuple):
    """What the detector says of one step of sound.

    `at`: seconds from the start of the stream to the decision's centre. `speech`: probability of any human speech.
    `near`: probability that there is speech and that it is near. Both in [0, 1].
    """

    at: float
    speech: float
    near: float


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where a probability turns a state on (at or above) and off (below): `off` <= `on`, in [0, 1]."""

    on: float
    off: float


class Detector(Protocol):
    """A causal detector over 16 kHz mono float32 blocks."""

    name: str
    step_s: float
    thresholds: dict[str, Thresholds]
    """Recommended for `speech` and `near`."""

    @property
    def wants(self) -> int:
        """How many samples are missing until the next decision, 1 at least."""

    def feed(self, samples: Samples) -> list[Decision]:
        """Take float32 [n], n >= 0, in [-1, 1]; give the decisions that became possible, in order, `step_s` apart."""

    def reset(self) -> None:
        """Forget the stream: the next sample is the first."""


class GateDetector:
    """A small net over log-mel, asked every 90 ms for three decisions; in quiet it is not asked at all.

    A decision comes at most 100 ms after the sound at its centre. The net joins what it hears with what its levels said
    1, 2, 4 … calls ago, which is kept in a ring; quiet empties the ring.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        _, levels, width = model.shapes[2]
        calls, level = np.arange(2 ** (levels - 1))[:, None], np.arange(levels)
        self._ring_shape = (len(calls) * levels, width)
        self._before = (calls - 2**level) % len(calls) * levels + level
        """For each turn of the ring, the rows with what was said 1, 2, 4 … calls before."""
        self.name = model.name
        self.step_s = STEP * HOP / RATE
        self.thresholds = {name: Thresholds(**limits) for name, limits in model.meta["thresholds"].items()}
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._parts: list[Samples] = [np.zeros(CARRY * HOP, np.float32)]
        self._held = CARRY * HOP
        self._steps = 0
        self._noise_floor = NoiseFloor()
        self._floor: Floats | None = None
        self._forget()

    def _forget(self) -> None:
        self._ring: Floats = np.zeros(self._ring_shape, np.float32)
        self._turn = 0
        self._carried: Floats | None = None

    @property
    def wants(self) -> int:
        """How many samples are missing until the next decisions."""
        return _SEEN - self._held

    def feed(self, samples: Samples) -> list[Decision]:
        """Take float32 [n]; give the decisions that became possible, three for every 90 ms."""
        self._parts.append(samples)
        self._held += len(samples)
        if self._held < _SEEN:
            return []
        held = np.concatenate(self._parts)
        used = (1 + (len(held) - _SEEN) // _CALL) * _CALL
        answers, first = self._answers(held[: used + _SEEN - _CALL]), self._steps
        self._parts, self._held, self._steps = [held[used:]], len(held) - used, first + len(answers)
        return [Decision((n * STEP * HOP + _CENTRE) / RATE, *said) for n, said in enumerate(answers, first)]

    def _answers(self, held: Samples) -> list[tuple[float, float]]:
        """Give speech and near for each step of the calls that float32 [n] is just enough for."""
        answers: list[tuple[float, float]] = []
        begin = end = 0  # of the calls that are not quiet and wait to be asked together
        for start in range(0, len(held) - _SEEN + 1, _CALL):
            quiet = self._noise_floor.is_quiet(level_dbfs(held[start + _SEEN - _CALL : start + _SEEN]))
            if begin < end and (quiet or end - begin == _AT_ONCE * _CALL):
                answers += self._ask(held[begin : end - _CALL + _SEEN])
                begin = end
            end = start + _CALL
            if quiet:
                if self._carried is not None:
                    self._forget()
                answers += _NOTHING
                begin = end
        if begin < end:
            answers += self._ask(held[begin : end - _CALL + _SEEN])
        return answers

    def _ask(self, held: Samples) -> list[tuple[float, float]]:
        """Give the same, of calls that are not quiet. What no call before changes is done for all of them at once."""
        if self._carried is None:
            mel = log_mel(power_frames(held))
        else:
            mel = np.concatenate((self._carried, log_mel(power_frames(held[CARRY * HOP :]))))
        self._carried = mel[-CARRY:]
        frames = calls_of(mel)
        floors = next_floors(first_floor(frames[0]) if self._floor is None else self._floor, frames)
        self._floor = floors[-1]
        answers: list[tuple[float, float]] = []
        for seen, floor in zip(frames, floors, strict=True):
            said_before = self._ring.take(self._before[self._turn], axis=0)
            logits, said = self._model(seen[None], floor[None], said_before[None])
            levels = len(said[0])
            self._ring[self._turn * levels : (self._turn + 1) * levels] = said[0]
            self._turn = (self._turn + 1) % len(self._before)
            shares = [1 / (1 + exp(-logit)) for logit in logits[0].tolist()]
            answers += zip(shares[::2], shares[1::2], strict=True)
        return answers


def load(weights: Path = WEIGHTS / "gate.tflite") -> Detector:
    """Give the detector that the device runs. Raises BrokenWeights when the file is missing, damaged or wrong."""
    return GateDetector(Model.load(weights))
