"""What repeats from moment to moment: kept once, by number, with the count of its uses."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update

from hub.stores import cells
from hub.stores.tables import cells as cell_table
from hub.stores.tables import phrases, scenes
from hub.stores.words import words

_STEP: Final = 500  # keys in one IN


def _scene(key: str) -> dict[str, Any]:
    label, group = json.loads(key)
    return {"label": label.replace("\0", ""), "words": "".join(f" {word}" for word in words(f"{label} {group}"))}


def _cell(key: str) -> dict[str, Any]:
    row, col = json.loads(key)
    return {"row": row, "col": col}


_MORE: Final[Mapping[Table, Any]] = {scenes: _scene, phrases: lambda _: {}, cell_table: _cell}


def numbers(connection: Connection, table: Table, keys: Iterable[str]) -> dict[str, int]:
    """Give the number of each key of `scenes`, `phrases` or `cells`, made where it is not there; counts each as used.

    A key that stands in `keys` several times is used as often.
    """
    used = Counter(keys)
    known = dict[str, int]()
    wanted = list(used)
    for at in range(0, len(wanted), _STEP):
        some = table.c.key.in_(wanted[at : at + _STEP])
        known.update((row.key, row.n) for row in connection.execute(select(table.c.key, table.c.n).where(some)))
    if known:
        _count(connection, table, [{"this": n, "by": used[key]} for key, n in known.items()])
    made = []
    for key in used.keys() - known.keys():
        values = {"key": key, "uses": used[key]} | _MORE[table](key)
        (n,) = connection.execute(insert(table).values(values).returning(table.c.n)).one()
        known[key] = n
        made.append((n, values))
    if table is cell_table:
        cells.take_up(connection, [(n, values["row"], values["col"]) for n, values in made])
    return known


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
