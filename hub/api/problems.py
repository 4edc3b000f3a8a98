"""Errors as RFC 9457 problem documents that name the field."""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, ProgrammingError
from starlette.exceptions import HTTPException

from hub.query.filter import BadQuery
from hub.stores.store import Ending

_log = logging.getLogger(__name__)


class Problem(Exception):  # noqa: N818 - the RFC's word
    """Becomes the answer: a status and a sentence."""

    def __init__(
        self, status: int, detail: str, field: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.headers = headers
        self.status = status
        self.detail = detail
        self.field = field


def document(status: int, detail: str, field: str | None = None, headers: Mapping[str, str] | None = None) -> Response:
    """Make the answer."""
    body: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    body["detail"] = detail
    if field is not None:
        body["field"] = field
    text = json.dumps(body, ensure_ascii=True)
    return Response(text, status, dict(headers or {}), media_type="application/problem+json")


OURS: Final = (IntegrityError, ProgrammingError)
"""What a database says of mistakes in what it is asked, not of its own state."""


def unusable(error: DatabaseError, why: str) -> Response:
    """Make the answer where the store cannot be used, and log what the database says of it."""
    _log.error("the store cannot be used", extra={"reason": str(error.orig)})
    return document(503, f"The store cannot be used now: {why}.")


async def _answered(_request: Request, error: Exception) -> Response:
    """Give the answer to an error; one that nobody foresaw the server raises again, and logs with its traceback."""
    match error:
        case Problem():
            answer = document(error.status, error.detail, error.field, error.headers)
        case BadQuery():
            answer = document(422, str(error), error.field)
        case RequestValidationError():
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"][1:]) or "body"
            answer = document(422, f"{field}: {first['msg'].removeprefix('Value error, ')}", field)
        case HTTPException():
            answer = document(error.status_code, str(error.detail), headers=error.headers)
        case DataError():
            answer = document(422, "The store does not take a character or a number in this call.")
        case DatabaseError() if not isinstance(error, OURS):
            answer = unusable(error, str(error.orig))
        case Ending():
            answer = document(503, "The hub is about to end.")
        case _:
            answer = document(500, "The hub failed at this; its log says more.")
    return answer


async def _raised(_request: Request, error: Exception) -> Response:
    raise error


_KINDS: Final = (
    Problem,
    BadQuery,
    RequestValidationError,
    HTTPException,
    DatabaseError,
    Ending,
    Exception,
)


def install(app: FastAPI) -> None:
    """Have every error of `app` answered with a problem document."""
    for kind in _KINDS:
        app.add_exception_handler(kind, _answered)
    for kind in OURS:  # they are DatabaseErrors too, and nobody foresaw them
        app.add_exception_handler(kind, _raised)
