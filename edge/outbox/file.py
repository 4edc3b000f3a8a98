"""The outbox's SQLite file, which never raises: a disk that is full, read-only or broken is a state, told in words.

WAL mode with synchronous=FULL: what `write` gave a result for has reached the disk, and neither SIGKILL nor a power
cut loses it.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from edge.outbox.broken import Broken, beside, set_aside, to_read
from edge.outbox.row import Row, row_of, text_of

log = logging.getLogger(__name__)
T = TypeVar("T")

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY,   -- the order of arrival
    id BLOB NOT NULL UNIQUE,   -- the moment's UUID
    body BLOB NOT NULL,        -- the moment as JSON
    keep INTEGER NOT NULL,     -- what is dropped first when room runs out: 0 unsure, 1 likely, 2 sure, 3 a record
    born REAL,                 -- its start in Unix seconds; null where the time was never known
    heard REAL,                -- while the time is not known yet: its start in seconds since boot
    boot TEXT                  -- and which boot that was
)"""

_WAITS: Final = "CREATE INDEX IF NOT EXISTS waits ON outbox (boot, heard) WHERE heard IS NOT NULL"
"""For what is asked every few seconds, whether weeks wait or nothing."""

_DATED: Final = "CREATE INDEX IF NOT EXISTS dated ON outbox (born)"
"""For what is asked of a time: those of a span, the oldest, what is too old, and what has no time."""

_GONE: Final = """
CREATE TABLE IF NOT EXISTS gone (
    id BLOB UNIQUE,            -- what is not taken from a broken file any more: a moment's UUID, a span with days as
                               -- JSON, which is longer,
    low REAL, high REAL        -- or all that began in [low, high), in Unix seconds
)"""

INSERT: Final = "INSERT OR IGNORE INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?)"
_LEAST: Final = """DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox ORDER BY keep, seq
                 LIMIT 1 + (SELECT count(*) FROM outbox) / 100)"""
_RETRY_SECONDS: Final = 5.0
_WAL_BYTES: Final = 4_000_000
_PAGE_ROWS: Final = 500
_BROKEN: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class OutboxFile:
    """The file; its user holds a lock. `trouble` says why it cannot be used, None when it can.

    A broken file is set aside as `NAME.broken` and a new one stands in its place; a row that the card has changed so
    that it is none is deleted. `on_damage` is told how many were lost: a file counts as one.
    `broken`: those set aside that are not gone yet, the oldest first; their user calls `forget` with one that is.
    `last`: what is put later is numbered beyond it.
    """

    def __init__(self, path: Path, on_damage: Callable[[int], None]) -> None:
        self.path = path
        self.trouble: str | None = None
        self.last = 0
        self.broken: list[Broken] = []
        self._on_damage = on_damage
        self._db: sqlite3.Connection | None = None
        self._retry_at = 0.0
        self._full = False
        self._open()

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Run `work` in one durable commit; None when the disk does not take it. Tries again at most every 5 s."""
        if self.trouble is not None:
            if time.monotonic() < self._retry_at:
                return None
            if not self._full:  # a full disk has no room for what opening a file writes
                self._open()
        if self._db is None:
            return None
        try:
            self._db.execute("BEGIN IMMEDIATE")
            result = work(self._db)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            return self.write(work) if self._fail(error) else None
        if self.trouble is not None:
            log.warning("the outbox is on disk again")
            self.trouble = None
        return result

    @property
    def readable(self) -> bool:
        """Whether what is in the file can be read now."""
        return self._db is not None

    def read(self, sql: str, values: tuple[object, ...] = ()) -> list[Row]:
        """Give the rows of a SELECT *; none, and it is not `readable`, when the file cannot be read."""
        rows, damaged = list[Row](), list[tuple[int]]()
        try:
            for found in self._db.execute(sql, values) if self._db is not None else ():
                try:
                    rows.append(row_of(found))
                except ValueError:
                    damaged.append((found[0],))
        except sqlite3.Error as error:
            if self._fail(error):
                return self.read(sql, values)
            self.close()
            return []
        return self.read(sql, values) if damaged and self._drop(damaged) else rows

    def after(self, seq: float, size: int, which: str = "") -> Iterator[Row]:
        """Give the rows after `seq` in their order; `size` of them are read at first, and more when they are needed."""
        sql = f"SELECT * FROM outbox WHERE seq > ? {which} ORDER BY seq LIMIT ?"  # noqa: S608 (fixed words)
        while page := self.read(sql, (seq, size)):
            seq, size = page[-1].seq, max(size, _PAGE_ROWS)
            yield from page

    def number(self, sql: str) -> float | None:
        """Give the one value of a query; None when there is none or the file cannot be read."""
        try:
            found = self._db.execute(sql).fetchone() if self._db is not None else None
        except sqlite3.Error as error:
            return self.number(sql) if self._fail(error) else None
        return found[0] if found else None

    @property
    def used_bytes(self) -> float:
        """How much of the file holds moments."""
        pages = (self.number("PRAGMA page_count") or 0) - (self.number("PRAGMA freelist_count") or 0)
        return pages * (self.number("PRAGMA page_size") or 0)

    def bound(self, max_bytes: float) -> int | None:
        """Where moments take more, delete one in a hundred, the least sure and oldest first; give their number."""
        if self.used_bytes <= max_bytes:
            return 0
        return self.write(lambda db: db.execute(_LEAST).rowcount)

    def close(self) -> None:
        """Close it."""
        db, self._db = self._db, None
        if db is not None:
            db.close()

    def retry_now(self) -> None:
        """Let the next write try at once."""
        self._retry_at = 0.0

    def forget(self, broken: Broken) -> None:
        """Take note that a broken file is gone, and after the last forget what was not to be taken from it."""
        self.broken.remove(broken)
        if not self.broken:
            self.write(lambda db: db.execute("DELETE FROM gone").rowcount)

    def _open(self) -> None:
        self.close()
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            known = {each.path: each for each in self.broken}
            self.broken = [known.get(path) or Broken(path) for path in beside(self.path)]
            self.path.touch(mode=0o600)
            self._use(sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=2.0), new=True)
        except OSError as error:
            self._fail(error)
            self._open_to_read()
        except sqlite3.Error as error:
            self._fail(error)

    def _open_to_read(self) -> None:
        """Open what a read-only disk holds, so that it can be sent."""
        with suppress(OSError, sqlite3.Error):
            self._use(to_read(self.path), new=False)

    def _use(self, db: sqlite3.Connection, *, new: bool) -> None:
        db.text_factory = text_of
        try:
            if new:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
                db.execute("PRAGMA secure_delete = FAST")
                db.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
                for made in (_TABLE, _WAITS, _GONE):
                    db.execute(made)
                with suppress(sqlite3.OperationalError):  # a full disk has no room for it, and all goes on without
                    db.execute(_DATED)
            newest = db.execute("SELECT max(seq) FROM outbox").fetchone()[0] or 0
            beyond = [each.last(newest) for each in self.broken] if new else []
        except (OSError, sqlite3.Error):
            db.close()
            raise
        self.last = max(newest, *beyond, 0)
        self._db = db

    def _fail(self, error: Exception) -> bool:
        """Say why, and close the file if it cannot even be read.

        True if it was broken and a new one stands in its place, so that it can go on.
        """
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF if isinstance(error, sqlite3.Error) else 0
        if not isinstance(error, sqlite3.Error) or code in _BROKEN or not self._answers():
            self.close()
        self._full = code == sqlite3.SQLITE_FULL and self._db is not None
        self._retry_at = time.monotonic() + _RETRY_SECONDS
        self.trouble = f"{self.path}: {error}; moments are held in memory"
        log.error("the outbox cannot use its disk", extra={"path": str(self.path), "reason": str(error)})
        return self._set_aside() if code in _BROKEN else False

    def _answers(self) -> bool:
        """Tell whether what is there can be read, and so be sent, although a write failed."""
        try:
            if self._db is not None and self._db.in_transaction:
                self._db.execute("ROLLBACK")
            return self._db is not None and self._db.execute("SELECT 1 FROM outbox LIMIT 1") is not None
        except sqlite3.Error:
            return False

    def _set_aside(self) -> bool:
        self.close()
        try:
            set_aside(self.path)
        except OSError as error:
            log.error("the broken outbox cannot be set aside", extra={"reason": str(error)})
            return False
        self._on_damage(1)
        self._open()
        if self._db is not None:
            self._retry_at = 0.0
        return self._db is not None

    def _drop(self, damaged: list[tuple[int]]) -> bool:
        """Delete the rows with these `seq`; tell whether any of them is gone."""
        gone = self.write(lambda db: db.executemany("DELETE FROM outbox WHERE seq = ?", damaged).rowcount)
        if gone:
            self._on_damage(gone)
            log.error("moments dropped: the disk has changed what they are", extra={"moments": gone})
        return bool(gone)
