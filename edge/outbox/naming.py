"""Gives what waits the name that the device has, in case it had another before: a little at a time."""

import sqlite3
import time
from math import inf
from typing import Final

from edge.outbox.file import OutboxFile
from edge.outbox.row import moment_of

_ROWS: Final = 500


class Naming:
    """`device`: the name, None where it does not matter. What has a `seq` of at least `named_from` has that name.

    The newest goes first, so that the oldest tells until the end that not all is done. Meanwhile the file's
    `user_version` is 1: what a kill leaves half done is gone on with also where the oldest has the right name.
    """

    def __init__(self, file: OutboxFile) -> None:
        self.device: str | None = None
        self.named_from = -inf
        self._file = file

    @property
    def ended(self) -> bool:
        """Whether all that waits has the name."""
        return self.named_from == -inf

    def begin(self, device: str) -> None:
        """Take it that what waits has another name than this."""
        self.device, self.named_from = device, inf

    def go_on(self, until: float) -> None:
        """Go on until `until`, in monotonic seconds, and at least by a step, as far as the disk takes it."""
        while not self.ended and (self._has_ended() or self._step()):
            if time.monotonic() > until:
                return

    def _has_ended(self) -> bool:
        """Find out at the begin whether there is nothing to do, and end it."""
        if self.named_from < inf or self._file.number("PRAGMA user_version"):
            return False
        oldest = next((moment for row in self._file.after(-inf, 1) if (moment := moment_of(row.body))), None)
        if not self._file.readable or (oldest is not None and oldest.device != self.device):
            return False
        self.named_from = -inf
        return True

    def _step(self) -> bool:
        sql = "SELECT * FROM outbox WHERE seq < ? ORDER BY seq DESC LIMIT ?"
        rows = self._file.read(sql, (self.named_from, _ROWS))
        if not self._file.readable:
            return False
        others = [(moment, row.seq) for row in rows if (moment := moment_of(row.body)) and moment.device != self.device]
        bodies = [(moment.model_copy(update={"device": self.device}).to_json(), seq) for moment, seq in others]

        def work(db: sqlite3.Connection) -> bool:
            db.executemany("UPDATE outbox SET body = ? WHERE seq = ?", bodies)
            if db.execute("PRAGMA user_version").fetchone()[0] != bool(rows):
                db.execute(f"PRAGMA user_version = {len(rows) and 1}")
            return True

        if not self._file.write(work):
            return False
        self.named_from = rows[-1].seq if rows else -inf
        return True
