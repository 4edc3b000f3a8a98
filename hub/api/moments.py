"""Calls about moments: find, show, note, correct, erase, count, follow."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from hub.api.asked import answer, language, parts_of, person_words, read, sight
from hub.api.documented import MomentId, documented
from hub.api.guard import still_in
from hub.api.problems import Problem
from hub.query import pages
from hub.query.filter import BadQuery
from hub.query.plan import plan
from hub.query.say import describes
from hub.query.similar import similar
from hub.query.summary import read_by, summary
from hub.stores import rows
from hub.stores.tables import moments
from moments import Emotion

router = APIRouter(prefix="/api", tags=["moments"])


class NoteBody(BaseModel):
    """The person's words for a moment; empty takes them away."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": "by the sea"}]})
    text: Annotated[str, Field(max_length=10_000)]


class EmotionBody(BaseModel):
    """What the person felt, whatever was read; null takes it away."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"emotion": "calm"}]})
    emotion: Emotion | None


def _found(request: Request, moment_id: MomentId, look: Callable[..., Any]) -> Any:
    try:
        with parts_of(request).store.reading() as connection:
            found = look(connection, moment_id, sight(request))
    except ValueError:
        found = None
    if found is None:
        raise Problem(404, f"There is no moment {moment_id[:64]}.")
    return found


@router.get("/moments", openapi_extra=documented(*pages.PARAMETERS, "lang"))
def list_moments(request: Request) -> Response:
    """One page of what the filter means, and how many that is."""
    filter_, rest = read(request, (*pages.PARAMETERS, "lang"))
    paging, said = pages.read_paging(rest), language(rest)
    with parts_of(request).store.reading() as connection:
        planned = plan(connection, filter_)
        page = pages.page(connection, filter_, paging, planned)
        total, exact = pages.total(connection, filter_, planned)
    return answer(
        {
            "items": page.items,
            "next": page.next,
            "total": total,
            "total_is": "exact" if exact else "at_least",
            "describes": describes(filter_, said),
        }
    )


@router.delete("/moments", openapi_extra=documented())
def erase_moments(request: Request) -> Response:
    """Erase what the filter means, for good; refused without any filter."""
    filter_, _ = read(request)
    if not filter_.narrows:
        raise Problem(422, "Erasing needs a filter: say which moments, for instance from and to.", "filter")
    return answer({"erased": parts_of(request).forgetting.matching(filter_)})


@router.get("/moments/{moment_id}")
def show_moment(request: Request, moment_id: MomentId) -> Response:
    """One moment with its note and its correction."""
    return answer(_found(request, moment_id, pages.one))


@router.delete("/moments/{moment_id}", status_code=204)
def erase_moment(request: Request, moment_id: MomentId) -> Response:
    """Erase one moment with its note and correction, for good."""
    _found(request, moment_id, pages.one)
    parts_of(request).forgetting.where([moments.c.id == rows.key(moment_id)])
    return Response(status_code=204)


@router.put("/moments/{moment_id}/note")
def write_note(request: Request, moment_id: MomentId, body: NoteBody) -> Response:
    """Write the person's words beside a moment; gives the moment."""
    _found(request, moment_id, pages.one)
    parts_of(request).store.write_note(moment_id, person_words(body.text))
    return answer(_found(request, moment_id, pages.one))


@router.put("/moments/{moment_id}/emotion")
def correct_emotion(request: Request, moment_id: MomentId, body: EmotionBody) -> Response:
    """Keep what the person felt beside the reading; gives the moment."""
    _found(request, moment_id, pages.one)
    parts_of(request).store.correct(moment_id, body.emotion)
    return answer(_found(request, moment_id, pages.one))


@router.get("/moments/{moment_id}/similar")
def similar_moments(request: Request, moment_id: MomentId) -> Response:
    """Moments most like one in what was felt and heard, the hour, and the place."""
    return answer({"items": _found(request, moment_id, similar)})


@router.get("/summary", openapi_extra=documented("by", "lang"))
def summarise(request: Request) -> Response:
    """Counts by emotion, mean valence and arousal, and seconds, in buckets of one or two kinds."""
    filter_, rest = read(request, ("by", "lang"))
    by, said = read_by(rest.get("by")), language(rest)
    store = parts_of(request).store
    with store.reading() as connection:
        buckets = summary(connection, filter_, by, store.series)
    return answer({"by": by, "buckets": buckets, "describes": describes(filter_, said)})


@router.get(
    "/stream",
    response_class=StreamingResponse,
    openapi_extra=documented(),
    responses={200: {"content": {"text/event-stream": {}}, "description": "one event a moment"}},
)
async def stream(request: Request) -> Response:
    """Moments as they arrive, as server-sent events; the header Last-Event-ID resumes after that event."""
    filter_, _ = read(request)
    text = request.headers.get("last-event-id")
    if text and not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadQuery("Last-Event-ID", "is none that this hub gave")
    parts = parts_of(request)
    events = parts.feed.follow(filter_, int(text) if text else None, partial(still_in, request, parts.store))
    return StreamingResponse(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
