"""What an owner may set, with its bounds: the shapes that the API takes and shows and the devices get."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Days = Annotated[int, Field(ge=1, le=36_500)]
Hour = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="local time, HH:MM")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Zone(_Shape):
    """A circle in which the device tells no place, and with `pause` does not listen."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    radius_m: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
    pause: Annotated[bool, Field(description="do not listen there at all")] = False


class Span(_Shape):
    """A span of local time in which the device is paused; `to` before `from` ends on the next day."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    days: Annotated[list[Weekday], Field(min_length=1, max_length=7, description="the days on which it begins")]
    begin: Annotated[Hour, Field(alias="from")]
    end: Annotated[Hour, Field(alias="to")]

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.begin == self.end:
            raise ValueError("from and to must differ")
        return self


class Clips(_Shape):
    """Whether a mark keeps sound, and how much before and after it."""

    enabled: bool = False
    before_s: Annotated[float, Field(ge=0, le=120, allow_inf_nan=False)] = 20
    after_s: Annotated[float, Field(ge=0, le=120, allow_inf_nan=False)] = 10


class Retention(_Shape):
    """After how many days what was heard in passing, and clips, are erased; null: as the hub's settings say."""

    speech_days: Days | None = None
    scene_days: Days | None = None
    clip_days: Days | None = None


_EXAMPLE: Final[dict[str, Any]] = {
    "zones": [{"name": "home", "lat": 35.1341, "lon": 129.1032, "radius_m": 150, "pause": True}],
    "schedule": [{"days": ["mon", "tue"], "from": "22:00", "to": "07:00"}],
    "clips": {"enabled": True, "before_s": 20, "after_s": 10},
    "retention": {"speech_days": 365, "scene_days": 90, "clip_days": 30},
}


class Settings(_Shape):
    """All that an owner sets but for the rules. `clips` null: each device's own settings hold."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [_EXAMPLE]})
    zones: Annotated[list[Zone], Field(max_length=100)] = []
    schedule: Annotated[list[Span], Field(max_length=50)] = []
    clips: Clips | None = None
    retention: Retention = Retention()


class Shown(Settings):
    """The settings as they are kept."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 3, **_EXAMPLE}]})
    version: Annotated[int, Field(description="counts every change of settings or rules; 0: never set")]
