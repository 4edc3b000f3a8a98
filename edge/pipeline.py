"""Sound in, drafts of moments out. Pure: it knows no microphone, network, disk or clock."""

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final, Literal, Protocol, Self

import numpy as np

from edge.gate.detector import Detector
from edge.gate.segmenter import Segmenter
from edge.models.rules import Rules, WrongRules
from edge.models.scenes import SceneReading
from edge.overlap import Overlap
from edge.sound import QUIET_DBFS, RATE, Block, Samples, Segment, level_dbfs, mean_square
from edge.steady import Steady, Stretch, Window
from moments import EMOTIONS, UNCLEAR, Emotion, Models, Rule, Scene, expected_affect, uuid7

__all__ = ["RATE", "Block", "Draft", "Pipeline", "Rules", "SceneReading", "WrongRules"]
"""What the hub reads recordings and an owner's rules with, besides this device's own daemon."""

_MEDIAN_WINDOWS: Final = 720
_MEDIAN_FROM: Final = 60
"""The device's own median level is that of the last hour's windows, known after some five minutes of sound."""
_REST: Final = RATE
"""Samples that are put aside at most while silence goes on."""
_JUMP_S: Final = 0.1
"""Block times that are further apart than the samples between them say that sound was lost."""
_GOES_ON_S: Final = 2.0
"""Sound that was lost for no longer ends no scene."""
_ALONE_S: Final = 0.8
"""After so much silence no window follows the last one without a gap: one begins 0.7 s back at most."""


class SpeechReads(Protocol):
    """What reads the emotion in a voice."""

    name: str
    unclear_below: float

    def read(self, samples: Samples) -> dict[str, float]:
        """Give calibrated shares over `EMOTIONS`, which sum to one, for float32 [n] at 16 kHz."""


class SceneReads(Protocol):
    """What reads the surroundings."""

    name: str

    def read(self, samples: Samples) -> SceneReading:
        """Give the scene of float32 [n] at 16 kHz."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything of a moment except wall time, clock, device, place, origin, record and clip.

    `at`: monotonic seconds of its first sample, on the clock of the blocks. `seconds`: from there to its last sample; a
    scene's counts what was lost in between. None overlaps the one before. The other fields are the moment's.
    """

    id: str
    basis: Literal["speech", "scene"]
    at: float
    seconds: float
    emotion: Emotion
    confidence: float
    emotions: dict[str, float]
    valence: float
    arousal: float
    scene: Scene | None
    rule: Rule | None
    level_dbfs: float
    models: Models
    continues: str | None


class Pipeline:
    """Gate, readers, rules and steadiness in one: `feed` it blocks, `flush` it at the end.

    `sudden`: scenes that come through at once. `silence_dbfs`: below it is silence. `spl_at_0dbfs`: the microphone's
    calibration in dB SPL, for rules that ask how loud it truly is. `hour_at` gives the local hour, [0, 24), of a
    block's time, or None where nobody knows.
    """

    def __init__(
        self,
        detector: Detector,
        speech: SpeechReads,
        scenes: SceneReads,
        rules: Rules,
        *,
        sudden: Collection[str] = (),
        silence_dbfs: float = QUIET_DBFS,
        spl_at_0dbfs: float | None = None,
        hour_at: Callable[[float], float | None] = lambda _: None,
        new_id: Callable[[], str] = uuid7,
    ) -> None:
        self.rules = rules
        self._detector = detector
        self._speech = speech
        self._scenes = scenes
        self._hour_at = hour_at
        self._new_id = new_id
        self._segmenter = Segmenter(detector.thresholds, detector.step_s, silence_dbfs)
        self._sudden = frozenset(sudden)
        self._steady = Steady(self._sudden, new_id)
        self._overlap = Overlap(scenes.read, self._sudden)
        self._levels: deque[float] = deque(maxlen=_MEDIAN_WINDOWS)
        self._spl_at_0dbfs = spl_at_0dbfs
        self._next_at: float | None = None
        self._told = float("-inf")
        """Where the last segment ended, on the clock of the blocks as it was then."""
        self._silence = 10 ** (silence_dbfs / 10)
        self._gathered: list[Samples] = []
        self._gathered_samples = 0
        self._faint = True
        """Whether all that is put aside is silence too, where silence was before it."""

    @classmethod
    def load(
        cls,
        rules: Path | None = None,
        *,
        speech: Path | None = None,
        silence_dbfs: float = QUIET_DBFS,
        spl_at_0dbfs: float | None = None,
        hour_at: Callable[[float], float | None] = lambda _: None,
        new_id: Callable[[], str] = uuid7,
    ) -> Self:
        """Build it from rules and from the weights that ship, those of the speech model perhaps from another file.

        Raises BrokenWeights, and UserError for rules that are wrong.
        """
        from configs import shipped
        from edge.care.memory import give_back
        from edge.gate import detector
        from edge.models.scene_table import table
        from edge.models.scenes import SceneReader
        from edge.models.speech import SpeechReader

        pipeline = cls(
            detector.load(),
            SpeechReader.load(speech) if speech else SpeechReader.load(),
            SceneReader.load(),
            Rules.load(rules or shipped("scenes.yaml")),
            sudden=[row.label for row in table() if row.sudden],
            silence_dbfs=silence_dbfs,
            spl_at_0dbfs=spl_at_0dbfs,
            hour_at=hour_at,
            new_id=new_id,
        )
        give_back()
        return pipeline

    def feed(self, block: Block) -> list[Draft]:
        """Take the next block; give the moments that became certain, in the order of their sound.

        Where sound was lost (the block's time jumps) no segment reaches over the gap, and what came before a long one
        is ended as at the end of a stream. Where time goes back another stream begins.
        """
        out = [] if self._next_at is None else self._move(block.at - self._next_at)
        self._next_at = block.at + len(block.samples) / RATE
        self._gathered.append(block.samples)
        self._gathered_samples += len(block.samples)
        # Blocks are short: until there is enough for a decision they are put aside, which costs less, and longer where
        # silence goes on, from which nothing comes. The first sound takes all of them with it, so that none is late.
        self._faint = self._faint and self._segmenter.silent and self._is_silence(block.samples)
        enough = _REST if self._faint and not self._steady.waiting else self._detector.wants
        return out if self._gathered_samples < enough else out + self._hear(self._next_at)

    def flush(self) -> list[Draft]:
        """End the stream: give what is left, and forget it. The next block begins another one."""
        out = self._end()
        self._steady = Steady(self._sudden, self._new_id)
        self._overlap = Overlap(self._scenes.read, self._sudden)
        self._levels.clear()
        self._next_at, self._told = None, float("-inf")
        return out

    def _move(self, seconds: float) -> list[Draft]:
        """Take it that the next block is so much later than the last one's end."""
        if seconds < -_JUMP_S:
            return self.flush()
        if seconds > _GOES_ON_S:
            return self._end()
        out = self._cut() if seconds > _JUMP_S else []
        self._steady.lost(max(0.0, seconds))
        return out

    def _is_silence(self, samples: Samples) -> bool:
        limit = self._silence
        # Most of a day is silence without an offset, which is soon seen.
        return float(np.dot(samples, samples)) < limit * len(samples) or mean_square(samples) < limit

    def _hear(self, until: float) -> list[Draft]:
        samples = self._gathered[0] if len(self._gathered) == 1 else np.concatenate(self._gathered)
        block = Block(samples, until - self._gathered_samples / RATE)
        self._gathered, self._gathered_samples, self._faint = [], 0, True
        out = []
        for segment in self._segmenter.feed(block, self._detector.feed(samples)):
            out += self._read(segment)
        if self._segmenter.silent and until - self._steady.end > _ALONE_S:
            self._overlap.rest()
            if self._steady.waiting:
                out += self._scene_drafts(self._steady.close())
        return out

    def _end(self) -> list[Draft]:
        return self._cut() + self._scene_drafts(self._steady.close())

    def _cut(self) -> list[Draft]:
        """Give all that was heard to segments; the next block is heard by itself."""
        out = [] if self._next_at is None or not self._gathered else self._hear(self._next_at)
        for segment in self._segmenter.flush():
            out += self._read(segment)
        self._detector.reset()
        return out

    def _read(self, segment: Segment) -> list[Draft]:
        # Where a clock that was late is pulled back, its time goes at half its pace: so does that of the segments.
        shared = round(max(0.0, self._told - segment.at) * RATE) / RATE
        at, seconds = segment.at + shared, max(segment.seconds - shared, segment.seconds / 2)
        self._told = at + seconds
        level = level_dbfs(segment.samples)
        if segment.kind == "speech":
            self._overlap.rest()
            before = self._scene_drafts(self._steady.close())
            return [*before, self._speech_draft(segment.samples, at, seconds, level)]
        out = self._scene_drafts(self._steady.feed(Window(at, seconds, level, self._overlap.read(segment))))
        self._levels.append(level)
        return out

    def _speech_draft(self, samples: Samples, at: float, seconds: float, level: float) -> Draft:
        emotions = self._speech.read(samples)
        emotion, confidence = _strongest(emotions, self._speech.unclear_below)
        valence, arousal = expected_affect(emotions)
        around = self._steady.around(at)
        scene_known = around is not None and around.label != UNCLEAR
        return Draft(
            id=self._new_id(),
            basis="speech",
            at=at,
            seconds=seconds,
            emotion=emotion,
            confidence=_share(confidence),
            emotions={label: _share(share) for label, share in emotions.items()},
            valence=_affect(valence),
            arousal=_affect(arousal),
            scene=_scene(around) if around is not None and scene_known else None,
            rule=None,
            level_dbfs=round(level, 1),
            models=Models(
                gate=self._detector.name, speech=self._speech.name, scene=self._scenes.name if scene_known else None
            ),
            continues=None,
        )

    def _scene_drafts(self, stretches: list[Stretch]) -> list[Draft]:
        return [self._scene_draft(stretch) for stretch in stretches]

    def _scene_draft(self, stretch: Stretch) -> Draft:
        ruling = self.rules.apply(
            stretch.reading,
            stretch.level_dbfs,
            self._hour_at(stretch.at),
            median_dbfs=median(self._levels) if len(self._levels) >= _MEDIAN_FROM else None,
            spl_at_0dbfs=self._spl_at_0dbfs,
            seconds=stretch.lasting,
        )
        return Draft(
            id=stretch.id,
            basis="scene",
            at=stretch.at,
            seconds=stretch.seconds,
            emotion=ruling.emotion,
            confidence=_share(ruling.confidence),
            emotions={label: _share(share) for label, share in ruling.emotions.items()},
            valence=_affect(ruling.valence),
            arousal=_affect(ruling.arousal),
            scene=_scene(stretch.reading),
            rule=ruling.rule,
            level_dbfs=round(stretch.level_dbfs, 1),
            models=Models(gate=self._detector.name, scene=self._scenes.name, rules=str(self.rules.version)),
            continues=stretch.continues,
        )


def _strongest(emotions: dict[str, float], unclear_below: float) -> tuple[Emotion, float]:
    label: Emotion = max(EMOTIONS, key=lambda name: emotions[name])
    return (label if emotions[label] >= unclear_below else "unclear"), emotions[label]


def _scene(reading: SceneReading) -> Scene:
    return Scene(label=reading.label, group=reading.group, confidence=_share(reading.confidence))


def _share(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 4)


def _affect(value: float) -> float:
    return round(min(1.0, max(-1.0, value)), 4)
