"""The door: who may come in, from where, with how much; and the headers that every answer wears."""

import asyncio
import math
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy.exc import DatabaseError
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request, cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub import tokens
from hub.api.limits import Buckets
from hub.api.problems import OURS, Problem, document, unusable
from hub.callers import LET_IN
from hub.records.clips import LARGEST as LARGEST_CLIP
from hub.stores.store import Store
from moments.enrolment import PATH as ENROL

COOKIE: Final = "moodscape_session"
LARGEST_BODY: Final = 1_048_576
LARGEST_UPLOAD: Final = 1_200_000_000
"""An hour of 24-bit stereo at 48 kHz, as the largest recorders write it, and the form around it."""

_BODY_PAUSE_S: Final = 30.0
_BODY_BYTES_S: Final = 1000.0
"""A body may pause so long; each byte makes up for a thousandth of a second of waiting."""

_WRONG_TOKENS_A_MINUTE: Final = 20
_BURST: Final = 10
"""The tenth of a minute's calls may come at once."""

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
        "connect-src 'self'; media-src 'self' blob:; manifest-src 'self'; worker-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), geolocation=(self), camera=()",
}
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_ADMIN: Final = ("/api/tokens", "/api/dead-letters")
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_FORWARDED: Final = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "Via")
"""What proxies say of a call that they pass on; those that say nothing of it cannot be told from this machine."""


def _private(path: str) -> bool:
    """Tell whether a path needs a token; the page's own files, the health check and an enrolment code do not."""
    return (path.startswith("/api/") and path != ENROL) or path in {"/metrics", "/readyz", "/docs", "/openapi.json"}


def _needed(method: str, path: str) -> tokens.Scope:
    if path.startswith(_ADMIN) or (method == "PUT" and path.startswith("/api/devices/")):
        return "admin"
    if path.startswith("/api/clips/") and method == "PUT":
        return "upload"
    return "read" if method in _SAFE else "write"


def _host(headers: Headers) -> str:
    try:
        return (urlsplit(f"//{headers.get('host', '')}").hostname or "").lower()
    except ValueError:  # brackets without an address between them
        return ""


def _shown(headers: Headers) -> tuple[str | None, bool]:
    """Give the token that a call shows, and whether a browser shows it by itself (the cookie)."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and token.strip():
        return token.strip(), False
    return cookie_parser(headers.get("cookie", "")).get(COOKIE) or None, True


def still_in(request: Request, store: Store) -> bool:
    """Tell whether the token of a call that goes on is what it was when the call was let in. Asks the store."""
    token = request.state.token
    return token is None or tokens.look_up(store, token) == request.state.access


def _from_elsewhere(headers: Headers) -> bool:
    """Tell whether another site's page made a browser send this."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    try:
        return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    except ValueError:
        return True


def _largest(method: str, path: str) -> int:
    if method == "POST" and path == "/api/records":
        return LARGEST_UPLOAD
    if method == "PUT" and path.startswith("/api/clips/"):
        return LARGEST_CLIP
    return LARGEST_BODY


class _Refused(Problem):
    """What the door says in place of the app; as a Problem it is also answered when the app meets it in the body."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, detail, headers=headers)


class Guard:
    """ASGI middleware around everything.

    `tokenless`: calls need no token, for an address that nothing but this machine reaches. A page from elsewhere that a
    browser on this machine shows could reach it too, so the name in `Host` must be the loopback's, which keeps out
    names that were made to point here. What a proxy passes on, for others who reach the proxy, is refused.

    `calls_per_minute`: how many calls one token or, without one, one address may make; None: any number. An address
    that keeps showing tokens that are none is held back either way.
    """

    def __init__(self, app: ASGIApp, store: Store, *, tokenless: bool, calls_per_minute: int | None = None) -> None:
        self._app = app
        self._store = store
        self._tokenless = tokenless
        self._calls = Buckets(calls_per_minute, calls_per_minute / _BURST) if calls_per_minute else None
        self._wrong = Buckets(_WRONG_TOKENS_A_MINUTE, _WRONG_TOKENS_A_MINUTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        dressed = _dress(send, private=_private(scope["path"]))
        try:
            access = scope.setdefault("state", {})["access"] = await self._admit(scope)
        except _Refused as refused:
            answer = document(refused.status, str(refused), headers=refused.headers)
            await answer(scope, receive, dressed)
            return
        except DatabaseError as error:
            if isinstance(error, OURS):
                raise
            answer = unusable(error, "its log says why")  # who asks may be anybody
            await answer(scope, receive, dressed)
            return
        if access is not None and LET_IN in scope["state"]:
            scope["state"][LET_IN]()
        await self._app(scope, _limited(receive, _largest(scope["method"], scope["path"])), dressed)

    async def _admit(self, scope: Scope) -> tokens.Access | None:
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
        most = _largest(method, path)
        if int(length if (length := headers.get("content-length", "0")).isdigit() else 0) > most:
            raise _Refused(413, f"The body has more than {most} bytes.")
        if self._tokenless and _host(headers) not in _LOOPBACK:
            raise _Refused(421, "This hub answers to 127.0.0.1 and localhost only.")
        if self._tokenless and any(name in headers for name in _FORWARDED):
            why = "This hub needs no token, so it answers no proxy: set http.open_on_loopback to false, and make tokens"
            raise _Refused(421, f"{why} with `moodscape hub token`.")
        if not _private(path):
            return None
        token, by_itself = _shown(headers)
        if method not in _SAFE and by_itself and _from_elsewhere(headers):
            raise _Refused(403, "A page of another site may not do this.")
        access = await self._access(token, by_itself, scope["client"][0] if scope.get("client") else "")
        scope.setdefault("state", {})["token"] = None if access is tokens.EVERYTHING else token
        if path == "/api/session":
            return access
        if path == "/metrics" and not access.sees_all:
            raise _Refused(403, "This token may not do this: what the hub counts is of all devices, and it sees some.")
        needed = _needed(method, path)
        if access.scope == "upload" and method == "HEAD" and path.startswith("/api/clips/"):
            return access  # how much of its clip is here
        if not access.may(needed) or (needed == "admin" and not access.sees_all):
            raise _Refused(403, f"This token may not do this: it needs the scope {needed}.")
        return access

    async def _access(self, token: str | None, by_itself: bool, address: str) -> tokens.Access:
        """Say what a call may do; keeps back callers that call too often, or guess."""
        access = await asyncio.to_thread(tokens.look_up, self._store, token) if token else None
        # Browsers keep one jar of cookies for all ports: where no token is needed, another hub's is no guess.
        if token and access is None and not (self._tokenless and by_itself):
            _hold(self._wrong, address)
        elif self._calls is not None:
            _hold(self._calls, token if token and access else address)
        if access is None and self._tokenless:
            access = tokens.EVERYTHING
        if access is None:
            why = "This needs a token: `moodscape hub token` makes one."
            raise _Refused(401, why, {"WWW-Authenticate": "Bearer"})
        return access


def _dress(send: Send, *, private: bool) -> Send:
    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            # The page's files are asked for again by their ETag; what is anybody's stays in no cache.
            headers.setdefault("Cache-Control", "no-store" if private else "no-cache")
        await send(message)

    return dressed


def _hold(buckets: Buckets, caller: str) -> None:
    wait = buckets.wait_s(caller)
    if wait:
        seconds = math.ceil(wait)
        raise _Refused(429, f"Too many calls: try again in {seconds} s.", {"Retry-After": str(seconds)})


def _limited(receive: Receive, most: int) -> Receive:
    """Refuse a body that is larger than it said, stops coming, or comes in drops."""
    seen, whole, left_s = 0, False, _BODY_PAUSE_S

    async def limited() -> Message:
        nonlocal seen, whole, left_s
        if whole:  # what comes after the body is the caller's leaving, for which one waits as long as it takes
            return await receive()
        begun = time.monotonic()
        try:
            message = await asyncio.wait_for(receive(), left_s)
        except TimeoutError:
            why = f"The body came too slowly: pauses may last {_BODY_PAUSE_S:g} s, together with drops in between."
            raise _Refused(408, why, {"Connection": "close"}) from None
        whole = not message.get("more_body", False)
        length = len(message.get("body", b""))
        seen += length
        left_s = max(0.0, min(_BODY_PAUSE_S, left_s - (time.monotonic() - begun) + length / _BODY_BYTES_S))
        if seen > most:
            raise _Refused(413, f"The body has more than {most} bytes.", {"Connection": "close"})
        return message

    return limited
