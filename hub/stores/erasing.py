"""Erasing: the rows, the words in the search index, and what was counted or kept once for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select

from hub.stores import beside, leaving, rollups, terms, words
from hub.stores.tables import cells, erased, moments, notes, phrases, scenes

_STRETCH: Final = 2000
_STEP: Final = 500  # keys in one IN


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one transaction erased; `span_ms` has the first and the last start."""

    moments: int
    noted: bool
    span_ms: tuple[int, int]


def erase_some(connection: Connection, condition: Sequence[Any]) -> Stretch:
    """Erase up to a stretch of what matches all of `condition`."""
    m = moments.c
    wanted = (m.seq, m.id, m.scene, m.cell, m.rule, m.models)
    found = connection.execute(select(*wanted, *rollups.ROLLED).where(*condition).limit(_STRETCH)).all()
    if not found:
        return Stretch(0, noted=False, span_ms=(0, 0))
    connection.execute(insert(erased), [{"id": row.id} for row in found])
    leaving.note(connection, found)
    rollups.shift(connection, [row[len(wanted) :] for row in found], -1)
    noted = False
    for at in range(0, len(found), _STEP):
        seqs = [row.seq for row in found[at : at + _STEP]]
        for seq, text in connection.execute(select(notes).where(notes.c.seq.in_(seqs))).all():
            words.let_go(connection, seq, text)
            noted = True
        connection.execute(delete(notes).where(notes.c.seq.in_(seqs)))
        connection.execute(delete(moments).where(m.seq.in_(seqs)))
    terms.let_go(connection, scenes, (row.scene for row in found))
    terms.let_go(connection, cells, (row.cell for row in found))
    terms.let_go(connection, phrases, [row.rule for row in found] + [row.models for row in found])
    beside.let_go(connection, [bytes(row.id) for row in found])
    starts = [row.start_ms for row in found]
    return Stretch(len(found), noted, (min(starts), max(starts)))
