"""Moments for tests: one that is valid in every field, with what a test cares about changed."""

from datetime import datetime, timedelta, timezone

from moments import EMOTIONS, Clip, Models, Moment, Place, Scene, uuid7

START = datetime(2026, 5, 22, 9, 32, 10, 250_000, timezone(timedelta(hours=9)))


def shares(strongest: str, share: float = 0.72) -> dict[str, float]:
    """A distribution with one strongest label."""
    rest = (1 - share) / (len(EMOTIONS) - 1)
    return {label: share if label == strongest else rest for label in EMOTIONS}


def make(**changes: object) -> Moment:
    """A valid moment of its own id. Setting `basis="none"` or `emotion` alone changes what must go with it."""
    values: dict[str, object] = {
        "id": uuid7(),
        "device": "pocket-1",
        "start": START,
        "seconds": 4.2,
        "clock": "synced",
        "origin": "ambient",
        "basis": "speech",
        "emotion": "happiness",
        "confidence": 0.72,
        "valence": 0.58,
        "arousal": 0.31,
        "scene": Scene(label="cafe", group="people", confidence=0.83),
        "level_dbfs": -31.2,
        "place": Place(lat=35.1341, lon=129.1032, accuracy_m=6.5, age_s=1.2),
        "models": Models(gate="gate-1@3f2a9c1d", speech="speech-1@ab12cd34", rules="1"),
    }
    if changes.get("basis") == "none":
        values |= dict.fromkeys(("emotion", "confidence", "emotions", "valence", "arousal"))
    else:
        felt = changes.get("emotion", "happiness")
        values["emotions"] = shares("neutral" if felt == "unclear" else str(felt))
    return Moment(**(values | changes))  # type: ignore[arg-type]


def clip() -> Clip:
    """The name of a sound."""
    return Clip(sha256="ab" * 32, seconds=4.2, media_type="audio/flac")
