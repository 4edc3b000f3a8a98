"""What a table of rules may say (`configs/scenes.yaml`)."""

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from edge.models.scene_table import table
from moments import EMOTIONS

_SUM_TOLERANCE: Final = 0.005

Affect = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
Hour = Annotated[float, Field(ge=0, le=24, allow_inf_nan=False)]
Decibel = Annotated[float, Field(ge=-150, le=150, allow_inf_nan=False)]
Source = Annotated[str, Field(max_length=64)]
Sources = Annotated[list[Source], Field(min_length=1, max_length=32)]


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


class Lasting(Range):
    """A scene that has gone on for at least `least` seconds, for less than `below`, or both."""

    least: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    below: Annotated[float, Field(gt=0, le=86_400)] | None = None

    @model_validator(mode="after")
    def _says_more_than_that_it_is(self) -> Self:
        if not self.least and self.below is None:
            raise ValueError("give least, below or both")
        return self


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
    judged_from: Sources

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
    judged_from: Sources


class File(_Setting):
    """A whole table, in which every scene has a rule. `sources`: the works that it is judged from, by key."""

    version: Annotated[str, Field(min_length=1, max_length=32)]
    sources: Annotated[dict[Source, Annotated[str, Field(max_length=1000)]], Field(max_length=200)]
    loudness: Loudness | None = None
    rules: Annotated[list[Rule], Field(max_length=1000)]

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


def _between(hour: float, begin: float, end: float) -> bool:
    return begin <= hour < end if begin <= end else hour >= begin or hour < end
