"""Moments on their way into the tables."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from hub.stores import rollups, rows, terms
from hub.stores.dialect import put_rows, stretches
from hub.stores.tables import cells, counters, erased, moments, phrases, scenes
from moments import Moment

_ARRIVED: Final = "arrived"
_PLACE: Final = {name: n for n, name in enumerate(rows.COLUMNS)}


def unknown(connection: Connection, arrived: Iterable[Moment]) -> list[Moment]:
    """Give those moments, each once, that are neither there nor erased."""
    by_key = {rows.key(moment.id): moment for moment in arrived}
    keys = list(by_key)
    known: set[bytes] = set()
    for table in (moments, erased):
        look = select(table.c.id).where(table.c.id.in_(bindparam("keys", expanding=True)))
        for some in stretches(keys):
            known.update(map(bytes, connection.execute(look, {"keys": some}).scalars()))
    return [moment for key, moment in by_key.items() if key not in known]


def last_seq(connection: Connection) -> int:
    """Give the seq of the moment that arrived last, erased or not; 0 before any."""
    asked = select(counters.c.value).where(counters.c.name == _ARRIVED)
    return connection.execute(asked).scalar() or 0


def next_seqs(connection: Connection, count: int) -> range:
    """Give so many places in the order of arrival, never given before."""
    name = counters.c.name == _ARRIVED
    grown = update(counters).where(name).values(value=counters.c.value + count).returning(counters.c.value)
    last: int | None = connection.execute(grown).scalar()
    if last is None:
        connection.execute(insert(counters).values(name=_ARRIVED, value=count))
        last = count
    return range(last - count + 1, last + 1)


def put(connection: Connection, new: Sequence[Moment], seqs: Sequence[int], devices: dict[str, int]) -> None:
    """Insert moments that are not there, each at its place in the order of arrival, with all that adds them up."""
    named = [rows.terms(moment) for moment in new]
    said = [each.models for each in named] + [each.rule for each in named if each.rule]
    numbers: dict[str, int] = {
        **terms.numbers(connection, scenes, [each.scene for each in named if each.scene]),
        **terms.numbers(connection, cells, [each.cell for each in named if each.cell]),
        **terms.numbers(connection, phrases, said),
    }
    made = [
        rows.to_row(moment, terms_, seq, devices[moment.device], numbers)
        for moment, terms_, seq in zip(new, named, seqs, strict=True)
    ]
    put_rows(connection, moments, rows.COLUMNS, made)
    rollups.shift(connection, [[row[place] for place in _ROLLED] for row in made], 1)


_ROLLED: Final[Any] = [
    _PLACE[name] for name in ("start_ms", "offset_min", "device", "emotion", "seconds", "valence", "arousal")
]
"""What `rollups.ROLLED` selects: what arrives has no correction, so the reading is what was felt."""
