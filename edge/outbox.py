"""The device's durable queue: a moment stays in it until the hub says `stored`.

SQLite in WAL mode with synchronous=FULL: each moment is one durable commit, so neither SIGKILL nor a power cut loses
one that `put` returned for. Rows that the hub has stored are deleted together with the next moment's commit (or at
the latest a minute later), which halves what is written to the card; what a kill leaves undeleted is only sent again.
"""

import logging
import sqlite3
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from edge.clock import Reading
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

_MEMORY_ROWS: Final = 2000
"""How many moments are kept in memory while the disk takes none: about 4 MB."""

_DONE_SECONDS: Final = 60.0
_DONE_ROWS: Final = 200
_RETRY_SECONDS: Final = 5.0
_EXPIRE_SECONDS: Final = 3600.0
_WAL_BYTES: Final = 4_000_000
_BROKEN: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@dataclass(frozen=True, slots=True)
class Row:
    """One waiting moment: its place in the order of arrival, its id, and its JSON."""

    seq: int
    id: str
    body: bytes
    keep: int
    born: float | None
    heard: float | None
    boot: str | None

    def values(self) -> tuple[int, bytes, bytes, int, float | None, float | None, str | None]:
        """Give the columns as they are stored."""
        return self.seq, uuid.UUID(self.id).bytes, self.body, self.keep, self.born, self.heard, self.boot


def _row(values: tuple[int, bytes, bytes, int, float | None, float | None, str | None]) -> Row:
    return Row(values[0], str(uuid.UUID(bytes=values[1])), *values[2:])


def _keep(moment: Moment) -> int:
    if moment.record is not None:
        return 3
    confidence = moment.confidence or 0.0
    return 2 if confidence >= 0.8 else int(confidence >= 0.5)


class Outbox:
    """The queue. Every method may be called from any thread.

    `dropped` counts by reason what the bounds cost (`size`, `age`, `memory`, `corrupt`); `trouble` says in words why
    moments are held in memory instead of on disk, and is None when all is well. Raises nothing for a disk that is
    full, read-only or broken: it goes on in memory, tries again, and says so.
    """

    def __init__(self, path: Path, *, max_mb: float, max_days: float) -> None:
        self.path = path
        self.dropped: Counter[str] = Counter()
        self.trouble: str | None = None
        self._max_bytes = max_mb * 1e6
        self._max_seconds = max_days * 86_400
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        self._memory: dict[str, Row] = {}
        self._done: dict[str, float] = {}
        self._retry_at = 0.0
        self._expired_at = float("-inf")
        self._next = 1
        with self._lock:
            self._open()

    # In.

    def put(self, moment: Moment, *, heard: float | None = None, boot: str | None = None) -> None:
        """Take a moment; on return it is on the disk (or in memory, and `trouble` says why).

        `heard` and `boot`: its start in seconds since that boot, for a moment that waits until the time is known.
        """
        with self._lock:
            born = None if moment.clock == "free" else moment.start.timestamp()
            row = Row(self._next, moment.id, moment.to_json(), _keep(moment), born, heard, boot)
            self._next += 1
            self._memory[row.id] = row
            self._flush()

    def settle(self, time_at: Callable[[float], Reading], boot: str) -> int:
        """Stamp the moments of this boot that waited for the time, now that it is known; give their number."""
        with self._lock:
            self._flush()
            waiting = self._read("SELECT * FROM outbox WHERE heard IS NOT NULL AND boot = ?", (boot,))
            stamped = []
            for row in waiting:
                reading = time_at(row.heard or 0.0)
                moment = Moment.from_json(row.body).model_copy(update={"start": reading.start, "clock": reading.clock})
                stamped.append((moment.to_json(), reading.start.timestamp(), row.seq))
            sql = "UPDATE outbox SET body = ?, born = ?, heard = NULL, boot = NULL WHERE seq = ?"
            done = self._write(lambda db: db.executemany(sql, stamped).rowcount if stamped else 0)
            return done or 0

    def release(self, boot: str, heard_before: float) -> int:
        """Let go as `free` what waited too long or was heard in an earlier boot, whose time nobody can know now."""
        sql = "UPDATE outbox SET heard = NULL, boot = NULL WHERE heard IS NOT NULL AND (boot <> ? OR heard < ?)"
        with self._lock:
            self._flush()
            return self._write(lambda db: db.execute(sql, (boot, heard_before)).rowcount) or 0

    # Out.

    def after(self, seq: int, limit: int) -> list[Row]:
        """Give up to `limit` moments that may be sent and came after `seq`, in the order of arrival."""
        with self._lock:
            extra = len(self._done)
            sql = "SELECT * FROM outbox WHERE seq > ? AND heard IS NULL ORDER BY seq LIMIT ?"
            found = self._read(sql, (seq, limit + extra))
            found += [row for row in self._memory.values() if row.seq > seq and row.heard is None]
            rows = [row for row in found if row.id not in self._done]
            return sorted(rows, key=lambda row: row.seq)[:limit]

    def rows(self, ids: Iterable[str]) -> list[Row]:
        """Give those of `ids` that still wait."""
        with self._lock:
            found = []
            for each in ids:
                if each in self._memory:
                    found.append(self._memory[each])
                elif each not in self._done:
                    found += self._read("SELECT * FROM outbox WHERE id = ?", (uuid.UUID(each).bytes,))
            return found

    def stored(self, ids: Iterable[str]) -> None:
        """Let go what the hub has stored. Ids that are not here are of no matter."""
        now = time.monotonic()
        with self._lock:
            for each in ids:
                if self._memory.pop(each, None) is None:
                    self._done[each] = now
            if len(self._done) >= _DONE_ROWS:
                self._flush()

    def erase(self, ids: Iterable[str] | None, start: datetime | None = None, end: datetime | None = None) -> int:
        """Erase from the queue, at once, the given ids or (None) all that began in [start, end); give their number."""
        low = start.timestamp() if start else float("-inf")
        high = end.timestamp() if end else float("inf")
        with self._lock:
            self._flush()
            if ids is None:
                found = [row for row in self._read("SELECT * FROM outbox", ()) if row.id not in self._done]
                found += self._memory.values()
                gone = [row.id for row in found if low <= Moment.from_json(row.body).start.timestamp() < high]
            else:
                gone = [row.id for row in self.rows(ids)]
            self._done |= dict.fromkeys((each for each in gone if self._memory.pop(each, None) is None), 0.0)
            self._flush()
            return len(gone)

    # How it is.

    @property
    def last(self) -> int:
        """The `seq` of the newest moment that was ever put."""
        return self._next - 1

    @property
    def depth(self) -> int:
        """How many moments wait."""
        with self._lock:
            self._delete_done()
            count: int = self._query("SELECT count(*) FROM outbox", ()) or 0
            return count + len(self._memory)

    @property
    def held_in_memory(self) -> int:
        """How many of them a power cut would lose."""
        return len(self._memory)

    def oldest_age_s(self, now: float) -> float | None:
        """Seconds since the first waiting moment whose time is known; `now` in Unix seconds."""
        with self._lock:
            born = self._query("SELECT born FROM outbox WHERE born IS NOT NULL ORDER BY seq LIMIT 1", ())
            return None if born is None else max(0.0, now - float(born))

    def tick(self, now: float | None) -> None:
        """Do what waits: deletions, moments held in memory, the bounds. `now` in Unix seconds, None if not known."""
        with self._lock:
            if self._done and time.monotonic() - min(self._done.values()) > _DONE_SECONDS:
                self._delete_done()
            if self._memory or self._db is None:
                self._flush()
            if now is not None and time.monotonic() - self._expired_at > _EXPIRE_SECONDS:
                self._expired_at = time.monotonic()
                sql = "DELETE FROM outbox WHERE born < ? AND keep < 3"
                self._count("age", self._write(lambda db: db.execute(sql, (now - self._max_seconds,)).rowcount))

    def close(self) -> None:
        """Write what is left and close the file."""
        with self._lock:
            self._retry_at = 0.0
            self._flush()
            if self._memory:
                log.error("moments in memory are lost: the disk took none", extra={"moments": len(self._memory)})
            if self._db is not None:
                self._db.close()
                self._db = None

    # Inside; the lock is held.

    def _flush(self) -> None:
        rows = [row.values() for row in self._memory.values()]
        done = [(uuid.UUID(each).bytes,) for each in self._done]
        if not rows and not done and self._db is not None:
            return

        def work(db: sqlite3.Connection) -> bool:
            db.executemany("DELETE FROM outbox WHERE id = ?", done)
            db.executemany("INSERT OR IGNORE INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            return True

        if self._write(work):
            self._memory.clear()
            self._done.clear()
            self._bound_disk()
        else:
            self._bound_memory()

    def _delete_done(self) -> None:
        if self._done:
            self._flush()

    def _bound_disk(self) -> None:
        pages = (self._query("PRAGMA page_count", ()) or 0) - (self._query("PRAGMA freelist_count", ()) or 0)
        if pages * (self._query("PRAGMA page_size", ()) or 0) <= self._max_bytes:
            return
        sql = """DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox ORDER BY keep, seq
                 LIMIT 1 + (SELECT count(*) FROM outbox) / 100)"""
        self._count("size", self._write(lambda db: db.execute(sql).rowcount))

    def _bound_memory(self) -> None:
        over = len(self._memory) - _MEMORY_ROWS
        if over > 0:
            for row in sorted(self._memory.values(), key=lambda row: (row.keep, row.seq))[:over]:
                del self._memory[row.id]
            self._count("memory", over)

    def _count(self, why: str, dropped: int | None) -> None:
        if dropped:
            self.dropped[why] += dropped
            log.warning("moments dropped: the outbox is at its bound", extra={"bound": why, "moments": dropped})

    def _open(self) -> None:
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
            last = db.execute("SELECT max(seq) FROM outbox").fetchone()[0] or 0
        except sqlite3.Error as error:
            db.close()
            self._fail(error)
            return
        self._db = db
        self._next = max(self._next, last + 1)

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Run `work` in one durable commit; None when the disk does not take it."""
        if self._db is None and time.monotonic() >= self._retry_at:
            self._open()
        if self._db is None:
            return None
        try:
            self._db.execute("BEGIN IMMEDIATE")
            result = work(self._db)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            return self._write(work) if self._fail(error) else None
        if self.trouble is not None:
            log.warning("the outbox is on disk again")
            self.trouble = None
        return result

    def _read(self, sql: str, values: tuple[object, ...]) -> list[Row]:
        try:
            return [_row(found) for found in self._db.execute(sql, values)] if self._db is not None else []
        except sqlite3.Error as error:
            return self._read(sql, values) if self._fail(error) else []

    def _query(self, sql: str, values: tuple[object, ...]) -> int | None:
        try:
            found = self._db.execute(sql, values).fetchone() if self._db is not None else None
        except sqlite3.Error as error:
            return self._query(sql, values) if self._fail(error) else None
        return found[0] if found else None

    def _fail(self, error: Exception) -> bool:
        """Close the file and say why; True if it was broken and a new one stands in its place, so that it can go on."""
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None
        self._retry_at = time.monotonic() + _RETRY_SECONDS
        self.trouble = f"{self.path}: {error}; moments are held in memory"
        log.error("the outbox cannot use its disk", extra={"path": str(self.path), "reason": str(error)})
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _BROKEN:
            return self._set_aside()
        return False

    def _set_aside(self) -> bool:
        """Begin a new file, with what can still be read of the broken one, which is kept beside it."""
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
        self.dropped["corrupt"] += 1
        log.error("the outbox was broken", extra={"aside": str(aside), "saved": len(saved), "whole": whole})
        self._open()
        self._next = max([self._next, *(row.seq + 1 for row in saved)])
        self._memory = {row.id: row for row in saved if row.id not in self._done} | self._memory
        self._flush()
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
    return list(saved.values()), whole
