"""Calls for those who run the hub: export, the authority's certificate, health, metrics, and the list of calls."""

from html import escape
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse, StreamingResponse
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from hub.api.asked import answer, parts_of, read
from hub.api.documented import documented
from hub.api.problems import Problem
from hub.export import FORMATS, writer
from hub.query.filter import BadQuery
from hub.query.pages import everything
from moments.errors import UserError

router = APIRouter(tags=["operation"])

_CERTIFICATE: Final = "application/x-x509-ca-cert"


@router.get(
    "/api/export",
    response_class=StreamingResponse,
    openapi_extra=documented("format"),
    responses={200: {"content": {media_type: {} for media_type, _ in FORMATS.values()}, "description": "the file"}},
)
def export(request: Request) -> Response:
    """All that the filter means, oldest first, as a file."""
    filter_, rest = read(request, ("format",))
    name = rest.get("format", "ndjson")
    if name not in FORMATS:
        raise BadQuery("format", f"{name!r} is none of {', '.join(FORMATS)}")
    try:
        write = writer(name)
    except UserError as error:
        raise BadQuery("format", str(error)) from None
    media_type, _ = FORMATS[name]
    headers = {"Content-Disposition": f'attachment; filename="moments.{name}"'}
    return StreamingResponse(
        write(everything(parts_of(request).store, filter_)), media_type=media_type, headers=headers
    )


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def healthz() -> Response:
    """Whether the process answers."""
    return answer({"ok": True})


@router.get(
    "/ca.crt",
    response_class=FileResponse,
    responses={200: {"content": {_CERTIFICATE: {}}, "description": "the certificate"}},
)
def authority(request: Request) -> Response:
    """The certificate of the home network's authority, for a phone or computer to trust."""
    path = request.app.state.ca_file
    if path is None:
        raise Problem(404, "This hub has no authority of its own: `moodscape hub ca` makes one.")
    return FileResponse(path, media_type=_CERTIFICATE, filename="moodscape-ca.crt")


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    responses={503: {"content": {"application/json": {}}, "description": "one of them is not; it says which"}},
)
def readyz(request: Request) -> Response:
    """Whether the store answers and the broker is reached."""
    parts = parts_of(request)
    try:
        with parts.store.reading() as connection:
            connection.execute(text("SELECT 1"))
        store = True
    except DatabaseError:
        store = False
    broker = parts.metrics.value("moodscape_broker_connected") == 1
    return answer({"store": store, "broker": broker}, 200 if store and broker else 503)


@router.head("/metrics", include_in_schema=False)
@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request) -> Response:
    """What the hub counts, for Prometheus."""
    return PlainTextResponse(parts_of(request).metrics.text(), media_type="text/plain; version=0.0.4")


@router.get("/docs", include_in_schema=False)
def docs(request: Request) -> Response:
    """The calls in words; /openapi.json has them for programs."""
    calls = []
    for path, methods in request.app.openapi()["paths"].items():
        for method, call in methods.items():
            calls.append(f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(call['description'])}</p>")
            calls.append(_parameters(call.get("parameters", [])))
    return HTMLResponse(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Moodscape: the calls of the hub</title>'
        '<h1>The calls of the hub</h1><p>For programs: <a href="/openapi.json">openapi.json</a></p>' + "".join(calls)
    )


def _parameters(parameters: list[dict[str, Any]]) -> str:
    rows = (f"<dt><code>{p['name']}</code></dt><dd>{escape(p.get('description', ''))}</dd>" for p in parameters)
    return f"<dl>{''.join(rows)}</dl>" if parameters else ""
