"""Takes moments from NDJSON, one an object a line, with the note and the correction that `export` wrote beside them."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import ValidationError

from hub.stores.store import Store
from moments import Emotion, Moment
from moments.errors import UserError

_TOGETHER: Final = 1000


@dataclass(slots=True)
class Done:
    """What became of the lines: how many moments are new, how many known or erased, and (line, why) of the others."""

    new: int = 0
    known: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)


def _read(line: bytes) -> tuple[Moment, str | None, str | None]:
    said: Any = json.loads(line)
    if not isinstance(said, dict):
        raise ValueError("is not a JSON object")
    note, correction = said.pop("note", None), said.pop("correction", None)
    if not isinstance(note, str | None):
        raise ValueError("note: is not text")
    if correction is not None and correction not in get_args(Emotion):
        raise ValueError("correction: is no emotion")
    return Moment.from_json(json.dumps(said)), note, correction


def _why(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'moment'}: {first['msg']}"
    return str(error)


def take(store: Store, path: Path) -> Done:
    """Take what a file holds; a second time takes nothing twice. Raises UserError when it cannot be read."""
    done, batch = Done(), list[tuple[Moment, str | None, str | None]]()
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    batch.append(_read(line))
                except ValueError as error:
                    done.refused.append((number, _why(error)))
                if len(batch) == _TOGETHER:
                    _commit(store, batch, done)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    _commit(store, batch, done)
    return done


def _commit(store: Store, batch: list[tuple[Moment, str | None, str | None]], done: Done) -> None:
    new = store.take([moment for moment, _, _ in batch])
    for moment, note, correction in batch:
        if moment.id in new and note:
            store.write_note(moment.id, note)
        if moment.id in new and correction:
            store.correct(moment.id, correction)
    done.new += len(new)
    done.known += len(batch) - len(new)
    batch.clear()
