"""The door: who may come in, from where, with how much; and the headers that every answer wears."""

import asyncio
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub import tokens
from hub.api.problems import document
from hub.stores.store import Store

COOKIE: Final = "moodscape_session"
LARGEST_BODY: Final = 1_048_576

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


def _private(path: str) -> bool:
    """Tell whether a path shows anything of anybody; the page's own files and the health check do not."""
    return path.startswith("/api/") or path in {"/metrics", "/readyz", "/docs", "/openapi.json"}


def _needed(method: str, path: str) -> tokens.Scope:
    if path.startswith(_ADMIN) or (method == "PUT" and path.startswith("/api/devices/")):
        return "admin"
    return "read" if method in _SAFE else "write"


def _host(headers: Headers) -> str:
    return (urlsplit(f"//{headers.get('host', '')}").hostname or "").lower()


def _shown(headers: Headers) -> tuple[str | None, bool]:
    """Give the token that a call shows, and whether a browser shows it by itself (the cookie)."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and token.strip():
        return token.strip(), False
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        found = None
    return (found.value if found else None), True


def _from_elsewhere(headers: Headers) -> bool:
    """Tell whether another site's page made a browser send this."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


class _Refused(Exception):  # noqa: N818
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Guard:
    """ASGI middleware around everything.

    `tokenless`: calls need no token, for an address that nothing but this machine reaches. A page from elsewhere that a
    browser on this machine shows could reach it too, so the name in `Host` must be the loopback's, which keeps out
    names that were made to point here.
    """

    def __init__(self, app: ASGIApp, store: Store, *, tokenless: bool) -> None:
        self._app = app
        self._store = store
        self._tokenless = tokenless

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        dressed = _dress(send, private=_private(scope["path"]))
        try:
            scope.setdefault("state", {})["access"] = await self._admit(scope)
            await self._app(scope, _limited(receive), dressed)
        except _Refused as refused:
            headers = {"WWW-Authenticate": "Bearer"} if refused.status == 401 else None
            await document(refused.status, str(refused), headers=headers)(scope, receive, dressed)

    async def _admit(self, scope: Scope) -> tokens.Access | None:
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
        if int(length if (length := headers.get("content-length", "0")).isdigit() else 0) > LARGEST_BODY:
            raise _Refused(413, f"The body has more than {LARGEST_BODY} bytes.")
        if self._tokenless and _host(headers) not in _LOOPBACK:
            raise _Refused(421, "This hub answers to 127.0.0.1 and localhost only.")
        if not _private(path):
            return None
        token, by_itself = _shown(headers)
        if method not in _SAFE and by_itself and _from_elsewhere(headers):
            raise _Refused(403, "A page of another site may not do this.")
        access = await asyncio.to_thread(tokens.look_up, self._store, token) if token else None
        if access is None and self._tokenless:
            access = tokens.EVERYTHING
        if access is None:
            raise _Refused(401, "This needs a token: `moodscape hub token` makes one.")
        if path == "/api/session":
            return access
        needed = _needed(method, path)
        if not access.may(needed) or (needed == "admin" and not access.sees_all):
            raise _Refused(403, f"This token may not do this: it needs the scope {needed}.")
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


def _limited(receive: Receive) -> Receive:
    """Refuse a body that is larger than it said."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST_BODY:
            raise _Refused(413, f"The body has more than {LARGEST_BODY} bytes.")
        return message

    return limited
