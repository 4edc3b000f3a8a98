"""Takes over into the outbox what can be read of a broken file, a little at a time."""

import logging
import sqlite3
import time
from dataclasses import replace
from typing import Final

from edge.outbox.broken import Broken
from edge.outbox.erasing import gone_spans
from edge.outbox.file import OutboxFile
from edge.outbox.row import Row, moment_of

log = logging.getLogger(__name__)

_INSERT_UNLESS_GONE: Final = """INSERT OR IGNORE INTO outbox SELECT ?, ?, ?, ?, ?, ?, ?
                               WHERE NOT EXISTS (SELECT 1 FROM gone WHERE id = ?)"""


def take_over(file: OutboxFile, device: str | None, until: float) -> None:
    """Go on until `until`, in monotonic seconds, and at least by a step; what is taken over is overwritten and deleted.

    The newest goes first: it may say what is not to be taken from those before it. Moments get the name of `device`.
    Where the disk takes nothing, or a file cannot be read now, the files stay as they are.
    """
    while file.broken:
        broken = file.broken[-1]
        if not (_removed(file, broken, until) if broken.ended else _took(file, broken, device)):
            return
        if time.monotonic() > until:
            return


def _took(file: OutboxFile, broken: Broken, device: str | None) -> bool:
    try:
        rows = broken.batch()
        gone = broken.gone() if len(file.broken) > 1 else []
    except FileNotFoundError:  # somebody took it away
        file.forget(broken)
        return True
    except OSError:
        return False
    if rows is None or gone is None:
        return False

    def work(db: sqlite3.Connection) -> bool:
        if file.broken[-1:] != [broken]:  # the outbox has just broken, and goes first
            return False
        _take(db, rows, device)
        db.executemany("INSERT OR IGNORE INTO gone VALUES (?, ?, ?)", gone)
        return True

    if not file.write(work):
        return False
    broken.taken()
    return bool(rows) or broken.ended  # else it is tried again in the next tick


def _take(db: sqlite3.Connection, rows: list[Row], device: str | None) -> None:
    spans = gone_spans(db)
    for row in rows:
        moment = moment_of(row.body)
        if moment is None or moment.id != row.id:
            continue
        offset = None if row.born is None else moment.start.utcoffset()
        if any(span.holds(moment.start.timestamp(), offset) for span in spans):
            continue
        renamed = device is not None and moment.device != device
        body = moment.model_copy(update={"device": device}).to_json() if renamed else row.body
        values = replace(row, body=body).values()
        db.execute(_INSERT_UNLESS_GONE, (*values, values[1]))


def _removed(file: OutboxFile, broken: Broken, until: float) -> bool:
    try:
        if not broken.remove(until):
            return False
    except OSError as error:
        log.error("the broken outbox cannot be deleted", extra={"reason": str(error)})
        return False
    log.info("what could be read of the broken outbox was taken over")
    file.forget(broken)
    return True
