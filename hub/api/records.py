"""Calls about records: give a recording or a note, follow how it is read, find, erase."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from hub.api.asked import answer, parts_of, person_words, sight
from hub.api.documented import RecordId
from hub.api.guard import still_in
from hub.api.problems import Problem
from hub.query.filter import BadQuery, Filter, bound, number
from hub.records import keep, whose
from hub.records.form import Form
from hub.records.shapes import BODY, LONGEST_KEY, LONGEST_NOTE, Record, Records
from hub.records.sounds import sound_type
from hub.stores import rows
from moments import uuid7
from moments.disks import is_full

router = APIRouter(prefix="/api", tags=["records"])

_LOOK_S: Final = 0.25
_BEAT_S: Final = 15.0


def _key(record_id: str) -> bytes:
    try:
        return rows.key(record_id)
    except ValueError:
        raise Problem(404, f"There is no record {record_id[:64]}.") from None


def _found(request: Request, key: bytes) -> dict[str, Any]:
    with parts_of(request).store.reading() as connection:
        found = keep.one(connection, key, sight(request))
    if found is None:
        raise Problem(404, "There is no such record.")
    return found


def _pair(fields: dict[str, str]) -> tuple[float, float] | None:
    if not fields.get("lat") and not fields.get("lon"):
        return None
    found = []
    for name, most in (("lat", 90), ("lon", 180)):
        try:
            value = number(fields.get(name, ""))
        except ValueError:
            raise BadQuery(name, "must be a number; lat goes with lon") from None
        if abs(value) > most:
            raise BadQuery(name, f"is not within -{most} to {most}")
        found.append(value)
    return found[0], found[1]


def _start(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = bound(text)
    except ValueError as error:
        raise BadQuery("start", str(error)) from None
    if not isinstance(found, datetime) or not 1970 <= found.year <= 9000:
        raise BadQuery("start", "must be an RFC 3339 time with its offset, from 1970 on")
    return found


def _device(request: Request, seen: Filter, asked: str | None) -> str:
    if not asked or asked == seen.only_device:
        try:
            return whose.own_device(parts_of(request).store, seen)
        except whose.OfAnother as error:
            raise Problem(403, str(error)) from None
    with parts_of(request).store.reading() as connection:
        if not whose.sees(connection, asked, seen):
            raise BadQuery("device", f"there is no device {asked[:64]!r}")
    return asked


def _take(request: Request, form: Form) -> bytes:
    """Judge what came and keep it."""
    parts, seen, fields = parts_of(request), sight(request), form.fields
    note = person_words(fields.get("note", ""))
    if len(note) > LONGEST_NOTE:
        raise BadQuery("note", f"has more than {LONGEST_NOTE} characters")
    if form.audio is None and not note:
        raise BadQuery("audio", "give a recording, a note or both")
    repeat = request.headers.get("idempotency-key")
    if repeat is not None and not 0 < len(repeat) <= LONGEST_KEY:
        raise BadQuery("Idempotency-Key", f"must have 1 to {LONGEST_KEY} characters")
    mark = keep.repeat_of(repeat, seen.only_owner, seen.only_device) if repeat else None
    new = keep.New(
        device=_device(request, seen, fields.get("device")),
        note=note or None,
        start=_start(fields.get("start")),
        place=_pair(fields),
        clip=form.sha256 if form.audio else None,
        media_type=sound_type(form.media_type),
        arrived=form.audio or "",
        repeat=mark,
    )
    if mark is not None and (before := keep.repeated(parts.store, mark)) is not None:
        return before
    key = keep.make(parts.store, parts.sounds, new)
    if not form.audio:
        keep.settle(parts.store, key, [])
    return key


@router.post(
    "/records",
    status_code=202,
    response_model=Record,
    openapi_extra=BODY,
    responses={422: {"description": "a field has no meaning; `field` names it"}},
)
async def make_record(request: Request) -> Response:
    """Give a recording, a note or both; the answer says where its state, progress and moments can be followed."""
    parts, name = parts_of(request), f"upload-{uuid7()}"
    form = Form(parts.sounds, name)
    try:
        await form.read(request.headers.get("content-type", ""), request.stream())
        key = await run_in_threadpool(_take, request, form)
    except OSError as error:
        if is_full(error):
            raise Problem(507, "The hub's disk is full: nothing was kept. Make room and try again.") from None
        raise
    except ClientDisconnect:
        return Response(status_code=400)
    finally:
        with contextlib.suppress(OSError):
            parts.sounds.drop(name)
    found = await run_in_threadpool(_found, request, key)
    if form.audio:
        parts.reader.wake()
    made = answer(found, 202)
    made.headers["Location"] = f"/api/records/{found['id']}"
    return made


@router.get("/records", response_model=Records)
def list_records(
    request: Request,
    cursor: Annotated[
        str | None, Query(pattern="^[0-9]{1,18}$", description="`next` of the page before", examples=["2"])
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200, examples=[20])] = 50,
) -> Response:
    """The records, the newest first."""
    with parts_of(request).store.reading() as connection:
        items, following = keep.page(connection, sight(request), int(cursor) if cursor else None, limit)
    return answer({"items": items, "next": str(following) if following is not None else None})


@router.get(
    "/records/{record_id}",
    response_model=Record,
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "one record, or its changes until it is read"}
    },
)
async def show_record(request: Request, record_id: RecordId) -> Response:
    """One record. With `Accept: text/event-stream` it is told again at every change until it is done or failed."""
    key = _key(record_id)
    found = await run_in_threadpool(_found, request, key)
    if "text/event-stream" not in request.headers.get("accept", ""):
        return answer(found)
    changes = _changes(request, key, found)
    return StreamingResponse(changes, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _changes(request: Request, key: bytes, found: dict[str, Any]) -> AsyncIterator[bytes]:
    parts, told, beat = parts_of(request), None, time.monotonic()
    while not parts.feed.closed:
        if found != told:
            yield f"event: record\ndata: {json.dumps(found, separators=(',', ':'))}\n\n".encode()
            told = found
        if found["state"] in {"done", "failed"}:
            return
        await asyncio.sleep(_LOOK_S)
        if time.monotonic() - beat >= _BEAT_S:
            beat = time.monotonic()
            if not await run_in_threadpool(still_in, request, parts.store):
                return
            yield b": still here\n\n"
        try:
            found = await run_in_threadpool(_found, request, key)
        except Problem:  # erased meanwhile
            return


@router.delete("/records/{record_id}", status_code=204)
def erase_record(request: Request, record_id: RecordId) -> Response:
    """Erase a record with its moments, its words and its sound, for good; on the device as well."""
    key = _key(record_id)
    _found(request, key)
    parts_of(request).forgetting.record(key)
    return Response(status_code=204)
