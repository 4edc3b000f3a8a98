"""Calls about devices, what could not be taken from them, tokens and the session of the page."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from hub import commanded, tokens
from hub.api.asked import answer, parts_of, sight
from hub.api.documented import CommandId, DeviceName, TokenNumber
from hub.api.guard import COOKIE
from hub.api.problems import Problem
from hub.ingest.outgoing import written
from hub.ingest.replaying import replay
from hub.query.filter import BadQuery, plain
from hub.records import whose
from hub.stores.letters import dropped
from hub.stores.store import now_ms
from hub.stores.tables import devices, letters
from moments import uuid7
from moments.topics import valid_device

router = APIRouter(prefix="/api", tags=["devices"])

_SESSION_SECONDS = 30 * 86_400
_LETTERS = 100
_COMMAND_HOLDS = timedelta(minutes=1)  # a device that is away does not do tomorrow what was meant for now

Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(plain)]


class DeviceBody(BaseModel):
    """What the person calls a device, and whose it is."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "the one in my coat", "owner": "Ann"}]}
    )
    name: Name | None = None
    owner: Name | None = None


class CommandBody(BaseModel):
    """What a device is asked to do, unless it hears of it only after `until` (a minute from now by default)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"do": "pause", "until": "2026-05-22T18:00:00+09:00"}, {"do": "ping"}]},
    )
    do: Literal["pause", "resume", "mark", "erase", "ping"]
    until: AwareDatetime | None = None
    args: dict[str, Any] = {}


class Reply(BaseModel):
    """What a device said to a command."""

    ok: bool
    error: str | None


class CommandShown(BaseModel):
    """A command, when it was sent, and the reply once it has come."""

    id: str
    do: str
    sent: str
    reply: Reply | None


class TokenBody(BaseModel):
    """What a new token may do."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "Ann's phone", "scope": "write", "owner": "Ann"}]}
    )
    name: Name
    scope: tokens.Scope = "read"
    device: Name | None = None
    owner: Name | None = None


def _seen_devices(request: Request) -> list[dict[str, Any]]:
    seen, d = sight(request), devices.c
    asked = select(devices).order_by(d.id)
    if seen.only_device is not None:
        asked = asked.where(d.id == seen.only_device)
    if seen.only_owner is not None:
        asked = asked.where(d.owner == seen.only_owner)
    with parts_of(request).store.reading() as connection:
        found = connection.execute(asked).all()
    return [
        {
            "id": row.id,
            "name": row.name,
            "owner": row.owner,
            "status": json.loads(row.status) if row.status else None,
            "health": json.loads(row.health) if row.health else None,
            "seen_ms": row.seen_ms,
        }
        for row in found
    ]


@router.get("/devices")
def list_devices(request: Request) -> Response:
    """The devices, with the last word of each on its status and health."""
    return answer({"items": _seen_devices(request)})


@router.put("/devices/{device}")
def describe_device(request: Request, device: DeviceName, body: DeviceBody) -> Response:
    """Say what a device is called and whose it is."""
    if not valid_device(device):
        raise BadQuery("device", "is no name of a device")
    if whose.stands_for_uploads(device) and device != whose.upload_device(body.owner):
        raise BadQuery("owner", f"{device} stands for the uploads of one owner, or of nobody, and is given to no other")
    parts_of(request).store.describe_device(device, name=body.name, owner=body.owner)
    parts_of(request).telling.settings_changed(device=device)
    return answer(next(item for item in _seen_devices(request) if item["id"] == device))


@router.post("/devices/{device}/command", status_code=202)
def command(request: Request, device: DeviceName, body: CommandBody) -> Response:
    """Ask a device to do something; gives the id that its reply will carry."""
    if all(item["id"] != device for item in _seen_devices(request)):
        raise Problem(404, f"There is no device {device[:64]}.")
    until = body.until or datetime.now(UTC) + _COMMAND_HOLDS
    order = {"id": uuid7(), "do": body.do, "until": until.isoformat(timespec="seconds"), "args": body.args}
    try:
        written(order)
    except ValueError as error:
        raise Problem(422, f"args: {error}", "args") from None
    if not parts_of(request).telling.command(device, order):
        raise Problem(503, "The broker is not reached, so the device cannot be asked; try again later.")
    return answer({"id": order["id"]}, 202)


@router.get("/devices/{device}/commands/{command_id}", response_model=CommandShown)
def show_command(request: Request, device: DeviceName, command_id: CommandId) -> Response:
    """A command, and the device's reply once it has come."""
    known = any(item["id"] == device for item in _seen_devices(request))
    found = commanded.find(parts_of(request).store, device, command_id) if known else None
    if found is None:
        raise Problem(404, "There is no such command.")
    return answer(found)


@router.get("/dead-letters")
def list_dead_letters(request: Request) -> Response:
    """What could not be taken, the newest first, and why; `dropped` tells how many were to stay within bounds."""
    asked = select(letters).order_by(letters.c.n.desc()).limit(_LETTERS)
    with parts_of(request).store.reading() as connection:
        found = connection.execute(asked).all()
        total = connection.execute(select(func.count()).select_from(letters)).scalar_one()
        gone = dropped(connection)
    items = [
        {
            "n": row.n,
            "at_ms": row.at_ms,
            "topic": row.topic,
            "reason": row.reason,
            "payload": row.payload.decode(errors="replace"),
        }
        for row in found
    ]
    return answer({"items": items, "total": total, "dropped": gone})


@router.post("/dead-letters/replay")
def replay_dead_letters(request: Request) -> Response:
    """Judge all of them again; those that are moments now are taken."""
    taken, left = replay(parts_of(request).store)
    return answer({"taken": taken, "left": left})


@router.get("/tokens")
def list_tokens(request: Request) -> Response:
    """The tokens, without what they are."""
    return answer({"items": tokens.listed(parts_of(request).store)})


@router.post("/tokens", status_code=201)
def make_token(request: Request, body: TokenBody) -> Response:
    """Make a token; this answer is the only one that shows it."""
    access = tokens.Access(body.scope, body.device, body.owner)
    return answer({"token": tokens.make(parts_of(request).store, body.name, access), "made_ms": now_ms()}, 201)


@router.delete("/tokens/{n}", status_code=204)
def revoke_token(request: Request, n: TokenNumber) -> Response:
    """End a token, and the sessions that began with it."""
    if not tokens.revoke(parts_of(request).store, n):
        raise Problem(404, f"There is no token {n}.")
    parts_of(request).feed.doubt()
    return Response(status_code=204)


@router.post("/session", status_code=204)
def log_in(request: Request) -> Response:
    """Keep the token that this call shows in a cookie for 30 days, so that the page's calls show it.

    A call that shows the cookie itself has it kept for 30 days from then on.
    """
    made = Response(status_code=204)
    token = request.state.token
    if token is not None:
        secure = request.url.scheme == "https"
        made.set_cookie(COOKIE, token, _SESSION_SECONDS, httponly=True, samesite="strict", secure=secure)
    return made


@router.delete("/session", status_code=204)
def log_out() -> Response:
    """Forget the cookie."""
    made = Response(status_code=204)
    made.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return made
