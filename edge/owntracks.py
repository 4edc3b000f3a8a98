"""Where a phone says it is: the locations of OwnTracks, for a device that has no receiver of its own.

The format is that of https://owntracks.org/booklet/tech/json/ (`_type: location`).
"""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

_Finite = Annotated[float, Field(allow_inf_nan=False)]


class Location(BaseModel):
    """A position on Earth; `tst` is its Unix time in seconds, `acc` its accuracy and `alt` its altitude in metres."""

    type_: Literal["location"] = Field(alias="_type")
    lat: Annotated[_Finite, Field(ge=-90, le=90)]
    lon: Annotated[_Finite, Field(ge=-180, le=180)]
    tst: _Finite
    acc: Annotated[_Finite, Field(ge=0)] | None = None
    alt: _Finite | None = None


class Encrypted(BaseModel):
    """A location that only who has the phone's key can read."""

    type_: Literal["encrypted"] = Field(alias="_type")


class Other(BaseModel):
    """Anything else that OwnTracks sends: transitions, waypoints, its last will."""

    type_: str = Field(alias="_type")


Message = Location | Encrypted | Other
_ANY: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(union_mode="left_to_right")])


def read(payload: bytes) -> Message:
    """Read one message. Raises pydantic's ValidationError for bytes that are none."""
    return _ANY.validate_json(payload)
