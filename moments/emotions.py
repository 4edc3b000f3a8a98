"""The emotion vocabulary and where each emotion lies in the plane of valence and arousal.

The words are those of W3C EmotionML's "big six" with `neutral` and `calm`.
"""

from collections.abc import Mapping
from typing import Final, Literal

Emotion = Literal["neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise", "unclear"]

EMOTIONS: Final = ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
"""The eight labels that a distribution covers, in the order of the speech model's outputs."""

UNCLEAR: Final = "unclear"
"""Stands in `emotion` when no label is confident enough; it has no coordinates of its own."""

COORDINATES: Final[Mapping[str, tuple[float, float]]] = {
    "neutral": (0.0, 0.0),
    "calm": (0.60, -0.55),
    "happiness": (0.81, 0.51),
    "sadness": (-0.63, -0.27),
    "anger": (-0.51, 0.59),
    "fear": (-0.64, 0.60),
    "disgust": (-0.60, 0.35),
    "surprise": (0.40, 0.67),
}
"""(valence, arousal) in [-1, 1].

Happiness, sadness, anger, fear, disgust and surprise: the pleasure and arousal means of the emotion terms in
Russell & Mehrabian (1977), "Evidence for a three-factor theory of emotions", Journal of Research in Personality
11(3), 273-294. Neutral is the origin of that space by definition. Calm lies in the quadrant of low arousal and
positive valence, at the place of "calm" on the circle of Russell (1980), "A circumplex model of affect", Journal of
Personality and Social Psychology 39(6), 1161-1178, read at the radius of the terms above.
"""


def expected_affect(emotions: Mapping[str, float]) -> tuple[float, float]:
    """Give the expectation of (valence, arousal) under a distribution over `EMOTIONS` that sums to one."""
    valence = sum(share * COORDINATES[label][0] for label, share in emotions.items())
    arousal = sum(share * COORDINATES[label][1] for label, share in emotions.items())
    return valence, arousal
