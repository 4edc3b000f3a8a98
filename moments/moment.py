"""A moment: a reading with time, place, emotion, valence and arousal. It never changes."""

import json
import math
import re
from datetime import datetime
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, model_validator

from moments.emotions import EMOTIONS, Emotion
from moments.topics import valid_device

SCHEMA: Final = 1
"""The version of the wire format that this code speaks."""

_SUM_TOLERANCE: Final = 0.02  # eight shares, each rounded to three digits or fewer
_UNFELT: Final = (None, None, None, None, None)
_LABELS: Final = frozenset(EMOTIONS)
_USUAL_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _uuid(text: str) -> str:
    return text if _USUAL_UUID.fullmatch(text) else str(UUID(text))


def _device(text: str) -> str:
    if not valid_device(text):
        raise ValueError("a device is named by 1 to 64 letters, digits, '.', '_' or '-'")
    return text


def _distribution(shares: dict[str, float]) -> dict[str, float]:
    if shares.keys() != _LABELS:
        raise ValueError(f"must give a share for each of {', '.join(EMOTIONS)}, and for nothing else")
    if not math.isclose(sum(shares.values()), 1.0, abs_tol=_SUM_TOLERANCE):
        raise ValueError("shares must sum to 1")
    return shares


def _whole_ms(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _rfc3339(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


Start = Annotated[
    AwareDatetime, AfterValidator(_whole_ms), PlainSerializer(_rfc3339, return_type=str, when_used="json")
]
Id = Annotated[str, AfterValidator(_uuid)]
DeviceId = Annotated[str, AfterValidator(_device)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Affect = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Label = Annotated[str, Field(min_length=1, max_length=64)]


def is_json(value: object) -> bool:
    """Tell whether a value can be written as JSON in UTF-8: no number is infinite or none, and all text is text."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True


class _Wire(BaseModel):
    """Wire data: frozen, and unknown fields survive a round trip."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Scene(_Wire):
    """What the surroundings sound like."""

    label: Label
    group: Label
    confidence: Share


class Rule(_Wire):
    """The rule that turned a scene into an emotion, and its reason in words."""

    id: Label
    because: Annotated[str, Field(max_length=200)]


class Place(_Wire):
    """Where the device was, and how old that knowledge is."""

    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, description="degrees north, WGS 84")]
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, description="degrees east, WGS 84")]
    accuracy_m: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    altitude_m: Finite | None = None
    age_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


class Clip(_Wire):
    """The sound of a record, named by its hash; it never travels over MQTT."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    media_type: Label


class Models(_Wire):
    """Which weights and rules spoke: NAME@HASH, or null for a part that was not asked."""

    gate: Label | None = None
    speech: Label | None = None
    scene: Label | None = None
    rules: Label | None = None


class Moment(_Wire):
    """One moment as it is published, stored and found."""

    schema_: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    id: Annotated[Id, Field(description="UUIDv7; names the moment for ever")]
    device: DeviceId
    start: Annotated[Start, Field(description="RFC 3339 in milliseconds, with the local offset of the place")]
    seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
    clock: Literal["synced", "gps", "free"]
    origin: Literal["ambient", "mark", "upload", "note"]
    basis: Literal["speech", "scene", "none"]
    emotion: Emotion | None
    confidence: Share | None
    emotions: Annotated[dict[str, Share], AfterValidator(_distribution)] | None
    valence: Affect | None
    arousal: Affect | None
    scene: Scene | None = None
    rule: Rule | None = None
    level_dbfs: Annotated[float, Field(ge=-120, le=20, allow_inf_nan=False)] | None = None
    place: Place | None = None
    clip: Clip | None = None
    record: Id | None = None
    continues: Id | None = None
    models: Models = Models()

    model_config = ConfigDict(extra="allow", frozen=True, serialize_by_alias=True, validate_by_alias=True)

    @model_validator(mode="after")
    def _emotion_goes_with_sound(self) -> Self:
        felt = (self.emotion, self.confidence, self.emotions, self.valence, self.arousal)
        if self.basis == "none" and felt != _UNFELT:
            raise ValueError("basis 'none' has no sound, so no emotion, confidence, emotions, valence or arousal")
        if self.basis != "none" and None in felt:
            raise ValueError("emotion, confidence, emotions, valence and arousal are needed when there is sound")
        return self

    @model_validator(mode="after")
    def _what_is_unknown_can_be_told_on(self) -> Self:
        for part in (self, self.scene, self.rule, self.place, self.clip, self.models):
            if part is not None and part.model_extra and not is_json(part.model_extra):
                raise ValueError("an unknown field holds a number or a text that JSON cannot tell")
        return self

    @classmethod
    def from_json(cls, payload: bytes | str) -> Self:
        """Read one from the wire. Raises pydantic.ValidationError with each wrong field named."""
        return cls.model_validate_json(payload)

    def to_json(self) -> bytes:
        """Write it for the wire: UTF-8 JSON, unknown fields included."""
        return self.model_dump_json(by_alias=True).encode()
