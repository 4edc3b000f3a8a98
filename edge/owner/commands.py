"""What the owner asks of the device while it runs: pause, resume, mark, erase, ping.

Asked over MQTT by the hub, or over a socket beside the outbox by `moodscape edge mark`.
"""

import json
import logging
import os
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError

from edge.clock import Clock
from edge.outbox.queue import Outbox

log = logging.getLogger(__name__)
_REMEMBERED: Final = 100


class Until(BaseModel):
    """`pause`: until when; without it, until `resume`."""

    until: AwareDatetime | None = None


class Note(BaseModel):
    """`mark`: the person's words."""

    note: Annotated[str, Field(max_length=10_000)] | None = None


class What(BaseModel):
    """`erase`: the moments with these ids, or else all that began in [`from`, `to`); all of them without either."""

    ids: list[str] | None = None
    begin: AwareDatetime | None = Field(None, alias="from")
    end: AwareDatetime | None = Field(None, alias="to")


class Command(BaseModel):
    """One command as it comes over the wire; it is ignored after `until`."""

    id: Annotated[str, Field(min_length=1, max_length=64)]
    do: Literal["pause", "resume", "mark", "erase", "ping"]
    until: AwareDatetime | None = None
    args: dict[str, Any] = {}


class Pause:
    """Whether the device listens. A pause is a small file, so that a reboot does not end it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._until: datetime | None = None
        self._on = False
        if path.exists():
            self._on = True
            try:
                self._until = TypeAdapter(AwareDatetime | None).validate_json(path.read_bytes())
            except (OSError, ValidationError):
                log.warning("the pause cannot be read: the device stays paused until it is told to resume")

    def active(self, now: datetime) -> bool:
        """Tell whether the device is paused at `now`."""
        if self._on and self._until is not None and now >= self._until:
            self.end()
        return self._on

    def begin(self, until: datetime | None) -> None:
        """Pause, durably. A disk that cannot be written only costs what a reboot would find."""
        self._on, self._until = True, until
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._path.open("w", encoding="utf-8") as file:
                json.dump(until.isoformat() if until else None, file)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            log.error("the pause would not survive a reboot", extra={"reason": str(error)})

    def end(self) -> None:
        """Listen again."""
        self._on, self._until = False, None
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            log.error("the pause would come back with a reboot", extra={"reason": str(error)})


class Commands:
    """Does what valid commands ask and says what came of it. A command that came before is not done again."""

    def __init__(self, clock: Clock, outbox: Outbox, pause: Pause, mark: Callable[[str | None], str]) -> None:
        self._clock, self._outbox, self._pause, self._mark = clock, outbox, pause, mark
        self._done: deque[str] = deque(maxlen=_REMEMBERED)

    def answer(self, payload: bytes) -> dict[str, Any] | None:
        """Do one command; give the reply, None for one that is ignored (expired, or done before)."""
        try:
            command = Command.model_validate_json(payload)
        except ValidationError as error:
            log.warning("a command is not understood", extra={"errors": error.error_count()})
            return _refused(payload, error)
        if command.id in self._done:
            return None
        self._done.append(command.id)
        now = self._clock.now()
        if command.until is not None and now.clock != "free" and now.start > command.until:
            log.info("an expired command is ignored", extra={"do": command.do})
            return None
        log.info("command", extra={"do": command.do, "command": command.id})
        try:
            return {"id": command.id, "ok": True, "error": None} | self._do(command)
        except ValidationError as error:
            return {"id": command.id, "ok": False, "error": _sentence(error, "args.")}

    def _do(self, command: Command) -> dict[str, Any]:
        match command.do:
            case "pause":
                self._pause.begin(Until.model_validate(command.args).until)
            case "resume":
                self._pause.end()
            case "mark":
                return {"record": self._mark(Note.model_validate(command.args).note)}
            case "erase":
                what = What.model_validate(command.args)
                return {"erased": self._outbox.erase(what.ids, what.begin, what.end)}
            case "ping":
                pass
        return {}


def _sentence(error: ValidationError, before: str = "") -> str:
    first = error.errors()[0]
    return f"{before}{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _refused(payload: bytes, error: ValidationError) -> dict[str, Any] | None:
    """Answer what has an id, so that whoever asked does not wait in vain."""
    try:
        values = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    name = values.get("id") if isinstance(values, dict) else None
    return {"id": name, "ok": False, "error": _sentence(error)} if isinstance(name, str) and name else None
