"""What a request asks for, read from its query and seen through its token."""

import dataclasses
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any, Final
from unicodedata import normalize

from fastapi import Query, Request, Response

from hub.api.feed import Feed
from hub.api.problems import Problem
from hub.explore.place_days import PlaceDays
from hub.forgetting import Forgetting
from hub.metrics import Metrics
from hub.query.filter import PARAMETERS, BadQuery, Filter, parse
from hub.query.say import Language
from hub.records.reader import Reader
from hub.records.sounds import Sounds
from hub.stores.store import Store
from hub.telling import Telling
from hub.tokens import EVERYTHING, Access


@dataclass(frozen=True, slots=True)
class Parts:
    """What the calls work with."""

    store: Store
    metrics: Metrics
    feed: Feed
    telling: Telling
    sounds: Sounds
    reader: Reader
    forgetting: Forgetting
    place_days: PlaceDays


Owner = Annotated[
    str | None,
    Query(min_length=1, max_length=100, description="whose; without it those of nobody, or the token's owner's"),
]


_SAYS: Final = {
    "emotion": "any of these; the person's correction counts before the reading",
    "from": "inclusive: a wearer's day (2026-05-22) or an RFC 3339 time",
    "to": "exclusive: a wearer's day or an RFC 3339 time",
    "bbox": "west,south,east,north",
    "near": "lat,lon",
    "radius_m": "with near; 500 by default",
    "valence": "lo,hi",
    "arousal": "lo,hi",
    "text": "words that begin words of the note or the scene",
    "has": "note, clip, place",
    "tz": "Area/City: whose day a date is, in place of the wearer's",
    "order": "newest (by default) or oldest",
    "limit": "1 to 1000, 100 by default",
    "cursor": "`next` of the page before",
    "lang": "en (by default) or ko: the language of `describes`",
    "by": "one or two of hour, day, week, month, hour_of_day, weekday, emotion, scene, device, place",
    "date": "the day, today by default",
    "span": "week (by default) or month",
    "format": "csv, ndjson (by default), geojson or parquet",
}
_REPEATED: Final = ("emotion", "basis", "origin", "scene", "device", "has")


def documented(*also: str) -> dict[str, Any]:
    """Give the OpenAPI text of the filter's parameters and those named."""
    text = {"type": "string"}
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "description": _SAYS.get(name, ""),
                "schema": {"type": "array", "items": text} if name in _REPEATED else text,
            }
            for name in (*PARAMETERS, *also)
        ]
    }


def parts_of(request: Request) -> Parts:
    """Give what the app was made with."""
    parts: Parts = request.app.state.parts
    return parts


def sight(request: Request) -> Filter:
    """Give the filter that means all that the call's token sees."""
    access: Access = getattr(request.state, "access", None) or EVERYTHING
    return Filter(only_device=access.device, only_owner=access.owner)


def owner_of(request: Request, asked: str | None) -> str:
    """Say whose settings a call means: the token's owner's, or who is asked for by a token of no owner ("": nobody)."""
    seen = sight(request)
    if seen.only_device is not None:
        raise Problem(403, "This token is one device's, and settings are an owner's.")
    if seen.only_owner is not None and asked not in {None, seen.only_owner}:
        raise Problem(403, "This token is another owner's.")
    return seen.only_owner or asked or ""


def person_words(text: str) -> str:
    """Give what a person wrote, as it is kept."""
    return normalize("NFC", text.strip())


def read(request: Request, also: Collection[str] = ()) -> tuple[Filter, dict[str, str]]:
    """Read the filter and the parameters named in `also`. Raises BadQuery."""
    asked, rest = parse(request.query_params.multi_items(), also)
    seen = sight(request)
    return dataclasses.replace(asked, only_device=seen.only_device, only_owner=seen.only_owner), rest


def language(values: dict[str, str]) -> Language:
    """Read `lang`. Raises BadQuery."""
    found = values.get("lang", "en")
    if found not in {"en", "ko"}:
        raise BadQuery("lang", f"{found!r} is none of en, ko")
    return found  # type: ignore[return-value]


def answer(body: Any, status: int = 200) -> Response:
    """Make a JSON answer."""
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text.encode(), status, media_type="application/json")
