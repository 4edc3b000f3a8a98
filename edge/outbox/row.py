"""A waiting moment as the outbox's file holds it."""

import uuid
from dataclasses import dataclass

from moments import Moment

Columns = tuple[int, bytes, bytes, int, float | None, float | None, str | None]


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


def row_of(values: Columns) -> Row:
    """Read the columns as they are stored. Raises ValueError or TypeError when the id is none."""
    return Row(values[0], str(uuid.UUID(bytes=values[1])), *values[2:])


def moment_of(body: bytes) -> Moment | None:
    """Read a moment; None where a card has changed its bytes, or an older version wrote what is none any more."""
    try:
        return Moment.from_json(body)
    except ValueError:
        return None


def start_of(body: bytes) -> float:
    """Give when a moment began, in Unix seconds; minus infinity where it cannot be read."""
    moment = moment_of(body)
    return float("-inf") if moment is None else moment.start.timestamp()


def keep_of(moment: Moment) -> int:
    """Say what is dropped first when room runs out: 0 unsure, 1 likely, 2 sure, 3 a record."""
    if moment.record is not None:
        return 3
    # Of surroundings the scene is what was heard; how sure a rule is of an emotion says nothing of that.
    heard = moment.scene if moment.basis == "scene" else None
    sure = (heard.confidence if heard else moment.confidence) or 0.0
    return 2 if sure >= 0.8 else int(sure >= 0.5)
