"""The outbox's SQLite file, which never raises: a disk that is full, read-only or broken is a state, told in words.

WAL mode with synchronous=FULL: what `write` gave a result for has reached the disk, and neither SIGKILL nor a power
cut loses it.
"""

import logging
import sqlite3
import time
import uuid
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from moments import Moment

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

INSERT: Final = "INSERT OR IGNORE INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?)"
_RETRY_SECONDS: Final = 5.0
_WAL_BYTES: Final = 4_000_000
_BROKEN: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_READABLE: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY)
"""What fails a write and leaves what is there to be read, and so to be sent."""

Columns = tuple[int, bytes, bytes, int, float | None, float | None, str | None]


@dataclass(frozen=True, slots=True)
class Row:
    """One waiting moment: its place in the order of arrival, its id, its JSON, and the other columns."""

    seq: int
    id: str
    body: bytes
    keep: int
    born: float | None
    heard: float | None
    boot: str | None

    def values(self) -> Columns:
        """Give the columns as they are stored."""
        return self.seq, uuid.UUID(self.id).bytes, self.body, self.keep, self.born, self.heard, self.boot


def _row(values: Columns) -> Row:
    return Row(values[0], str(uuid.UUID(bytes=values[1])), *values[2:])


class OutboxFile:
    """The file; its user holds a lock. `trouble` says why it cannot be used, None when it can.

    A broken file is set aside as `NAME.corrupt`, a new one stands in its place, and `saved` gets what could still be
    read of the old one.
    """

    def __init__(self, path: Path, saved: Callable[[list[Row]], None]) -> None:
        self.path = path
        self.trouble: str | None = None
        self.last = 0
        self._saved = saved
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
        """Give the rows of a SELECT *; none when the file cannot be read."""
        try:
            return [_row(found) for found in self._db.execute(sql, values)] if self._db is not None else []
        except sqlite3.Error as error:
            return self.read(sql, values) if self._fail(error) else []

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

    def close(self) -> None:
        """Close it."""
        db, self._db = self._db, None
        if db is not None:
            db.close()

    def retry_now(self) -> None:
        """Let the next write try at once."""
        self._retry_at = 0.0

    def _open(self) -> None:
        self.close()
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
            db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=2.0)
        except (OSError, sqlite3.Error) as error:
            self._fail(error)
            return
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA secure_delete = FAST")
            db.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
            db.execute(_TABLE)
            self.last = db.execute("SELECT max(seq) FROM outbox").fetchone()[0] or 0
        except sqlite3.Error as error:
            db.close()
            self._fail(error)
            return
        self._db = db

    def _fail(self, error: Exception) -> bool:
        """Say why, and close the file if it cannot even be read.

        True if it was broken and a new one stands in its place, so that it can go on.
        """
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF if isinstance(error, sqlite3.Error) else 0
        with suppress(sqlite3.Error):
            if code not in _READABLE:
                self.close()
            elif self._db is not None and self._db.in_transaction:
                self._db.execute("ROLLBACK")
        self._full = code == sqlite3.SQLITE_FULL and self._db is not None
        self._retry_at = time.monotonic() + _RETRY_SECONDS
        self.trouble = f"{self.path}: {error}; moments are held in memory"
        log.error("the outbox cannot use its disk", extra={"path": str(self.path), "reason": str(error)})
        return self._set_aside() if code in _BROKEN else False

    def _set_aside(self) -> bool:
        aside = self.path.with_name(f"{self.path.name}.corrupt")
        saved, whole = _salvage(self.path)
        try:
            for tail in ("", "-wal", "-shm"):
                Path(f"{aside}{tail}").unlink(missing_ok=True)
                with suppress(FileNotFoundError):
                    Path(f"{self.path}{tail}").rename(f"{aside}{tail}")
        except OSError as error:
            log.error("the broken outbox cannot be set aside", extra={"reason": str(error)})
            return False
        log.error("the outbox was broken", extra={"aside": str(aside), "saved": len(saved), "whole": whole})
        self._open()
        self._saved(saved)
        if self._db is not None:
            self._retry_at = 0.0
        return self._db is not None


def _salvage(path: Path) -> tuple[list[Row], bool]:
    """Read what a broken file still gives, from either end."""
    saved: dict[str, Row] = {}
    whole = True
    for order in ("ASC", "DESC"):
        try:
            with closing(sqlite3.connect(path)) as db:
                for found in db.execute(f"SELECT * FROM outbox ORDER BY seq {order}"):  # noqa: S608 (two fixed words)
                    row = _row(found)
                    Moment.from_json(row.body)
                    saved[row.id] = row
        except (sqlite3.Error, ValueError, TypeError):
            whole = False
    return sorted(saved.values(), key=lambda row: row.seq), whole
