"""A waiting moment as the outbox's file holds it."""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel

from edge.clock import Reading
from moments import Clip, Moment

Columns = tuple[int, bytes, bytes, int, float | None, float | None, str | None]

_KINDS: Final = (int, bytes, object, int, float | int | None, float | int | None, str | None)
"""What each column is; a body may be anything, since the hub tells of one that is no moment."""
_BOOT_SECONDS: Final = 3e8
"""No boot lasts so long, nine years; beyond it there may be no date, with 32 bits from 2038 on."""


class _Start(BaseModel):
    """What of a moment tells its time: of many at once it is read in a quarter of the time."""

    start: AwareDatetime


@dataclass(frozen=True, slots=True)
class Row:
    """One waiting moment: its place in the order of arrival, its id, its JSON, and the other columns."""

    seq: int
    id: str
    body: bytes
    keep: int
    born: float | None
    heard: float | None
    boot: str | None

    def values(self) -> Columns:
        """Give the columns as they are stored."""
        return self.seq, uuid.UUID(self.id).bytes, self.body, self.keep, self.born, self.heard, self.boot


def row_of(values: tuple[Any, ...]) -> Row:
    """Read the columns as they are stored. Raises ValueError where a card has changed what one of them is."""
    if not all(map(isinstance, values, _KINDS)) or not 0 <= (values[5] or 0) < _BOOT_SECONDS:
        raise ValueError("a column is not what was stored")
    seq, name, body, *others = values
    return Row(seq, str(uuid.UUID(bytes=name)), body if isinstance(body, bytes) else str(body).encode(), *others)


def text_of(stored: bytes) -> str:
    """Read a column that is text, also where a card has changed its bytes: else SQLite reads none of the rows."""
    return stored.decode(errors="replace")


def kept(ids: Iterable[str]) -> Iterator[str]:
    """Write ids as the queue does, and leave out what is none, since they come from outside."""
    for each in ids:
        with suppress(ValueError):
            yield str(uuid.UUID(each))


def stamped(row: Row, at: Reading) -> Row:
    """Give it the time that it waited for."""
    start = at.start.replace(microsecond=at.start.microsecond // 1000 * 1000)  # as its body tells it
    row = replace(row, born=start.timestamp(), heard=None, boot=None)
    moment = moment_of(row.body)
    if moment is None:  # it goes as it is: the hub tells whoever looks at its dead letters
        return row
    return replace(row, body=moment.model_copy(update={"start": start, "clock": at.clock}).to_json())


def with_clip(row: Row, clip: Clip) -> Row:
    """Give it its clip; one that cannot be read goes as it is."""
    moment = moment_of(row.body)
    return row if moment is None else replace(row, body=moment.model_copy(update={"clip": clip}).to_json())


def moment_of(body: bytes) -> Moment | None:
    """Read a moment; None where a card has changed its bytes, or an older version wrote what is none any more."""
    try:
        return Moment.from_json(body)
    except ValueError:
        return None


def start_of(body: bytes) -> float:
    """Give when a moment began, in Unix seconds; minus infinity where it cannot be read."""
    try:
        return _Start.model_validate_json(body).start.timestamp()
    except ValueError:
        return float("-inf")


def offset_of(body: bytes) -> timedelta | None:
    """Give how far the wall clock was from UTC where a moment began; None where it cannot be read."""
    try:
        return _Start.model_validate_json(body).start.utcoffset()
    except ValueError:
        return None


def began(row: Row) -> float:
    """Give when it began, in Unix seconds, as far as is known; minus infinity where that cannot be read."""
    return start_of(row.body) if row.born is None else row.born


def keep_of(moment: Moment) -> int:
    """Say what is dropped first when room runs out: 0 unsure, 1 likely, 2 sure, 3 a record."""
    if moment.record is not None:
        return 3
    # Of surroundings the scene is what was heard; how sure a rule is of an emotion says nothing of that.
    heard = moment.scene if moment.basis == "scene" else None
    sure = (heard.confidence if heard else moment.confidence) or 0.0
    return 2 if sure >= 0.8 else int(sure >= 0.5)
