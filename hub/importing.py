"""Takes moments from NDJSON, one a line, as `export` wrote them, and what `export --whole` wrote beside them.

A file that was taken in part goes on where it was: how far it came is kept in the store, with each batch.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import ValidationError
from sqlalchemy import delete, select

from hub.stores import whole
from hub.stores.dialect import upsert
from hub.stores.store import Brought, Store
from hub.stores.tables import counters
from moments import Emotion, Moment
from moments.errors import UserError

_TOGETHER: Final = 1000
_TOLD: Final = 1 << 20  # bytes at the beginning that tell one file from another


@dataclass(slots=True)
class Done:
    """What became of the lines: how many moments are new, how many known or erased, and (line, why) of the others."""

    new: int = 0
    known: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Batch:
    """What one transaction takes: moments, and rows of other tables."""

    brought: list[Brought] = field(default_factory=list)
    others: list[dict[str, Any]] = field(default_factory=list)


def _read(said: Any) -> Brought:
    if not isinstance(said, dict):
        raise ValueError("is not a JSON object")
    note, correction = said.pop("note", None), said.pop("correction", None)
    if not isinstance(note, str | None):
        raise ValueError("note: is not text")
    if correction is not None and correction not in get_args(Emotion):
        raise ValueError("correction: is no emotion")
    return Brought(Moment.from_json(json.dumps(said)), note or None, correction)


def _why(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'moment'}: {first['msg']}"
    return str(error)


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
            number = _go_on(store, lines, name)
            batch = _Batch()
            while line := lines.readline():
                number += 1
                try:
                    said = json.loads(line) if line.strip() else None
                    if isinstance(said, dict) and "of" in said:
                        batch.others.append(said)
                    elif said is not None:
                        batch.brought.append(_read(said))
                except ValueError as error:
                    done.refused.append((number, _why(error)))
                if len(batch.brought) + len(batch.others) >= _TOGETHER:
                    _commit(store, batch, done, name, lines.tell())
                    progress(lines.tell(), size)
            _commit(store, batch, done, name, None)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    return done


def _go_on(store: Store, lines: Any, name: str) -> int:
    """Go to where an import of this file was, and give how many lines lie before."""
    with store.reading() as connection:
        at = connection.execute(select(counters.c.value).where(counters.c.name == name)).scalar() or 0
    lines.seek(0)
    number = 0
    while lines.tell() < at:
        lines.readline()
        number += 1
    return number


def _commit(store: Store, batch: _Batch, done: Done, name: str, at: int | None) -> None:
    with store.writing() as connection:
        for said in batch.others:
            try:
                whole.put(connection, said)
            except ValueError as error:
                done.refused.append((0, str(error)))
        new = store.bring(connection, batch.brought)
        if at is None:
            connection.execute(delete(counters).where(counters.c.name == name))
        else:
            put = upsert(connection, counters).values(name=name, value=at)
            connection.execute(put.on_conflict_do_update(index_elements=["name"], set_={"value": at}))
    done.new += new
    done.known += len(batch.brought) - new
    batch.brought.clear()
    batch.others.clear()
