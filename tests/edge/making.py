"""Moments and settings for the device's tests."""

from datetime import UTC, datetime, timedelta

from moments import EMOTIONS, Clip, Moment, uuid7

NOON = datetime(2026, 5, 22, 12, 0, 0, tzinfo=UTC)
CLIP = Clip(sha256="a" * 64, seconds=3.0, media_type="audio/flac")


def moment(*, start=NOON, confidence=0.6, clock="synced", device="pocket-1", **more) -> Moment:
    """A speech moment whose strongest label has that confidence."""
    rest = (1 - confidence) / (len(EMOTIONS) - 1)
    emotions = dict.fromkeys(EMOTIONS, rest) | {"happiness": confidence}
    values = {
        "id": uuid7(),
        "device": device,
        "start": start,
        "seconds": 2.0,
        "clock": clock,
        "origin": "ambient",
        "basis": "speech",
        "emotion": "happiness",
        "confidence": confidence,
        "emotions": emotions,
        "valence": 0.5,
        "arousal": 0.3,
        "level_dbfs": -30.0,
    }
    return Moment(**(values | more))


def moments(n: int, **more) -> list[Moment]:
    """So many of them, a second apart."""
    return [moment(start=NOON + timedelta(seconds=i), **more) for i in range(n)]


def ids(rows):
    """The ids of the outbox's rows, in their order."""
    return [row.id for row in rows]
