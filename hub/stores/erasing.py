"""Erasing: the rows, the words in the search index, and what they left on free pages (secure_delete zeroes those)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, text

from hub.stores import beside, rollups
from hub.stores.tables import erased, moments, notes, places, scenes

_STRETCH: Final = 2000


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one transaction erased."""

    moments: int
    labels: set[str]
    noted: bool


def erase_some(connection: Connection, condition: Sequence[Any]) -> Stretch:
    """Erase up to a stretch of what matches all of `condition`."""
    m = moments.c
    asked = select(m.seq, m.id, m.scene, *rollups.ROLLED).where(*condition).limit(_STRETCH)
    found = connection.execute(asked).all()
    if not found:
        return Stretch(0, set(), noted=False)
    connection.execute(insert(erased), [{"id": row.id} for row in found])
    rollups.shift(connection, [row[3:] for row in found], -1)
    seqs = [{"gone": row.seq} for row in found]
    lowest, highest = min(row.seq for row in found), max(row.seq for row in found)
    with_words = set(connection.execute(select(notes.c.rowid).where(notes.c.rowid.between(lowest, highest))).scalars())
    noted = [seq for seq in seqs if seq["gone"] in with_words]
    if noted:
        connection.execute(delete(notes).where(notes.c.rowid == bindparam("gone")), noted)
    connection.execute(delete(places).where(places.c.seq == bindparam("gone")), seqs)
    connection.execute(delete(moments).where(moments.c.seq == bindparam("gone")), seqs)
    beside.let_go(connection, [row.id for row in found])
    return Stretch(len(found), {row.scene for row in found if row.scene is not None}, noted=bool(noted))


def sweep(connection: Connection, labels: set[str], *, noted: bool) -> None:
    """Take out those of `labels` that no moment has any more, and deleted words from the search index."""
    for label in labels:
        if connection.execute(select(moments.c.seq).where(moments.c.scene == label).limit(1)).first() is None:
            connection.execute(delete(scenes).where(scenes.c.label == label))
    if noted:
        # FTS5 marks words as deleted; merging all its segments is what takes them out.
        connection.execute(text("INSERT INTO notes(notes) VALUES ('optimize')"))
