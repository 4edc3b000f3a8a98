"""A socket beside the outbox through which `moodscape edge mark` reaches the running device."""

import json
import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from moments.errors import WorkError

log = logging.getLogger(__name__)

_ANSWER_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 0.5
_LARGEST: Final = 65_536


def path_beside(outbox: Path) -> Path:
    """Give the socket's path."""
    return outbox.with_name("control.sock")


class Control:
    """Answers one command a connection; only the device's own user (and root) may connect."""

    def __init__(self, path: Path, answer: Callable[[bytes], dict[str, Any] | None]) -> None:
        self._path, self._answer = path, answer
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)

    def start(self) -> None:
        """Begin to listen; without a socket the device goes on, and says so."""
        listening = socket.socket(socket.AF_UNIX)
        try:
            self._path.unlink(missing_ok=True)
            listening.bind(str(self._path))
            self._path.chmod(0o600)
            listening.listen(4)
        except OSError as error:
            listening.close()
            log.warning("`moodscape edge mark` cannot reach this device", extra={"reason": str(error)})
            return
        self._socket = listening
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._thread.join(_CLOSE_SECONDS)
            self._socket.close()
            self._socket = None
            with suppress(OSError):  # a card that has become read-only
                self._path.unlink(missing_ok=True)

    def _run(self) -> None:
        while (listening := self._socket) is not None:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_ANSWER_SECONDS)
        try:
            with connection.makefile("rb") as asked:
                reply = self._answer(asked.readline(_LARGEST))
            connection.sendall(json.dumps(reply).encode() + b"\n")
        except Exception:
            log.exception("a local command failed")


def ask(outbox: Path, command: dict[str, Any]) -> dict[str, Any]:
    """Send one command to the device that runs with this outbox. Raises WorkError when it refuses or is not there."""
    path = path_beside(outbox)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_ANSWER_SECONDS)
        try:
            connection.connect(str(path))
            connection.sendall(json.dumps(command).encode() + b"\n")
            with connection.makefile("rb") as answer:
                reply = json.loads(answer.readline())
        except (OSError, ValueError) as error:
            raise WorkError(f"no device runs with {path}: start it with `moodscape edge run`") from error
    if not isinstance(reply, dict) or not reply.get("ok"):
        raise WorkError(f"the device refuses: {reply.get('error') if isinstance(reply, dict) else 'no reason given'}")
    return reply
