"""Rules: what a scene feels like, by loudness, hour and duration (`configs/scenes.yaml`).

The first rule of a scene whose conditions all hold speaks for it. A reading is usually of several scenes, so their
rules are mixed by the scenes' shares.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from edge.models.rules_file import WrongRules, validated
from edge.models.rules_table import File, Loudness, Rule, Situation
from edge.models.scene_table import UNCLEAR
from edge.models.scenes import SceneReading
from moments import EMOTIONS, Emotion
from moments import Rule as Because

__all__ = ["Rules", "Ruling", "Situation", "WrongRules"]

LIKELY: Final = 0.1
"""A scene with a smaller share has no say in the mixture."""

CONFIDENT: Final = 0.35
"""The share of the strongest emotion below which the emotion is `unclear`."""


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

    def __init__(self, file: File) -> None:
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
        return cls(validated(File, text, name))

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
