"""Takes moments from NDJSON, one a line, as `export` wrote them, and what `export --whole` wrote beside them.

A file that was taken in part goes on where it was: how far it came, and which lines were refused, is kept in the store
with each batch, until the file's end.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import ValidationError
from sqlalchemy import Connection, delete, select
from sqlalchemy.exc import DBAPIError

from hub.stores import whole
from hub.stores.dialect import upsert
from hub.stores.refusing import refuses
from hub.stores.store import Brought, Store
from hub.stores.tables import counters, refused_lines
from moments import Emotion, Moment
from moments.errors import UserError
from moments.moment import is_json

_TOGETHER: Final = 1000
_TOLD: Final = 1 << 20  # bytes at the beginning that tell one file from another
_NAMED: Final = 100
"""So many of the refused lines are named; the others are counted."""


@dataclass(slots=True)
class Done:
    """What became of the lines: how many moments are new, and how many known or erased.

    Of the lines that were refused, `refused` has (line, why) of up to 100, and `more_refused` counts the others; those
    that were refused before the import was cut off are among them.
    """

    new: int = 0
    known: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    more_refused: int = 0

    def refuse(self, line: int, why: str) -> None:
        """Note a line that is refused."""
        if len(self.refused) < _NAMED:
            self.refused.append((line, why))
        else:
            self.more_refused += 1


_Line = tuple[int, Brought | dict[str, Any]]
"""A line's number, and the moment or the row of another table that it holds."""


def _read(line: bytes) -> Brought | dict[str, Any]:
    said = json.loads(line)
    if not isinstance(said, dict):
        raise ValueError("is not a JSON object")
    if not is_json(said):
        raise ValueError("holds a number or a text that JSON cannot tell")
    if said.keys() == {"of", "row"}:  # a moment has more, and may have fields of these names too
        return said
    note, correction = said.pop("note", None), said.pop("correction", None)
    if not isinstance(note, str | None):
        raise ValueError("note: is not text")
    if correction is not None and correction not in get_args(Emotion):
        raise ValueError("correction: is no emotion")
    return Brought(Moment.from_json(json.dumps(said)), note or None, correction)


def _why(error: Exception) -> str:
    """Say why a line is refused, without anything of what it holds: it may be of somebody's days, and this is kept."""
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    if isinstance(error, OverflowError):
        return "holds a number that is too large for the store"
    if isinstance(error, DBAPIError):
        return f"the store refuses it: {_refusal(error.orig)}"
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = first["loc"][:1] if first["loc"][:1] == ("emotions",) else first["loc"]  # whose keys are the line's own
        return f"{'.'.join(map(str, where)) or 'moment'}: {first['msg']}"
    return str(error)


def _refusal(error: BaseException | None) -> str:
    if getattr(error, "sqlstate", None):  # PostgreSQL's own words show rows and values
        return re.sub(r"\B(?=[A-Z])", " ", type(error).__name__).lower()
    return " ".join(str(error).split())


def _quiet(_done: int, _size: int) -> None:
    """Tell nobody."""


def take(store: Store, path: Path, progress: Callable[[int, int], None] = _quiet) -> Done:
    """Take what a file holds; a second time takes nothing twice. Raises UserError when it cannot be read.

    `progress` is told the bytes that are done and how many there are.
    """
    done = Done()
    try:
        with path.open("rb") as lines:
            size = path.stat().st_size
            name = f"import {hashlib.sha256(lines.read(_TOLD)).hexdigest()} {size}"
            number = _go_on(store, lines, name, done)
            batch: list[_Line] = []
            while line := lines.readline():
                number += 1
                try:
                    if line.strip():
                        batch.append((number, _read(line)))
                except (ValueError, RecursionError) as error:
                    done.refuse(number, _why(error))
                if len(batch) >= _TOGETHER:
                    _commit(store, batch, done, name, lines.tell())
                    progress(lines.tell(), size)
            _commit(store, batch, done, name, None)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    return done


def _more(name: str) -> str:
    """Name the counter of the refused lines that are not named."""
    return f"{name} more refused"


def _go_on(store: Store, lines: Any, name: str, done: Done) -> int:
    """Go to where an import of this file was, take up what it refused, and give how many lines lie before."""
    r = refused_lines.c
    with store.reading() as connection:
        kept = connection.execute(select(counters).where(counters.c.name.in_((name, _more(name))))).all()
        refused = connection.execute(select(r.line, r.why).where(r.file == name).order_by(r.line)).all()
    counted = {row.name: row.value for row in kept}
    at, done.more_refused = counted.get(name, 0), counted.get(_more(name), 0)
    done.refused += [(row.line, row.why) for row in refused]
    lines.seek(0)
    number = 0
    while lines.tell() < at:
        lines.readline()
        number += 1
    return number


def _commit(store: Store, batch: list[_Line], done: Done, name: str, at: int | None) -> None:
    with store.writing() as connection:
        _put(store, connection, batch, done)
        if at is None:
            connection.execute(delete(counters).where(counters.c.name.in_((name, _more(name)))))
            connection.execute(delete(refused_lines).where(refused_lines.c.file == name))
        else:
            _keep(connection, done, name, at)
    batch.clear()


def _keep(connection: Connection, done: Done, name: str, at: int) -> None:
    put = upsert(connection, counters)
    reached = put.on_conflict_do_update(index_elements=["name"], set_={"value": put.excluded.value})
    connection.execute(reached, [{"name": name, "value": at}, {"name": _more(name), "value": done.more_refused}])
    if done.refused:
        rows = [{"file": name, "line": line, "why": why} for line, why in done.refused]
        connection.execute(upsert(connection, refused_lines).on_conflict_do_nothing(), rows)


def _put(store: Store, connection: Connection, batch: Sequence[_Line], done: Done) -> None:
    """Put all lines together, or one by one where one of them is refused."""
    brought = [said for _, said in batch if isinstance(said, Brought)]
    try:
        with connection.begin_nested():
            for _, said in batch:
                if not isinstance(said, Brought):
                    whole.put(connection, said)
            new = store.bring(connection, brought)
    except (ValueError, OverflowError, DBAPIError) as error:
        if isinstance(error, DBAPIError) and not refuses(error):
            raise
        if len(batch) == 1:
            done.refuse(batch[0][0], _why(error))
        else:
            for line in batch:
                _put(store, connection, [line], done)
    else:
        done.new += new
        done.known += len(brought) - new
