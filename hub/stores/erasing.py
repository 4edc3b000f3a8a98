"""Erasing: the rows, the words in the search index, and what was counted or kept once for them."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select

from hub.stores import beside, leaving, rollups, terms, unfinished, words
from hub.stores.dialect import stretches
from hub.stores.tables import cells, devices, erased, moments, notes, phrases, scenes

_STRETCH: Final = 2000
_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 86_400_000


def erase_some(connection: Connection, condition: Sequence[Any]) -> tuple[int, bool]:
    """Erase up to a stretch of what matches all of `condition`, and note what is left to do.

    Gives how many moments, and whether there may be more.
    """
    m = moments.c
    wanted = (m.seq, m.id, m.scene, m.cell, m.rule, m.models, m.clip, m.lat)
    found = connection.execute(select(*wanted, *rollups.ROLLED).where(*condition).limit(_STRETCH)).all()
    if not found:
        return 0, False
    connection.execute(insert(erased), [{"id": row.id} for row in found])
    leaving.note(connection, found)
    rollups.shift(connection, [row[len(wanted) :] for row in found], -1)
    noted = False
    for seqs in stretches([row.seq for row in found]):
        for seq, text in connection.execute(select(notes).where(notes.c.seq.in_(seqs))).all():
            words.let_go(connection, seq, text)
            noted = True
        connection.execute(delete(notes).where(notes.c.seq.in_(seqs)))
        connection.execute(delete(moments).where(m.seq.in_(seqs)))
    terms.let_go(connection, scenes, (row.scene for row in found))
    terms.let_go(connection, cells, (row.cell for row in found))
    terms.let_go(connection, phrases, [row.rule for row in found] + [row.models for row in found])
    beside.let_go(connection, [bytes(row.id) for row in found], _clips(connection, found))
    unfinished.leave_bytes(connection, [row.start_ms for row in found], noted=noted)
    placed = [row for row in found if row.lat is not None]
    unfinished.leave_days(
        connection, {(row.device, (row.start_ms + row.offset_min * _MINUTE_MS) // _DAY_MS) for row in placed}
    )
    return len(found), len(found) == _STRETCH


def _clips(connection: Connection, found: Sequence[Any]) -> set[beside.Named]:
    """Say which clips rows of `moments` name."""
    sounding = [row for row in found if row.clip]
    numbers = {row.device for row in sounding}
    asked = select(devices.c.n, devices.c.id).where(devices.c.n.in_(numbers))
    names = {row.n: row.id for row in connection.execute(asked)} if numbers else {}
    return {(row.clip, names[row.device]) for row in sounding}
