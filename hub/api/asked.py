"""What a request asks for, read from its query and seen through its token."""

import dataclasses
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from unicodedata import normalize

from fastapi import Request, Response

from hub.api.feed import Feed
from hub.api.problems import Problem
from hub.explore.place_days import PlaceDays
from hub.forgetting import Forgetting
from hub.metrics import Metrics
from hub.query.filter import BadQuery, Filter, parse
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
    """Give what a person wrote, as it is kept; without NUL, which PostgreSQL does not take."""
    return normalize("NFC", text.replace("\0", "").strip())


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
