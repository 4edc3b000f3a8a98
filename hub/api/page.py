"""The page's files, read and compressed once: a browser asks for forty of them before it shows anything."""

import gzip
import hashlib
import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

WEB: Final = Path(__file__).parent.parent / "web"

_TYPES: Final = {".js": "text/javascript", ".webmanifest": "application/manifest+json"}
_GAIN: Final = 0.9
"""What compresses to more than this share is sent as it is."""
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True)
class _File:
    media_type: str
    tag: str
    plain: bytes
    packed: bytes | None

    def answer(self, asked: Headers) -> Response:
        """Give the file, packed where the caller takes that, or that it is still the one the caller has."""
        headers = {"ETag": self.tag, "Vary": "Accept-Encoding"}
        if self.tag in (asked.get("if-none-match") or ""):
            return Response(status_code=304, headers=headers)
        if self.packed and "gzip" in asked.get("accept-encoding", ""):
            return Response(self.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=self.media_type)
        return Response(self.plain, headers=headers, media_type=self.media_type)


@cache
def _read(path: Path) -> _File:
    plain = path.read_bytes()
    packed = gzip.compress(plain, 9, mtime=0)
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    tag = f'W/"{hashlib.sha256(plain).hexdigest()[:20]}"'  # weak: one for the plain and the packed form
    return _File(media_type, tag, plain, packed if len(packed) < _GAIN * len(plain) else None)


class Page:
    """ASGI app for what none of the `calls` answers: GET and HEAD of the files below a folder; "/" is its `index.html`.

    A path of theirs with a method that they lack is a 405, and what is neither a call nor a file a 404.
    """

    def __init__(self, calls: Sequence[BaseRoute], folder: Path = WEB) -> None:
        self._calls = tuple(calls)
        self._paths = {f"/{path.relative_to(folder)}": path for path in folder.rglob("*") if path.is_file()}
        self._paths["/"] = folder / "index.html"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call. Raises HTTPException."""
        if scope["type"] != "http":
            raise HTTPException(404)
        path = self._paths.get(scope["path"])
        allowed = self._allowed(scope) if path is None else ["GET", "HEAD"]
        if not allowed:
            raise HTTPException(404)
        if path is None or scope["method"] not in allowed:
            raise HTTPException(405, headers={"Allow": ", ".join(allowed)})
        await _read(path).answer(Headers(scope=scope))(scope, receive, send)

    def _allowed(self, scope: Scope) -> list[str]:
        """Give the methods that some call has at the path; none where there is no such call."""
        if all(route.matches(dict(scope))[0] is Match.NONE for route in self._calls):
            return []
        # A route that lacks a method tells its own alone, and others may have the same path: each method is asked for.
        asked = ({**scope, "method": method} for method in _METHODS)
        return [one["method"] for one in asked if any(route.matches(one)[0] is Match.FULL for route in self._calls)]
