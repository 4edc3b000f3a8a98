"""Deletes from the outbox's file what is stored or erased."""

import sqlite3
import uuid
from collections.abc import Iterable, Sequence

from edge.outbox.row import Row, began, offset_of, start_of
from edge.outbox.span import Span, read


def erase(db: sqlite3.Connection, ids: Iterable[str], spans: Sequence[Span], *, broken: bool) -> int:
    """Delete these, and what began in these spans; give how many the spans had.

    `broken`: there are broken files, from which none of it is to be taken any more.
    """
    gone = [(uuid.UUID(each).bytes,) for each in ids]
    db.executemany("DELETE FROM outbox WHERE id = ?", gone)
    erased = sum(_erase_span(db, span) for span in spans)
    if broken:
        gone += [(span.written(),) for span in spans if span.days is not None]
        db.executemany("INSERT OR IGNORE INTO gone VALUES (?, NULL, NULL)", gone)
        instants = [(span.low, span.high) for span in spans if span.days is None]
        db.executemany("INSERT INTO gone VALUES (NULL, ?, ?)", instants)
    return erased


def gone_spans(db: sqlite3.Connection) -> list[Span]:
    """Give the spans of which nothing is to be taken from broken files any more."""
    spans = [Span(low, high) for low, high in db.execute("SELECT low, high FROM gone WHERE id IS NULL")]
    with_days = [read(written) for (written,) in db.execute("SELECT id FROM gone WHERE length(id) > 16")]
    return spans + [span for span in with_days if span is not None]


def is_of(row: Row, span: Span) -> bool:
    """Tell whether a waiting moment is of a span."""
    return span.holds(began(row), None if row.born is None else offset_of(row.body))


def _erase_span(db: sqlite3.Connection, span: Span) -> int:
    """Delete by the time that its column tells; what has none there is read, which takes long where many wait.

    Near where days begin and end, what has one is read as well: its offset decides.
    """
    between = "FROM outbox WHERE born >= ? AND born < ?"
    dated = db.execute(f"DELETE {between}", span.everywhere).rowcount
    gone: list[tuple[int]] = []
    if span.days is not None:
        near = db.execute(f"SELECT seq, body, born {between}", span.somewhere)
        gone = [(seq,) for seq, body, born in near if span.holds(born, offset_of(body))]
    others = db.execute("SELECT seq, body FROM outbox WHERE born IS NULL OR born >= ''")  # text, if a card made it that
    gone += [(seq,) for seq, body in others if span.holds(start_of(body), None)]
    db.executemany("DELETE FROM outbox WHERE seq = ?", gone)
    return dated + len(gone)
