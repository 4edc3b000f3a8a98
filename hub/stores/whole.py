"""All of a store beside its moments, as lines of JSON: devices, tokens, settings, records, dead letters, erased ids.

What is made from moments (sums, search indexes, counts) is left out: it is made again as moments come in.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, LargeBinary, Table, select

from hub.stores.dialect import upsert
from hub.stores.schema import METADATA

_MADE: Final = {"moments", "notes", "scenes", "phrases", "cells", "rollups", "counters", "leaving", "place_days"}
_PASSING: Final = {"enrolments"}
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


def put(connection: Connection, said: dict[str, Any]) -> bool:
    """Put the row of a line where it is not there yet; False when it is. Raises ValueError for what is no such line."""
    table = next((table for table in _tables() if table.name == said.get("of")), None)
    row = said.get("row")
    if table is None or not isinstance(row, dict) or not row.keys() <= set(table.c.keys()):
        raise ValueError("is a row of no table that is known here")
    values = {
        name: base64.b64decode(value) if value is not None and isinstance(table.c[name].type, LargeBinary) else value
        for name, value in row.items()
    }
    done = connection.execute(upsert(connection, table).values(values).on_conflict_do_nothing())
    return done.rowcount > 0


def _shown(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
