"""What repeats from moment to moment: kept once, by number, with the count of its uses."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Column, Connection, Table, bindparam, delete, select, update

from hub.stores import cells
from hub.stores.dialect import put_rows, stretches
from hub.stores.tables import cells as cell_table
from hub.stores.tables import phrases, scenes
from hub.stores.words import of_scene


def _scene(key: str) -> dict[str, Any]:
    label, group = json.loads(key)
    return {"label": label.replace("\0", ""), "words": of_scene(label, group)}


def _cell(key: str) -> dict[str, Any]:
    row, col = json.loads(key)
    return {"row": row, "col": col}


_MORE: Final[Mapping[Table, Any]] = {scenes: _scene, phrases: lambda _: {}, cell_table: _cell}


def numbers(connection: Connection, table: Table, keys: Iterable[str]) -> dict[str, int]:
    """Give the number of each key of `scenes`, `phrases` or `cells`, made where it is not there; counts each as used.

    A key that stands in `keys` several times is used as often.
    """
    used = Counter(keys)
    found = known(connection, table.c.key, used)
    if found:
        _count(connection, table, [{"this": n, "by": used[key]} for key, n in found.items()])
    made = [{"key": key, "uses": used[key]} | _MORE[table](key) for key in sorted(used.keys() - found.keys())]
    if made:
        put_rows(connection, table, tuple(made[0]), [tuple(values.values()) for values in made])
        new = known(connection, table.c.key, [values["key"] for values in made])
        if table is cell_table:
            cells.take_up(connection, [(new[values["key"]], values["row"], values["col"]) for values in made])
        found |= new
    return found


def known(connection: Connection, key: Column[str], wanted: Iterable[str]) -> dict[str, int]:
    """Give the numbers of those rows that are there, by their key; `key` is its column."""
    found: dict[str, int] = {}
    for some in stretches(list(wanted)):
        rows = connection.execute(select(key, key.table.c.n).where(key.in_(some)))
        found.update((row[0], row[1]) for row in rows)
    return found


def _count(connection: Connection, table: Table, changes: list[dict[str, int]]) -> None:
    changes.sort(key=lambda change: change["this"])
    asked = update(table).where(table.c.n == bindparam("this")).values(uses=table.c.uses + bindparam("by"))
    connection.execute(asked, changes)


def let_go(connection: Connection, table: Table, used: Iterable[int | None]) -> None:
    """Count uses by number as ended; what nothing uses any more goes."""
    ended = Counter(n for n in used if n is not None)
    if not ended:
        return
    _count(connection, table, [{"this": n, "by": -count} for n, count in ended.items()])
    gone = list(connection.execute(select(table.c.n).where(table.c.uses <= 0)).scalars()) if ended else []
    if gone:
        connection.execute(delete(table).where(table.c.n == bindparam("this")), [{"this": n} for n in gone])
        if table is cell_table:
            cells.let_go(connection, gone)
