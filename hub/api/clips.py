"""Calls about clips: a device sends sound, in parts if it must; its owner hears it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from hub.api.asked import Parts, parts_of, sight
from hub.api.documented import MOMENT, RECORD, SOUND
from hub.api.problems import Problem
from hub.query.filter import BadQuery
from hub.records import clips
from hub.records.sounds import Sounds, clip_name, digest, sound_type
from hub.records.whose import OfAnother, own_device, sees, upload_device
from moments.disks import is_full

router = APIRouter(prefix="/api", tags=["records"])

_RANGE: Final = re.compile(r"bytes (\d{1,12})-(\d{1,12})/(\d{1,12})", re.ASCII)
_OFFSET: Final = "Upload-Offset"

Hash = Annotated[
    str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the sound, in hexadecimal", examples=[SOUND])
]

Device = Annotated[
    str | None,
    Query(max_length=64, description="whose it is, where the token is not one device's", examples=["pocket-1"]),
]
OfRecord = Annotated[str | None, Query(max_length=64, description="the record that it belongs to", examples=[RECORD])]
OfMoment = Annotated[
    str | None, Query(max_length=64, description="the moment that it is of, without a record", examples=[MOMENT])
]
Seconds = Annotated[
    float | None, Query(gt=0, le=86_400, allow_inf_nan=False, description="its length", examples=[30.0])
]

_SOUND: Final = {"audio/*": {"schema": {"type": "string", "format": "binary"}}}
_PUT: Final = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": _SOUND["audio/*"] | {"example": "RIFF"}},
    },
    "parameters": [
        {
            "name": "Content-Range",
            "in": "header",
            "description": "bytes FIRST-LAST/TOTAL: this is a part, which goes on where the one before ended",
            "schema": {"type": "string", "examples": ["bytes 0-3/4", "bytes 0-99999/250000"]},
        }
    ],
}


def _gone() -> Problem:
    return Problem(410, "The record or the moment of this clip was erased: the clip is not wanted any more.")


def _key(field: str, text: str | None) -> bytes | None:
    try:
        return clips.key_of(text)
    except ValueError:
        raise BadQuery(field, "is no id") from None


def _sent(
    request: Request,
    sha256: str,
    *,
    device: str | None,
    record: str | None,
    moment: str | None,
    seconds: float | None = None,
) -> clips.Sent:
    """Say whose clip a call means; what arrived of one that was erased goes. Raises BadQuery, Problem."""
    seen, parts = sight(request), parts_of(request)
    of_record, of_moment = _key("record", record), _key("moment", moment)
    with parts.store.reading() as connection:
        whose = device or seen.only_device or clips.device_of(connection, of_record, seen)
        own = whose is None or whose == seen.only_device
        whose = whose or upload_device(seen.only_owner)
        is_seen = sees(connection, whose, seen)
        gone = clips.is_erased(connection, of_record, of_moment)
    if gone:
        if is_seen:
            _drop_part(parts.sounds, clip_name(sha256, whose))
        raise _gone()
    if not own and not is_seen:
        raise BadQuery("device", f"there is no device {whose[:64]!r}")
    if own and (seen.only_device is not None or request.method == "PUT"):  # a look makes no device for uploads
        try:
            own_device(parts.store, seen)
        except OfAnother as error:
            raise Problem(403, str(error)) from None
    return clips.Sent(sha256, whose, of_record, seconds, sound_type(request.headers.get("content-type", "")), of_moment)


def _drop_part(sounds: Sounds, name: str) -> None:
    """Erase what arrived; where more is arriving, the call that brings it or the next one does."""
    with sounds.alone(name) as alone:
        if alone:
            sounds.erase(name)


def _part(header: str | None, length: int | None) -> tuple[int, int | None]:
    """Read Content-Range; gives where the part begins, and how long the whole is (None: this is all)."""
    if header is None:
        return 0, None
    found = _RANGE.fullmatch(header.strip())
    first, last, total = (int(number) for number in found.groups()) if found else (1, 0, 0)
    if not first <= last < total:
        raise BadQuery("Content-Range", "must be bytes FIRST-LAST/TOTAL")
    if total > clips.LARGEST:
        raise Problem(413, f"A clip has at most {clips.LARGEST} bytes.")
    if length is not None and length != last - first + 1:
        raise BadQuery("Content-Range", "does not fit Content-Length")
    return first, total


@router.put(
    "/clips/{sha256}",
    status_code=201,
    response_class=Response,
    openapi_extra=_PUT,
    responses={
        200: {"description": "it was there already"},
        202: {"description": "more is awaited, from Upload-Offset on"},
        409: {"description": "the part does not begin at Upload-Offset, or the clip is arriving already"},
        410: {"description": "its record or moment was erased"},
        422: {"description": "the hash is another one; what came is dropped"},
        507: {"description": "the disk is full, or the device has sent much that none of its moments names"},
    },
)
async def put_clip(
    request: Request,
    sha256: Hash,
    *,
    device: Device = None,
    record: OfRecord = None,
    moment: OfMoment = None,
    seconds: Seconds = None,
) -> Response:
    """Take a clip, or the next part of it."""
    parts = parts_of(request)
    sent = await run_in_threadpool(_sent, request, sha256, device=device, record=record, moment=moment, seconds=seconds)
    length = request.headers.get("content-length", "")
    first, total = _part(request.headers.get("content-range"), int(length) if length.isdigit() else None)
    name = clip_name(sha256, sent.device)
    with parts.sounds.alone(name) as alone:
        if not alone:
            raise Problem(409, "This clip is arriving already.", headers={_OFFSET: str(parts.sounds.size(name))})
        if await run_in_threadpool(clips.is_here, parts.store, sent):
            async for _ in request.stream():
                pass
            return Response(status_code=200)
        there = parts.sounds.size(name)
        if first not in {0, there}:
            return Response(status_code=409, headers={_OFFSET: str(there)})
        try:
            coming = int(length) if length.isdigit() else clips.LARGEST
            async with _room(parts, sent, name, coming):
                with parts.sounds.open(name, afresh=first == 0) as file:
                    async for chunk in request.stream():
                        await asyncio.to_thread(file.write, chunk)
        except ClientDisconnect:  # what came is kept: the device goes on from there
            return Response(status_code=400)
        except OSError as error:
            if not is_full(error):
                raise
            raise Problem(507, "The hub's disk is full: send the clip again later.") from None
        return await run_in_threadpool(_took, parts, sent, name, total)


@asynccontextmanager
async def _room(parts: Parts, sent: clips.Sent, name: str, coming: int) -> AsyncIterator[None]:
    """Have room for so many bytes more of a clip. Raises Problem.

    A clip that a moment here names may always come. Of others a device has only so much here, for who took it over
    could fill the disk with them unseen; one of them arrives at a time, or each of many would find the same room.
    """
    if await run_in_threadpool(clips.is_named, parts.store, sent):
        yield
        return
    with parts.sounds.alone(f"unnamed {sent.device}") as alone:
        if not alone:
            why = "Another clip of this device that none of its moments here names is arriving already."
            raise Problem(409, why, headers={_OFFSET: str(parts.sounds.size(name))})
        here = await run_in_threadpool(clips.unnamed_bytes, parts.store, parts.sounds, sent.device)
        if here + coming > clips.MOST_UNNAMED:
            most = f"{clips.MOST_UNNAMED >> 20} MiB of this device's clips that none of its moments here names"
            raise Problem(507, f"The hub keeps {most}: send the clip again when its moment is here.")
        yield


def _took(parts: Parts, sent: clips.Sent, name: str, total: int | None) -> Response:
    """Answer what came: await more, or judge the whole."""
    size = parts.sounds.size(name)
    if total is not None and size < total:
        return Response(status_code=202, headers={_OFFSET: str(size)})
    if not size or (total is not None and size > total) or digest(parts.sounds.arriving(name)) != sent.sha256:
        parts.sounds.drop(name)
        raise Problem(422, "sha256: the sound that came has another hash; it was dropped.", "sha256")
    try:
        clips.keep(parts.store, parts.sounds, sent, name)
    except clips.Unwanted:
        raise _gone() from None
    finally:  # a whole one that stayed could not be gone on with
        parts.sounds.erase(name)
    return Response(status_code=201, headers={"Location": f"/api/clips/{sent.sha256}"})


@router.head(
    "/clips/{sha256}",
    response_class=Response,
    responses={
        404: {"description": "not whole; Upload-Offset tells how much is here"},
        410: {"description": "its record or moment was erased"},
    },
)
def look_for_clip(
    request: Request, sha256: Hash, device: Device = None, record: OfRecord = None, moment: OfMoment = None
) -> Response:
    """Whether a clip is here, or how much of it has arrived."""
    parts = parts_of(request)
    with parts.store.reading() as connection:
        found = clips.find(connection, sha256, sight(request))
    if found is not None:
        return Response(status_code=200, headers={"Content-Length": str(found.bytes)}, media_type=found.media_type)
    sent = _sent(request, sha256, device=device, record=record, moment=moment)
    size = parts.sounds.size(clip_name(sha256, sent.device))
    return Response(status_code=404, headers={_OFFSET: str(size)})


@router.get(
    "/clips/{sha256}",
    response_class=FileResponse,
    responses={200: {"content": _SOUND, "description": "the sound"}, 206: {"description": "a range of it"}},
)
def show_clip(request: Request, sha256: Hash) -> Response:
    """The sound, with ranges; only its owner's token hears it."""
    parts = parts_of(request)
    with parts.store.reading() as connection:
        found = clips.find(connection, sha256, sight(request))
    path = parts.sounds.path(sha256)
    if found is None or not path.exists():
        raise Problem(404, "There is no such clip.")
    return FileResponse(path, media_type=found.media_type)
