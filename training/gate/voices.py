"""Voices without words: which reader reads them best, and where the gate sends them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.gate.detector import Detector
from edge.models.scenes import SceneReader
from edge.models.speech import SpeechReader
from training import corpora
from training.gate.route import speech_spans
from training.gate.sounds import unit

_MEANT: Final[dict[str, tuple[set[str], set[str]]]] = {
    "laughing": ({"laughter"}, {"happiness"}),
    "crying": ({"baby_crying"}, {"sadness"}),
    "screaming": (set(), {"fear", "anger", "surprise"}),
    "moaning": (set(), {"sadness", "disgust"}),
    "sighing": ({"sleep"}, {"sadness", "calm", "neutral"}),
    "coughing": ({"coughing"}, set()),
    "sneezing": ({"coughing"}, set()),
    "throat_clearing": ({"coughing"}, set()),
    "yawning": ({"sleep"}, {"calm", "neutral"}),
}
"""What a reader that understands the voice would say: a scene of the table, an emotion. Empty: it has no such word."""


@dataclass(frozen=True)
class Voice:
    """One kind of voice: its files, and the shares of them that become speech and that each reader reads right."""

    label: str
    files: int
    uttered: float
    scene_right: float | None
    speech_right: float | None


def voices(detector: Detector, data: Path) -> Iterator[Voice]:
    """Route and read each kind of voice of the nonverbal corpus, with the readers that ship."""
    scenes, speech = SceneReader.load(), SpeechReader.load()
    for label, (scene, emotions) in _MEANT.items():
        sounds = [corpora.read(s.path) for s in corpora.sounds(data, "nonverbal") if s.label == label]
        sounds = [unit(sound) * sound.dtype.type(0.05) for sound in sounds]
        read = [scenes.read(sound).label in scene for sound in sounds] if scene else None
        felt = [_strongest(speech.read(sound)) in emotions for sound in sounds] if emotions else None
        uttered = [bool(speech_spans(detector, sound)) for sound in sounds]
        yield Voice(label, len(sounds), _mean(uttered), _mean(read) if read else None, _mean(felt) if felt else None)


def _strongest(emotions: dict[str, float]) -> str:
    return max(emotions, key=lambda name: emotions[name])


def _mean(values: list[bool]) -> float:
    return sum(values) / len(values)
