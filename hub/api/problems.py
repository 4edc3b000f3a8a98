"""Errors as RFC 9457 problem documents that name the field."""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, OperationalError
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


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for it
    return document(error.status, error.detail, error.field, error.headers)


async def _query(_request: Request, error: Exception) -> Response:
    assert isinstance(error, BadQuery)  # noqa: S101 - registered for it
    return document(422, str(error), error.field)


async def _body(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or "body"
    return document(422, f"{field}: {first['msg'].removeprefix('Value error, ')}", field)


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    return document(error.status_code, str(error.detail), headers=error.headers)


async def _data(_request: Request, error: Exception) -> Response:
    assert isinstance(error, DataError)  # noqa: S101 - registered for it
    return document(422, "The store does not take a character or a number in this call.")


async def _store(_request: Request, error: Exception) -> Response:
    assert isinstance(error, OperationalError)  # noqa: S101 - registered for it
    _log.error("the store cannot be used", extra={"reason": str(error.orig)})
    return document(503, f"The store cannot be used now: {error.orig}.")


async def _ending(_request: Request, _error: Exception) -> Response:
    return document(503, "The hub is about to end.")


async def _unforeseen(_request: Request, _error: Exception) -> Response:
    # The server raises it again and logs it with its traceback.
    return document(500, "The hub failed at this; its log says more.")


def install(app: FastAPI) -> None:
    """Have every error of `app` answered with a problem document."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(BadQuery, _query)
    app.add_exception_handler(RequestValidationError, _body)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DataError, _data)
    app.add_exception_handler(OperationalError, _store)
    app.add_exception_handler(Ending, _ending)
    app.add_exception_handler(Exception, _unforeseen)
