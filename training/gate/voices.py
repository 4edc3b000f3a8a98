"""Voices without words: which reader reads them best, and where the gate sends them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.gate.detector import Detector
from edge.models.scenes import SceneReader
from edge.models.speech import SpeechReader
from training import corpora
from training.gate.bank import TEST_EVERY
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
    """One kind of voice: its recordings, those of them that the gate never heard, and how many of these become speech.

    The readers heard none; each reads a share of all right, None where it has no word for it.
    """

    label: str
    files: int
    unheard: int
    uttered: int
    scene_right: float | None
    speech_right: float | None


def voices(detector: Detector, data: Path) -> Iterator[Voice]:
    """Route and read each kind of voice of the nonverbal corpus, with the readers that ship."""
    scenes, speech = SceneReader.load(), SpeechReader.load()
    files = list(enumerate(corpora.sounds(data, "nonverbal")))
    for label, (scene, emotions) in _MEANT.items():
        sounds = {i: corpora.read(file.path) for i, file in files if file.label == label}
        sounds = {i: unit(sound) * sound.dtype.type(0.05) for i, sound in sounds.items()}
        read = [scenes.read(sound).label in scene for sound in sounds.values()] if scene else None
        felt = [_strongest(speech.read(sound)) in emotions for sound in sounds.values()] if emotions else None
        uttered = [bool(speech_spans(detector, sound)) for i, sound in sounds.items() if i % TEST_EVERY == 0]
        yield Voice(label, len(sounds), len(uttered), sum(uttered), _share(read), _share(felt))


def _strongest(emotions: dict[str, float]) -> str:
    return max(emotions, key=lambda name: emotions[name])


def _share(right: list[bool] | None) -> float | None:
    return sum(right) / len(right) if right else None
