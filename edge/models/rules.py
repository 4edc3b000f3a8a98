"""Rules: what a scene feels like, by loudness, hour and duration (`configs/scenes.yaml`).

The first rule of a scene whose conditions all hold speaks for it. A reading is usually of several scenes, so their
rules are mixed by the scenes' shares.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from edge.models.rules_file import WrongRules, validated
from edge.models.scene_table import UNCLEAR, table
from edge.models.scenes import SceneReading
from moments import EMOTIONS, Emotion
from moments import Rule as Because

__all__ = ["Rule", "Rules", "Ruling", "Situation", "WrongRules"]

LIKELY: Final = 0.1
"""A scene with a smaller share has no say in the mixture."""

CONFIDENT: Final = 0.35
"""The share of the strongest emotion below which the emotion is `unclear`."""

_SUM_TOLERANCE: Final = 0.005

Affect = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
Hour = Annotated[float, Field(ge=0, le=24, allow_inf_nan=False)]
Decibel = Annotated[float, Field(ge=-150, le=150, allow_inf_nan=False)]


class _Setting(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Situation:
    """What a rule may ask about; None where it is not known, and then no condition on it holds.

    `level_db`: dB above the device's own median level. `spl_db`: dB SPL, known once the microphone is calibrated.
    `hour`: local time in hours, [0, 24). `seconds`: for how long the scene has gone on.
    """

    level_db: float | None = None
    spl_db: float | None = None
    hour: float | None = None
    seconds: float | None = None


class Range(_Setting):
    """At least `least` and below `below`; one of the two may be left out."""

    least: Decibel | None = None
    below: Decibel | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.least is None and self.below is None:
            raise ValueError("give least, below or both")
        if self.least is not None and self.below is not None and self.least >= self.below:
            raise ValueError("least must be less than below")
        return self

    def holds(self, value: float | None) -> bool:
        """Tell whether a known value lies inside."""
        return (
            value is not None
            and (self.least is None or value >= self.least)
            and (self.below is None or value < self.below)
        )


class Lasting(_Setting):
    """A scene that has gone on for at least `least` seconds, for less than `below`, or both."""

    least: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    below: Annotated[float, Field(gt=0, le=86_400)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.least and self.below is None:
            raise ValueError("give least, below or both")
        if self.below is not None and self.least >= self.below:
            raise ValueError("least must be less than below")
        return self

    def holds(self, seconds: float | None) -> bool:
        """Tell whether a known time lies inside."""
        return seconds is not None and self.least <= seconds and (self.below is None or seconds < self.below)


class When(_Setting):
    """The conditions of a rule; all must hold. `hour` is [from, to): [22, 6] is the night."""

    level_db: Range | None = None
    spl_db: Range | None = None
    hour: tuple[Hour, Hour] | None = None
    seconds: Lasting | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("give a condition, or leave `when` out")
        if self.hour is not None and self.hour[0] == self.hour[1]:
            raise ValueError("an hour from one time to the same never comes; leave it out for the whole day")
        return self

    def holds(self, now: Situation) -> bool:
        """Tell whether all conditions hold; one on something unknown does not."""
        return (
            (self.level_db is None or self.level_db.holds(now.level_db))
            and (self.spl_db is None or self.spl_db.holds(now.spl_db))
            and (self.hour is None or (now.hour is not None and _between(now.hour, *self.hour)))
            and (self.seconds is None or self.seconds.holds(now.seconds))
        )


class Rule(_Setting):
    """One row of the table: a scene, when it speaks, what it says, and why.

    `emotions`: shares of the eight, those not named are 0; they sum to 1. `because`: the reason in words, as the
    moment carries it. `judged_from`: keys of `sources`.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    scene: str
    when: When | None = None
    because: Annotated[str, Field(min_length=1, max_length=200)]
    emotions: dict[str, Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]]
    valence: Affect
    arousal: Affect
    judged_from: Annotated[list[str], Field(min_length=1)]

    @property
    def asks_loudness(self) -> bool:
        """Whether it speaks for a loudness of its own, which its numbers then hold already."""
        return self.when is not None and (self.when.level_db is not None or self.when.spl_db is not None)

    @field_validator("scene")
    @classmethod
    def _is_a_scene(cls, scene: str) -> str:
        known = [row.label for row in table()]
        if scene not in known:
            raise ValueError(f"no scene is called {scene!r}; the scenes are {', '.join(known)}")
        return scene

    @field_validator("emotions")
    @classmethod
    def _is_a_distribution(cls, shares: dict[str, float]) -> dict[str, float]:
        if unknown := set(shares) - set(EMOTIONS):
            raise ValueError(f"no emotion is called {min(unknown)!r}; the emotions are {', '.join(EMOTIONS)}")
        if abs(sum(shares.values()) - 1) > _SUM_TOLERANCE:
            raise ValueError(f"the shares must sum to 1, these sum to {sum(shares.values()):g}")
        return shares


class Loudness(_Setting):
    """How loudness moves what a rule says that does not ask for it: per dB above or below the device's own median.

    No more than `most_db` of them count. `judged_from`: keys of `sources`.
    """

    valence_per_db: Annotated[float, Field(ge=-0.1, le=0.1, allow_inf_nan=False)]
    arousal_per_db: Annotated[float, Field(ge=-0.1, le=0.1, allow_inf_nan=False)]
    most_db: Annotated[float, Field(gt=0, le=60)] = 20.0
    judged_from: Annotated[list[str], Field(min_length=1)]


class _File(_Setting):
    version: Annotated[str, Field(min_length=1, max_length=32)]
    sources: dict[str, str]
    loudness: Loudness | None = None
    rules: list[Rule]

    @field_validator("version", mode="before")
    @classmethod
    def _as_text(cls, version: object) -> object:
        return str(version) if isinstance(version, int | float) else version

    @field_validator("rules")
    @classmethod
    def _covers_every_scene(cls, rules: list[Rule]) -> list[Rule]:
        twice = [name for name, count in Counter(rule.id for rule in rules).items() if count > 1]
        if twice:
            raise ValueError(f"two rules have the id {twice[0]!r}; give each its own")
        for row in table():
            own = [rule for rule in rules if rule.scene == row.label]
            if not own or own[-1].when is not None:
                raise ValueError(f"the last rule for {row.label!r} must be one without `when`, which speaks else")
            if early := next((rule for rule in own[:-1] if rule.when is None), None):
                raise ValueError(f"{early.id!r} has no `when`, so the rules for {row.label!r} after it never speak")
        return rules

    @model_validator(mode="after")
    def _sources_are_told(self) -> Self:
        loudness = [("`loudness`", self.loudness.judged_from)] if self.loudness else []
        for name, judged_from in [*loudness, *((f"rule {rule.id!r}", rule.judged_from) for rule in self.rules)]:
            if unknown := set(judged_from) - set(self.sources):
                raise ValueError(f"{name} is judged from {min(unknown)!r}, which `sources` does not name")
        return self


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say of a reading: the emotional part of a moment, with `rule` None when no scene is likely."""

    emotion: Emotion
    confidence: float
    emotions: dict[str, float]
    valence: float
    arousal: float
    rule: Because | None


class Rules:
    """A table of rules that was found valid. It does not change; a changed file is another load."""

    def __init__(self, file: _File) -> None:
        self._file = file

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file of rules. Raises WrongRules, which names file, line and field."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise WrongRules(f"the rules {path} cannot be read: {error}") from error
        return cls.parse(text, str(path))

    @classmethod
    def parse(cls, text: str, name: str = "rules") -> Self:
        """Read rules from YAML (or JSON) text; `name` stands in the messages. Raises WrongRules."""
        return cls(validated(_File, text, name))

    @property
    def version(self) -> str:
        """The file's own version, as a moment tells it."""
        return self._file.version

    @property
    def sources(self) -> dict[str, str]:
        """The works that rules are judged from, by key."""
        return dict(self._file.sources)

    def to_json(self) -> str:
        """Write the table as JSON, which `parse` reads as well."""
        return self._file.model_dump_json(exclude_none=True)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._file.rules)

    @property
    def loudness(self) -> Loudness | None:
        """How loudness moves the rules that do not ask for it, where the table says so."""
        return self._file.loudness

    def affect(self, rule: Rule, now: Situation) -> tuple[float, float]:
        """Give a rule's valence and arousal in a situation, both in [-1, 1]: as loudness moves them."""
        loudness = self._file.loudness
        if loudness is None or now.level_db is None or rule.asks_loudness:
            return rule.valence, rule.arousal
        level_db = min(max(now.level_db, -loudness.most_db), loudness.most_db)
        return (
            min(max(rule.valence + loudness.valence_per_db * level_db, -1.0), 1.0),
            min(max(rule.arousal + loudness.arousal_per_db * level_db, -1.0), 1.0),
        )

    def rule_for(self, scene: str, now: Situation) -> Rule:
        """Give the rule that speaks for a scene. Raises KeyError for a scene that the table does not know."""
        for rule in self._file.rules:
            if rule.scene == scene and (rule.when is None or rule.when.holds(now)):
                return rule
        raise KeyError(scene)

    def apply(
        self,
        reading: SceneReading,
        level_dbfs: float | None = None,
        hour: float | None = None,
        *,
        median_dbfs: float | None = None,
        spl_at_0dbfs: float | None = None,
        seconds: float | None = None,
    ) -> Ruling:
        """Say what a reading feels like.

        `level_dbfs`: of the segment; `median_dbfs`: the device's own median; `spl_at_0dbfs`: its calibration; `hour`:
        local, [0, 24); `seconds`: how long the scene has gone on. What is None is unknown.

        The rules of its label and of the scenes with a share of at least `LIKELY` are mixed by their shares. An
        unclear reading says nothing: no rule, even shares, and `unclear` for its emotion.
        """
        now = Situation(
            level_db=None if level_dbfs is None or median_dbfs is None else level_dbfs - median_dbfs,
            spl_db=None if level_dbfs is None or spl_at_0dbfs is None else level_dbfs + spl_at_0dbfs,
            hour=hour,
            seconds=seconds,
        )
        shares = {scene: share for scene, share in reading.shares.items() if share >= LIKELY and scene != UNCLEAR}
        if reading.label == UNCLEAR:
            even = 1 / len(EMOTIONS)
            return Ruling(UNCLEAR, even, dict.fromkeys(EMOTIONS, even), 0.0, 0.0, None)
        # a reading that was smoothed over time may carry a label that is not its likeliest any more
        shares[reading.label] = max(LIKELY, reading.shares[reading.label])
        total = sum(shares.values())
        mixed = [(share / total, self.rule_for(scene, now)) for scene, share in shares.items()]
        raw = {label: sum(share * rule.emotions.get(label, 0.0) for share, rule in mixed) for label in EMOTIONS}
        emotions = {label: value / sum(raw.values()) for label, value in raw.items()}
        affects = [(share, *self.affect(rule, now)) for share, rule in mixed]
        told = self.rule_for(reading.label, now)
        return Ruling(
            emotion=named(emotions),
            confidence=max(emotions.values()),
            emotions=emotions,
            valence=sum(share * valence for share, valence, _ in affects),
            arousal=sum(share * arousal for share, _, arousal in affects),
            rule=Because(id=told.id, because=told.because),
        )


def named(emotions: Mapping[str, float]) -> Emotion:
    """Give the strongest emotion, `unclear` where it is not confident enough."""
    strongest = max(emotions, key=emotions.__getitem__)
    return strongest if emotions[strongest] >= CONFIDENT else UNCLEAR  # type: ignore[return-value]


def _between(hour: float, begin: float, end: float) -> bool:
    return begin <= hour < end if begin <= end else hour >= begin or hour < end
