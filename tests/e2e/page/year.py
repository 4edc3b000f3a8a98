"""A year of moments as a wearer's days would give them, the same each time."""

import hashlib
import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from moments import COORDINATES, EMOTIONS, Models, Moment, Place, Rule, Scene, expected_affect, uuid7

SEOUL = timezone(timedelta(hours=9))
HOME = (35.1341, 129.1032)

# label, group, emotion, the rule's reason, likelier hours
SCENES = (
    ("rain", "nature", "calm", "light rain at night", range(19, 24)),
    ("birdsong", "nature", "calm", "birdsong in the morning", range(6, 9)),
    ("sea", "nature", "calm", "waves of the sea", range(10, 18)),
    ("street", "transport", "neutral", "street traffic", range(8, 20)),
    ("alarm", "signals", "fear", "a siren or an alarm", range(8, 23)),
    ("laughter", "people", "happiness", "laughter", range(12, 22)),
    ("applause", "people", "surprise", "applause", range(18, 22)),
    ("office", "indoors", "neutral", "desk work", range(9, 18)),
    ("baby_crying", "people", "sadness", "crying", range(6, 23)),
)

MODELS = Models(gate="gate-1@3f2a9c1d", speech="speech-1@ab12cd34", scene="scene-1@99aa01ff", rules="1")


def _distribution(dice: random.Random, strongest: str, share: float) -> dict[str, float]:
    rest = {label: dice.random() for label in EMOTIONS if label != strongest}
    total = sum(rest.values())
    spread = {label: round(value / total * (1 - share), 3) for label, value in rest.items()}
    return {label: round(1 - sum(spread.values()), 3) if label == strongest else spread[label] for label in EMOTIONS}


def _moment(dice: random.Random, start: datetime, device: str, scene: tuple, continues: str | None) -> Moment:
    label, group, feeling, because, _ = scene
    spoken = dice.random() < 0.3
    seconds = round(dice.uniform(0.6, 9.0), 1) if spoken else 5.0
    mood = 0.5 + 0.4 * ((start.timetuple().tm_yday % 60) / 60 - 0.5)
    weights = [3, 2, 4 * mood, 1.5 * (1 - mood), 1, 0.6, 0.4, 0.8]
    emotion = dice.choices(EMOTIONS, weights)[0] if spoken else feeling
    share = round(dice.uniform(0.42, 0.9), 3)
    emotions = _distribution(dice, emotion, share)
    valence, arousal = expected_affect(emotions) if spoken else COORDINATES[emotion]
    at = (HOME[0] + dice.gauss(0, 0.02), HOME[1] + dice.gauss(0, 0.02))
    place = Place(lat=round(at[0], 5), lon=round(at[1], 5), accuracy_m=6.5, age_s=1.2)
    return Moment(
        id=_id(start, device),
        device=device,
        start=start,
        seconds=seconds,
        clock="synced",
        origin="ambient",
        basis="speech" if spoken else "scene",
        emotion="unclear" if share < 0.46 else emotion,
        confidence=share,
        emotions=emotions,
        valence=round(valence, 3),
        arousal=round(arousal, 3),
        scene=Scene(label=label, group=group, confidence=round(dice.uniform(0.5, 0.98), 2)),
        rule=None if spoken else Rule(id=label, because=because),
        level_dbfs=round(dice.uniform(-48, -18), 1),
        place=place if dice.random() < 0.8 else None,
        continues=continues,
        models=MODELS,
    )


def _id(start: datetime, device: str) -> str:
    """A UUIDv7 that is the same for the same moment."""
    seed = hashlib.sha256(f"{device} {start.isoformat()}".encode()).hexdigest()
    made = uuid7(int(start.timestamp() * 1000))
    return f"{made[:14]}7{seed[:3]}-8{seed[3:6]}-{seed[6:18]}"


def day(date: datetime, stretches: int, device: str = "pocket-1", until: datetime | None = None) -> Iterator[Moment]:
    """Moments of one day between 06:30 and 23:00, in stretches of one surrounding each; none after `until`."""
    dice = random.Random(f"{date:%Y-%m-%d} {device}")
    begins = date.replace(hour=6, minute=30, second=0, microsecond=0)
    free = begins
    for time in sorted(begins + timedelta(seconds=dice.randrange(int(16.4 * 3600))) for _ in range(stretches)):
        start = max(time, free)
        scene = dice.choice([scene for scene in SCENES if start.hour in scene[4]] or SCENES[:1])
        before = None
        for _ in range(dice.randint(3, 14)):
            if until is not None and start > until:
                return
            made = _moment(dice, start, device, scene, before)
            yield made
            before = made.id if made.basis == "scene" else None
            start += timedelta(seconds=made.seconds)
        free = start


def year(last: datetime, days: int = 365, stretches: int = 4, device: str = "pocket-1") -> Iterator[Moment]:
    """Moments of `days` days up to the time `last`, oldest first."""
    for ago in range(days - 1, -1, -1):
        yield from day(last - timedelta(days=ago), stretches, device, until=last)
