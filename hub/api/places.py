"""Calls about places: where a person returns to, and what they call it."""

from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hub.api.asked import answer, owner_of, parts_of, sight
from hub.api.problems import Problem
from hub.explore import named, places
from hub.query.filter import plain

router = APIRouter(prefix="/api", tags=["explore"])

Owner = Annotated[
    Annotated[str, AfterValidator(plain)] | None,
    Query(
        min_length=1,
        max_length=100,
        description="whose; without it everybody's, or the token's owner's",
        examples=["Ann"],
    ),
]

_EXAMPLE: Final[dict[str, Any]] = {
    "id": "0196f3c2-8f0e-7c1a-9a52-6d0f4f1e2b33",
    "name": "home",
    "lat": 35.1341,
    "lon": 129.1032,
    "radius_m": 120.0,
    "count": 5310,
    "seconds": 40123.5,
    "valence": 0.21,
    "arousal": -0.12,
    "first": "2026-01-03",
    "last": "2026-05-22",
}


class Place(BaseModel):
    """A place that the person returns to, what was heard there, and from which day to which."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})
    id: str
    name: str | None
    lat: float
    lon: float
    radius_m: float
    count: int
    seconds: float
    valence: float | None
    arousal: float | None
    first: str | None
    last: str | None


class Places(BaseModel):
    """The places, those with the most time first."""

    items: list[Place]


class PlaceBody(BaseModel):
    """A name for a place; null takes the name of the place `id` away. A new name without an owner is nobody's."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "home", "lat": 35.1341, "lon": 129.1032, "radius_m": 120}]},
    )
    id: Annotated[str, Field(max_length=64), AfterValidator(plain)] | None = None
    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(plain)] | None
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    radius_m: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]


def _all(request: Request, asked: str | None) -> list[dict[str, Any]]:
    parts, whose = parts_of(request), owner_of(request, asked) or None
    parts.place_days.refresh()
    seen = replace(sight(request), owner=asked)
    with parts.store.reading() as connection:
        found = places.places(places.cells_of(connection, seen), named.of(connection, whose))
    return [place.shown() for place in found]


@router.get("/places", response_model=Places)
def list_places(request: Request, owner: Owner = None) -> Response:
    """The places that a person returns to, and those with a name."""
    return answer({"items": _all(request, owner)})


@router.put("/places", response_model=Places)
def name_place(request: Request, body: PlaceBody, owner: Owner = None) -> Response:
    """Name a place, or take its name away; gives the places."""
    store, whose = parts_of(request).store, owner_of(request, owner) or None
    if body.name is not None:
        named.name(store, whose, named.Named(body.id or "", body.name, body.lat, body.lon, body.radius_m))
    elif not named.forget(store, whose, body.id or ""):
        raise Problem(404, "There is no named place with this id.")
    return answer({"items": _all(request, owner)})
