"""The contract that device and hub speak: moments, emotions, topics. Imports nothing of ours."""

from moments.emotions import COORDINATES, EMOTIONS, UNCLEAR, Emotion, expected_affect
from moments.ids import uuid7
from moments.moment import Clip, Models, Moment, Place, Rule, Scene

__all__ = [
    "COORDINATES",
    "EMOTIONS",
    "UNCLEAR",
    "Clip",
    "Emotion",
    "Models",
    "Moment",
    "Place",
    "Rule",
    "Scene",
    "expected_affect",
    "uuid7",
]
