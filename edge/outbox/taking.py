"""Takes over into the outbox what can be read of a broken file, a little at a time."""

import logging
import sqlite3
import time
from dataclasses import replace
from functools import partial
from typing import Final

from edge.outbox.file import OutboxFile
from edge.outbox.row import Row, moment_of

log = logging.getLogger(__name__)

_INSERT_UNLESS_GONE: Final = """INSERT OR IGNORE INTO outbox SELECT ?, ?, ?, ?, ?, ?, ?
                               WHERE NOT EXISTS (SELECT 1 FROM gone WHERE id = ?)"""


def take_over(file: OutboxFile, device: str | None, until: float) -> None:
    """Go on until `until`, in monotonic seconds, and at least by a step; what is taken over is overwritten and deleted.

    Moments get the name of `device`. Where the disk takes nothing the broken file stays as it is.
    """
    for broken in list(file.broken):
        while not broken.ended:
            rows = broken.batch()
            if rows is None or file.write(partial(_take, rows=rows, device=device)) is None:
                return
            broken.taken()
            if time.monotonic() > until:
                return
        try:
            if not broken.remove(until):
                return
        except OSError as error:
            log.error("the broken outbox cannot be deleted", extra={"reason": str(error)})
            return
        log.info("what could be read of the broken outbox was taken over")
        file.forget(broken)


def _take(db: sqlite3.Connection, rows: list[Row], device: str | None) -> bool:
    spans = db.execute("SELECT low, high FROM gone WHERE id IS NULL").fetchall()
    for row in rows:
        moment = moment_of(row.body)
        if moment is None or moment.id != row.id:
            continue
        if any(low <= moment.start.timestamp() < high for low, high in spans):
            continue
        renamed = device is not None and moment.device != device
        body = moment.model_copy(update={"device": device}).to_json() if renamed else row.body
        values = replace(row, body=body).values()
        db.execute(_INSERT_UNLESS_GONE, (*values, values[1]))
    return True
