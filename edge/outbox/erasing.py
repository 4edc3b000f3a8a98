"""Deletes from the outbox's file what is stored or erased."""

import sqlite3
import uuid
from collections.abc import Iterable, Sequence

from edge.outbox.row import start_of

Span = tuple[float, float]
"""All that began in [low, high), in Unix seconds."""


def erase(db: sqlite3.Connection, ids: Iterable[str], spans: Sequence[Span], *, broken: bool) -> int:
    """Delete these, and what began in these spans; give how many the spans had.

    `broken`: there are broken files, from which none of it is to be taken any more.
    """
    gone = [(uuid.UUID(each).bytes,) for each in ids]
    db.executemany("DELETE FROM outbox WHERE id = ?", gone)
    erased = sum(_erase_between(db, low, high) for low, high in spans)
    if broken:
        db.executemany("INSERT OR IGNORE INTO gone VALUES (?, NULL, NULL)", gone)
        db.executemany("INSERT INTO gone VALUES (NULL, ?, ?)", spans)
    return erased


def _erase_between(db: sqlite3.Connection, low: float, high: float) -> int:
    """Delete by the time that its column tells; what has none there is read, which takes long where many wait."""
    dated = db.execute("DELETE FROM outbox WHERE born >= ? AND born < ?", (low, high)).rowcount
    others = db.execute("SELECT seq, body FROM outbox WHERE born IS NULL OR born >= ''")  # text, if a card made it that
    gone = [(seq,) for seq, body in others if low <= start_of(body) < high]
    db.executemany("DELETE FROM outbox WHERE seq = ?", gone)
    return dated + len(gone)
