"""What the owner asks of the device while it runs: pause, resume, mark, erase, ping.

Asked over MQTT by the hub, or over a socket beside the outbox by `moodscape edge mark`.
"""

import json
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from edge.clock import Clock
from edge.outbox.queue import Outbox
from edge.outbox.row import moment_of
from edge.outbox.span import Days, Span
from edge.owner.answered import Answered
from edge.owner.pause import Pause
from edge.records.clip import Label
from edge.records.recorder import Recorder
from edge.records.shelf import Shelf
from moments import Moment

log = logging.getLogger(__name__)

_IN_MEMORY_S: Final = 300.0
"""No sound in memory is older."""


class Until(BaseModel):
    """`pause`: until when; without it, until `resume`."""

    until: AwareDatetime | None = None


class Note(BaseModel):
    """`mark`: the person's words."""

    note: Annotated[str, Field(max_length=10_000)] | None = None


class Dates(BaseModel):
    """`erase`: the wearer's days, from `from` to before `to`."""

    begin: date | None = Field(None, alias="from")
    end: date | None = Field(None, alias="to")


class What(BaseModel):
    """`erase`: what these name, with its clips, or else all that began in [`from`, `to`); all without any of them.

    Where `days` has a date, it holds instead of the instant, as far as something tells its date, but nothing is meant
    from `before` on, or else from `to` on: what was heard after the order was given.
    """

    ids: list[str] | None = None
    records: list[str] | None = None
    clips: list[str] | None = None
    begin: AwareDatetime | None = Field(None, alias="from")
    end: AwareDatetime | None = Field(None, alias="to")
    days: Dates | None = None
    before: AwareDatetime | None = None

    def span(self) -> Span:
        """Give the time that is meant."""
        low, high = _unix(self.begin, float("-inf")), _unix(self.end, float("inf"))
        if self.days is None:
            return Span(low, high)
        first, last = _wall(self.days.begin), _wall(self.days.end)
        days = Days(first, last, _unix(self.before, high))
        if self.begin is None and first is not None:  # never all, where a day is named
            low = first
        if self.end is None and last is not None:
            high = last
        return Span(low, high, days)


class Command(BaseModel):
    """One command as it comes over the wire; it is ignored after `until`."""

    id: Annotated[str, Field(min_length=1, max_length=64)]
    do: Literal["pause", "resume", "mark", "erase", "ping"]
    until: AwareDatetime | None = None
    args: dict[str, Any] = {}


class Commands:
    """Does what valid commands ask and says what came of it; to one that came before, what it said then.

    `forget(begin, end)` drops what was heard and is no moment yet, as far as it began in [begin, end), in Unix seconds;
    it raises TimeoutError, with a reason, when it cannot.
    """

    def __init__(
        self,
        clock: Clock,
        outbox: Outbox,
        pause: Pause,
        mark: Callable[[str | None], str],
        *,
        shelf: Shelf,
        recorder: Recorder,
        forget: Callable[[float, float], None],
        answered: Answered,
    ) -> None:
        self._clock, self._outbox, self._pause, self._mark = clock, outbox, pause, mark
        self._shelf, self._recorder, self._forget = shelf, recorder, forget
        self._answered = answered

    def answer(self, payload: bytes) -> dict[str, Any] | None:
        """Do one command; give the reply, None for one that is ignored since it has expired."""
        try:
            command = Command.model_validate_json(payload)
        except ValidationError as error:
            log.warning("a command is not understood", extra={"errors": error.error_count()})
            return _refused(payload, error)
        if (said := self._answered.get(command.id)) is not None:
            return said
        now = self._clock.now()
        if command.until is not None and now.clock != "free" and now.start > command.until:
            log.info("an expired command is ignored", extra={"do": command.do})
            return None
        log.info("command", extra={"do": command.do, "command": command.id})
        reply = self._reply(command)
        self._answered.keep(reply)
        return reply

    def _reply(self, command: Command) -> dict[str, Any]:
        try:
            return {"id": command.id, "ok": True, "error": None} | self._do(command)
        except ValidationError as error:
            return {"id": command.id, "ok": False, "error": _sentence(error, "args.")}
        except OSError as error:
            why = str(error) if isinstance(error, TimeoutError) else f"the disk refuses: {error.strerror}"
            return {"id": command.id, "ok": False, "error": why}

    def _do(self, command: Command) -> dict[str, Any]:
        match command.do:
            case "pause":
                self._pause.begin(Until.model_validate(command.args).until)
            case "resume":
                self._pause.end()
            case "mark":
                return {"record": self._mark(Note.model_validate(command.args).note)}
            case "erase":
                return self._erase(What.model_validate(command.args))
            case "ping":
                pass
        return {}

    def _erase(self, what: What) -> dict[str, Any]:
        """Reach all that this device still has: the outbox, the clips, the sound in memory and what is read from it."""
        if any(named is not None for named in (what.ids, what.records, what.clips)):
            records = what.records or []
            ids = [*(what.ids or []), *(self._outbox.of_records(records) if records else [])]
            waiting = [moment_of(row.body) for row in self._outbox.rows(ids)]
            sha256s = [*(what.clips or []), *(moment.clip.sha256 for moment in waiting if moment and moment.clip)]
            self._recorder.forget(ids, records, sha256s)
            erased = self._outbox.erase(ids)  # first: the clips may lie on a disk of their own that refuses
            return {"erased": erased, "clips": self._shelf.erase(sha256s=sha256s, records=records, moments=ids)}
        span = what.span()
        now = self._clock.now()
        live = span.at(None if now.clock == "free" else now.start.utcoffset())
        if now.clock == "free" or live[1] > now.start.timestamp() - _IN_MEMORY_S:
            self._recorder.forget_all()
        self._recorder.forget_span(*live)  # first: what is being heard ends next, and may name a clip
        self._forget(*live)
        offsets, theirs = self._with_clips(span)  # whose sound may have no known time, or lie beyond the span
        sha256s = [moment.clip.sha256 for moment in theirs if moment.clip]
        ids = [moment.id for moment in theirs]
        self._recorder.forget(ids, [], sha256s)

        def touching(label: Label) -> bool:
            of = (offsets[name] for name in (label.record, *label.moments) if name in offsets)
            return label.touches(*span.at(next(of, None)))

        try:
            clips = self._shelf.erase(sha256s=sha256s, moments=ids, touching=touching)
        finally:  # last: what still waits tells of which day its clip is, when the order comes again after a kill
            erased = self._outbox.erase_between(*span)
        return {"erased": erased, "clips": clips}

    def _with_clips(self, span: Span) -> tuple[dict[str | None, timedelta | None], list[Moment]]:
        """Look at the waiting moments that may have a clip on the shelf.

        Give the offsets from UTC that they tell, by moment and by record, and those of them that began in the span.
        """
        labels = [kept.label for kept in self._shelf.all()]
        ids = {moment for label in labels for moment in label.moments}
        ids.update(self._outbox.of_records({label.record for label in labels if label.record}))
        offsets: dict[str | None, timedelta | None] = {}
        theirs = []
        for row in self._outbox.rows(ids):
            if (moment := moment_of(row.body)) is None:
                continue
            offset = None if row.born is None else moment.start.utcoffset()
            offsets |= {name: offset for name in (moment.id, moment.record) if name is not None}
            if span.holds(moment.start.timestamp(), offset):
                theirs.append(moment)
        return offsets, theirs


def _wall(day: date | None) -> float | None:
    """Give where a day begins by a wall clock, in seconds as if that were UTC."""
    return None if day is None else datetime.combine(day, time(), UTC).timestamp()


def _unix(when: datetime | None, otherwise: float) -> float:
    return otherwise if when is None else when.timestamp()


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
