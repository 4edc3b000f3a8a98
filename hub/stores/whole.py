"""All of a store beside its moments, as lines of JSON: devices, tokens, settings, records, dead letters, erased ids.

What is made from moments (sums, search indexes, counts) is left out: it is made again as moments come in.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Column, Connection, LargeBinary, Table, func, select

from hub.stores.dialect import upsert
from hub.stores.schema import METADATA
from hub.stores.tables import devices

_MADE: Final = {"moments", "notes", "scenes", "phrases", "cells", "rollups", "counters", "leaving", "place_days"}
_PASSING: Final = {"enrolments", "unscrubbed", "stale_days", "erasings", "refused_lines"}
"""What is good at this hub only, and for minutes."""

_OWN: Final = "n"
"""Numbers that a store gives itself."""


def _tables() -> list[Table]:
    return [table for table in METADATA.sorted_tables if table.name not in _MADE | _PASSING]


def lines(connection: Connection) -> Iterator[bytes]:
    """Give one line a row: `{"of": table, "row": {column: value}}`, bytes in base64."""
    for table in _tables():
        wanted = [column for column in table.c if column.name != _OWN]
        for row in connection.execute(select(*wanted)):
            said = {column.name: _shown(value) for column, value in zip(wanted, row, strict=True)}
            yield json.dumps({"of": table.name, "row": said}, ensure_ascii=False).encode() + b"\n"


def put(connection: Connection, said: dict[str, Any]) -> None:
    """Put the row of a line where it is not there yet; a device that is gets the name and owner that it lacks.

    Raises ValueError for what is no such line.
    """
    table = next((table for table in _tables() if table.name == said.get("of")), None)
    row = said.get("row")
    if table is None or not isinstance(row, dict) or not row.keys() <= set(table.c.keys()):
        raise ValueError("is a row of no table that is known here")
    wrong = [column.name for column in table.c if column.name != _OWN and not _fits(column, row.get(column.name))]
    if wrong:
        raise ValueError(f"is no row of {table.name}: {wrong[0]} is missing or of another kind")
    values = {
        name: base64.b64decode(value) if value is not None and isinstance(table.c[name].type, LargeBinary) else value
        for name, value in row.items()
    }
    put = upsert(connection, table).values(values)
    if table is devices:  # one that was heard here already has no name and no owner yet
        told = {name: func.coalesce(table.c[name], put.excluded[name]) for name in ("name", "owner")}
        put = put.on_conflict_do_update(index_elements=["id"], set_=told)
    else:
        put = put.on_conflict_do_nothing()
    connection.execute(put)


def _fits(column: Column[Any], value: Any) -> bool:
    if value is None:
        return bool(column.nullable or column.default is not None or column.server_default is not None)
    kind = column.type.python_type
    if isinstance(value, bool):  # which Python takes for a whole number
        return kind is bool
    if kind is bytes:
        return isinstance(value, str)
    return isinstance(value, (int, float) if kind is float else kind)


def _shown(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
