"""Calls about what an owner sets: settings and rules, for all devices of that owner."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from hub.api.asked import answer, owner_of, parts_of, sight
from hub.api.documented import Owner
from hub.api.problems import Problem
from hub.ingest.outgoing import written
from hub.query.pages import page, read_paging
from hub.settings import keep, rules
from hub.settings.shapes import Settings, Shown

router = APIRouter(prefix="/api", tags=["settings"])

_DRY_RUN_DAYS: Final = 7
_DRY_RUN_MOST: Final = 20_000
_PAGE: Final = 1000


class RulesBody(BaseModel):
    """A table of rules as YAML; null returns to the one that ships."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": None}]})
    text: Annotated[str, Field(max_length=rules.LONGEST)] | None


class RulesShown(BaseModel):
    """The table that is set; `own`: the owner's, not the one that ships. `rules` is what is in force, as a document."""

    version: int
    own: bool
    text: str
    rules: dict[str, Any]


class Change(BaseModel):
    """Moments of a scene that would have got another emotion."""

    model_config = ConfigDict(populate_by_name=True)
    scene: str
    was: Annotated[str, Field(alias="from")]
    would: Annotated[str, Field(alias="to")]
    count: int


class DryRun(BaseModel):
    """What another table would have made of the last week's scenes, each asked about alone."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "moments": 900,
                    "changed": 12,
                    "changes": [{"scene": "rain", "from": "calm", "to": "sadness", "count": 12}],
                }
            ]
        }
    )
    moments: int
    changed: int
    changes: list[Change]


@router.get("/settings", response_model=Shown)
def show_settings(request: Request, owner: Owner = None) -> Response:
    """What an owner has set; a token of one owner shows that owner's."""
    with parts_of(request).store.reading() as connection:
        return answer(keep.read(connection, owner_of(request, owner)).shown())


@router.put("/settings", response_model=Shown)
def write_settings(request: Request, body: Settings, owner: Owner = None) -> Response:
    """Set all of it; every device of that owner is told."""
    parts, whose = parts_of(request), owner_of(request, owner)
    _check_size(request, whose, "body", settings=body)
    kept = keep.write(parts.store, whose, settings=body)
    parts.telling.settings_changed(owner=whose)
    return answer(kept.shown())


def _shown(kept: keep.Kept) -> dict[str, Any]:
    text = kept.rules if kept.rules is not None else rules.default()
    table = rules.document(rules.in_force(kept.rules))
    return {"version": kept.version, "own": kept.rules is not None, "text": text, "rules": table}


@router.get("/rules", response_model=RulesShown)
def show_rules(request: Request, owner: Owner = None) -> Response:
    """The rules that turn a scene into an emotion on an owner's devices."""
    with parts_of(request).store.reading() as connection:
        kept = keep.read(connection, owner_of(request, owner))
    return answer(_shown(kept))


@router.put("/rules", response_model=RulesShown | DryRun)
def write_rules(
    request: Request,
    body: RulesBody,
    owner: Owner = None,
    dry_run: Annotated[
        bool, Query(description="set nothing; say what would have been in the last week", examples=[True])
    ] = False,
) -> Response:
    """Set the rules; every device of that owner is told. They hold for what is heard from then on."""
    parts, whose = parts_of(request), owner_of(request, owner)
    text = body.text
    try:
        after = rules.parse(text if text is not None else rules.default())
    except rules.WrongTable as error:
        raise Problem(422, str(error), "text") from None
    _check_size(request, whose, "text", rules=text)
    if dry_run:
        return answer(rules.compared(_in_force(request, whose), after, _last_week(request, owner)))
    kept = keep.write(parts.store, whose, rules=text)
    parts.telling.settings_changed(owner=whose)
    return answer(_shown(kept))


def _check_size(request: Request, owner: str, field: str, **changed: Any) -> None:
    """Refuse what would make an owner's settings and rules together too long for the devices to be told."""
    with parts_of(request).store.reading() as connection:
        before = keep.read(connection, owner)
    try:
        written(dataclasses.replace(before, version=before.version + 1, **changed).config())
    except ValueError as error:
        raise Problem(422, f"{field}: together with what is set already it {error}.", field) from None


def _in_force(request: Request, owner: str) -> Any:
    with parts_of(request).store.reading() as connection:
        return rules.in_force(keep.read(connection, owner).rules)


def _last_week(request: Request, owner: str | None) -> list[dict[str, Any]]:
    """Give the last week's moments of scenes, oldest first."""
    begin = datetime.now(UTC) - timedelta(days=_DRY_RUN_DAYS)
    week = dataclasses.replace(sight(request), basis=("scene",), owner=owner, begin=begin)
    found: list[dict[str, Any]] = []
    asked = {"limit": str(_PAGE)}
    with parts_of(request).store.reading() as connection:
        while len(found) < _DRY_RUN_MOST:
            part = page(connection, week, read_paging(asked))
            found += part.items
            if part.next is None:
                break
            asked["cursor"] = part.next
    return found[::-1]
