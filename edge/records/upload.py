"""Clips to the hub, over HTTPS: a piece at a time, so that a network that comes and goes loses only a piece.

The hub knows how much of a clip it has (`HEAD`), and whether its hash is right; nothing of that is kept here.
"""

import http.client
import logging
import random
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from edge.records.clip import ClosedClip, Label, UnreadableClip
from edge.records.shelf import Kept, Shelf
from moments.errors import UserError

log = logging.getLogger(__name__)

_PIECE: Final = 65_536
_TIMEOUT_S: Final = 20.0
_BACK_OFF_S: Final = (5.0, 900.0)
_REFUSED: Final = frozenset({400, 401, 403, 404, 405, 411, 413, 415})
_ERASED: Final = 410


class Unreachable(Exception):  # noqa: N818 - named for what it is
    """The hub did not take it now: try later."""


@dataclass(frozen=True, slots=True)
class Hub:
    """Where clips go, as whose. `url`: https://NAME:PORT."""

    device: str
    url: str
    token_file: Path | None
    ca_file: Path | None

    def connect(self) -> http.client.HTTPConnection:
        """Give a connection that is made with its first request. Raises UserError for a wrong certificate file."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, parts.port, timeout=_TIMEOUT_S)
        try:
            trust = ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
        except (OSError, ssl.SSLError) as error:
            raise UserError(f"clips.ca_file: {self.ca_file} cannot be used: {error}") from error
        return http.client.HTTPSConnection(host, parts.port, timeout=_TIMEOUT_S, context=trust)

    def headers(self) -> dict[str, str]:
        """Give the headers that let the device in. Raises UserError when the token's file cannot be read."""
        if self.token_file is None:
            return {}
        try:
            token = self.token_file.read_text(encoding="utf-8-sig").split()
        except (OSError, ValueError) as error:
            raise UserError(f"clips.token_file: {self.token_file} cannot be read: {error}") from error
        if not token:
            raise UserError(f"clips.token_file: {self.token_file} is empty: make one with `moodscape hub token`")
        if not token[0].isascii():
            raise UserError(f"clips.token_file: {self.token_file} holds no token: make one with `moodscape hub token`")
        return {"Authorization": f"Bearer {token[0]}"}


def try_hub(hub: Hub) -> str | None:
    """Ask the hub for a clip that nobody has; None when it lets the device in, else its reason. Raises UserError."""
    connection = hub.connect()
    try:
        connection.request("HEAD", f"/api/clips/{'0' * 64}?device={quote(hub.device)}", headers=hub.headers())
        with connection.getresponse() as answer:
            status = answer.status
    except (OSError, http.client.HTTPException, UnicodeError) as error:  # the last: a name that cannot be a host's
        return str(error) or type(error).__name__
    finally:
        connection.close()
    if status in {200, 404}:
        return None
    if status == 422:
        return f"it knows no device {hub.device} yet that this token may send for"
    return "it refuses the token" if status in {401, 403} else f"it answers {status}"


class Uploader:
    """Sends what is on the shelf, marks first, and takes away what the hub has. A thread of its own.

    `trouble`: why clips do not get out, in words. `back_off_s`: the shortest and the longest wait after a failure.
    """

    def __init__(self, shelf: Shelf, hub: Hub, *, back_off_s: tuple[float, float] = _BACK_OFF_S) -> None:
        self.trouble: str | None = None
        self.sent = 0
        self._shelf, self._hub, self._back_off_s = shelf, hub, back_off_s
        self._refused: set[str] = set()
        self._closed: str | None = None
        self._closing = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upload", daemon=True)

    def start(self) -> None:
        """Begin to send. Raises UserError for a token or certificate that cannot be used."""
        self._hub.headers()
        self._hub.connect().close()
        self._thread.start()

    def wake(self) -> None:
        """There is a new clip, or a network again."""
        self._woken.set()

    def close(self, seconds: float) -> None:
        """Stop after the piece in hand; what the hub has of a clip, it keeps."""
        self._closing.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        failures = 0
        while not self._closing.is_set():
            self._woken.clear()
            try:
                self._closed = None
                self._send_all()
                failures, self.trouble = 0, self._closed
            except (OSError, http.client.HTTPException, Unreachable, UserError) as error:
                failures += 1
                self.trouble = f"clips do not reach {self._hub.url}: {error}"
                log.warning("clips do not reach the hub", extra={"reason": str(error), "failures": failures})
            except Exception:
                failures += 1
                log.exception("the upload of clips failed and goes on")
            self._wait(failures)

    def _wait(self, failures: int) -> None:
        """Wait to be woken; after a failure at most for the back-off, but long enough to spare a hub in trouble."""
        shortest, longest = self._back_off_s
        if not failures:
            self._woken.wait(longest)
            return
        wait = min(longest, shortest * 2.0 ** min(failures - 1, 10)) * random.uniform(0.5, 1.0)  # noqa: S311 (a fleet)
        self._closing.wait(min(wait, shortest))
        self._woken.wait(max(0.0, wait - shortest))

    def _send_all(self) -> None:
        waiting = [kept for kept in self._shelf.all() if kept.label.sha256 not in self._refused]
        if not waiting:
            return
        connection = self._hub.connect()
        try:
            for kept in waiting:
                if self._closing.is_set():
                    return
                self._send(connection, kept)
        finally:
            connection.close()

    def _send(self, connection: http.client.HTTPConnection, kept: Kept) -> None:
        sha256 = kept.label.sha256
        try:
            sound = self._shelf.sound(sha256)
        except UnreadableClip as error:
            log.error("a clip cannot be read and is dropped", extra={"reason": str(error)})
            self._shelf.dropped["broken"] += 1
            self._take_away(sha256)
            return
        except ClosedClip as error:
            if self.trouble is None:
                log.error("a clip cannot be opened and stays", extra={"reason": str(error)})
            self._closed = f"a clip cannot be opened and stays: {error}"
            return
        if sound is None:  # erased meanwhile
            return
        if self._has(connection, kept, sound):
            self._take_away(sha256)
            self.sent += 1
            log.info("the hub has a clip", extra={"seconds": kept.label.seconds, "bytes": len(sound)})

    def _has(self, connection: http.client.HTTPConnection, kept: Kept, sound: bytes) -> bool:
        """Send what the hub lacks; True when it has all of it, False when it was erased or refused."""
        path = self._path(kept.label)
        status, offset = self._ask(connection, "HEAD", path)
        if status == 200:
            return True
        if status == _ERASED:
            self._drop_erased(kept)
            return False
        wrong = 0
        while not self._closing.is_set() and self._here(kept):
            piece = sound[offset : offset + _PIECE]
            if not piece:
                raise Unreachable(f"it says that it has {offset} of {len(sound)} bytes")
            span = {"Content-Type": kept.label.media_type}
            span["Content-Range"] = f"bytes {offset}-{offset + len(piece) - 1}/{len(sound)}"
            status, told = self._ask(connection, "PUT", path, piece, span)
            if status in {200, 201}:
                return True
            if status == _ERASED:
                self._drop_erased(kept)
                return False
            if status in _REFUSED:
                return self._refuse(kept, status)
            wrong += status != 202
            if wrong > 3 or status not in {202, 409, 422}:
                raise Unreachable(f"it answers {status} to a clip")
            offset = told
        return False

    def _path(self, label: Label) -> str:
        """Name a clip to the hub, with the record that it belongs to or else its moment."""
        asked = {"device": self._hub.device, "seconds": f"{label.seconds:g}"}
        if label.record is not None:
            asked["record"] = label.record
        elif label.moments:
            asked["moment"] = label.moments[0]
        return f"/api/clips/{label.sha256}?{urlencode(asked)}"

    def _drop_erased(self, kept: Kept) -> None:
        log.info("the owner erased the record or the moment of a clip, which goes too")
        self._take_away(kept.label.sha256)

    def _take_away(self, sha256: str) -> None:
        """Remove what need not be sent again; where the disk refuses, leave it alone until the next start."""
        try:
            self._shelf.remove(sha256)
        except OSError as error:
            self._refused.add(sha256)
            log.error("a clip cannot be removed", extra={"reason": str(error)})

    def _here(self, kept: Kept) -> bool:
        return kept.path.exists()

    def _refuse(self, kept: Kept, status: int) -> bool:
        """Leave one clip alone that the hub does not want; a token that it does not want concerns them all."""
        if status in {401, 403}:
            raise Unreachable(f"it refuses the token ({status}): look at clips.token_file")
        log.error("the hub refuses a clip", extra={"status": status, "clip": kept.label.sha256[:8]})
        self._refused.add(kept.label.sha256)
        return False

    def _ask(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, int]:
        """Give the status and `Upload-Offset`, 0 when it is missing or no number."""
        connection.request(method, path, body, self._hub.headers() | (headers or {}))
        with connection.getresponse() as answer:
            answer.read()
            told = answer.getheader("Upload-Offset", "0")
            return answer.status, int(told) if told.isascii() and told.isdigit() else 0
