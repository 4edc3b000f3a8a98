"""The device's durable queue: a moment stays in it until the hub says `stored`.

Each moment is one durable commit. Rows that the hub has stored are deleted together with the next moment's commit (or
at the latest a minute later), which halves what is written to the card; what a kill leaves undeleted is only sent
again.
"""

import logging
import sqlite3
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from edge.clock import Reading
from edge.outbox.file import INSERT, OutboxFile, Row
from moments import Clip, Moment

__all__ = ["Outbox", "Row"]

log = logging.getLogger(__name__)

_MEMORY_ROWS: Final = 2000
"""How many moments are kept in memory while the disk takes none: about 4 MB."""

_DONE_SECONDS: Final = 60.0
_DONE_ROWS: Final = 500
_EXPIRE_SECONDS: Final = 3600.0


POLICY: Final = "beyond max_mb the least sure and oldest go first, records last; beyond max_days all but records"


def _keep(moment: Moment) -> int:
    if moment.record is not None:
        return 3
    # Of surroundings the scene is what was heard; how sure a rule is of an emotion says nothing of that.
    heard = moment.scene if moment.basis == "scene" else None
    sure = (heard.confidence if heard else moment.confidence) or 0.0
    return 2 if sure >= 0.8 else int(sure >= 0.5)


def _as_kept(name: str) -> str | None:
    """Write an id as the queue does; None for what is none, since it comes from outside."""
    try:
        return str(uuid.UUID(name))
    except ValueError:
        return None


def moment_of(body: bytes) -> Moment | None:
    """Read a moment; None where a card has changed its bytes, or an older version wrote what is none any more."""
    try:
        return Moment.from_json(body)
    except ValueError:
        return None


def _start(body: bytes) -> float:
    moment = moment_of(body)
    return float("-inf") if moment is None else moment.start.timestamp()


def _stamped(row: Row, at: Reading) -> Row:
    moment = moment_of(row.body)
    if moment is None:  # it goes as it is: the hub tells whoever looks at its dead letters
        return replace(row, born=at.start.timestamp(), heard=None, boot=None)
    stamped = moment.model_copy(update={"start": at.start, "clock": at.clock})
    return replace(row, body=stamped.to_json(), born=at.start.timestamp(), heard=None, boot=None)


def _rename(db: sqlite3.Connection, device: str) -> int:
    done, seq = 0, 0
    step = "SELECT seq, body FROM outbox WHERE seq > ? ORDER BY seq LIMIT 500"
    while rows := db.execute(step, (seq,)).fetchall():
        moments = [(moment, n) for n, body in rows if (moment := moment_of(body))]
        renamed = [(moment.model_copy(update={"device": device}).to_json(), n) for moment, n in moments]
        db.executemany("UPDATE outbox SET body = ? WHERE seq = ?", renamed)
        done, seq = done + len(rows), rows[-1][0]
    return done


class Outbox:
    """The queue. Every method may be called from any thread.

    `dropped` counts by reason what the bounds cost (`size`, `age`, `memory`, `corrupt`).
    Raises nothing for a disk that is full, read-only or broken: it goes on in memory, tries again, and says so.
    """

    def __init__(self, path: Path, *, max_mb: float, max_days: float) -> None:
        self.path = path
        self.dropped: Counter[str] = Counter()
        self._max_bytes = max_mb * 1e6
        self._max_seconds = max_days * 86_400
        self._lock = threading.RLock()
        self._memory: dict[str, Row] = {}
        self._done: dict[str, float] = {}
        self._held: dict[str, set[str]] = {}
        self._spans: list[tuple[float, float, int]] = []
        """What is to be erased of a file that cannot be read now: began in [low, high), `seq` up to the third."""
        self._expired_at = float("-inf")
        self._next = 1
        self._file = OutboxFile(path, self._take_back)
        self._next = max(self._next, self._file.last + 1)

    # In.

    def put(
        self, moment: Moment, *, heard: float | None = None, boot: str | None = None, hold: str | None = None
    ) -> None:
        """Take a moment; on return it is on the disk (or in memory, and `trouble` says why).

        `heard` and `boot`: its start in seconds since that boot, for a moment that waits until the time is known.
        `hold`: it waits until `attach` is called with that name, or for a restart, which knows of no clip.
        """
        with self._lock:
            if hold is not None:
                self._held.setdefault(hold, set()).add(moment.id)
            born = None if moment.clock == "free" else moment.start.timestamp()
            row = Row(self._next, moment.id, moment.to_json(), _keep(moment), born, heard, boot)
            self._next += 1
            self._memory[row.id] = row
            self._flush()

    def settle(self, time_at: Callable[[float], Reading], boot: str) -> int:
        """Stamp the moments of this boot that waited for the time, now that it is known; give their number."""
        with self._lock:
            self._flush()
            waiting = self._file.read("SELECT * FROM outbox WHERE heard IS NOT NULL AND boot = ?", (boot,))
            rows = [_stamped(row, time_at(row.heard or 0.0)) for row in waiting]
            stamped = [(row.body, row.born, row.seq) for row in rows]
            sql = "UPDATE outbox SET body = ?, born = ?, heard = NULL, boot = NULL WHERE seq = ?"
            done = self._file.write(lambda db: db.executemany(sql, stamped).rowcount if stamped else 0)
            held = {
                row.id: _stamped(row, time_at(row.heard))
                for row in self._memory.values()
                if row.heard is not None and row.boot == boot
            }
            self._memory |= held
            return (done or 0) + len(held)

    def rename(self, device: str) -> int:
        """Make all that waits this device's, in case it had another name before; give their number."""
        with self._lock:
            oldest = self._file.read("SELECT * FROM outbox ORDER BY seq LIMIT 1")  # all that waits has one name
            if not oldest or ((first := moment_of(oldest[0].body)) and first.device == device):
                return 0
            return self._file.write(lambda db: _rename(db, device)) or 0

    def attach(self, hold: str, clip: Clip | None) -> None:
        """Give the moments that were held under that name their clip, and let them go."""
        with self._lock:
            rows = self.rows(self._held.pop(hold, ()))
            if clip is None or not rows:
                return
            self._flush()
            found = [(moment, row) for row in rows if (moment := moment_of(row.body))]
            bodies = [(moment.model_copy(update={"clip": clip}).to_json(), row) for moment, row in found]
            written = [(body, row.seq) for body, row in bodies]
            if self._file.write(lambda db: db.executemany("UPDATE outbox SET body = ? WHERE seq = ?", written)) is None:
                self._memory |= {row.id: replace(row, body=body) for body, row in bodies if row.id in self._memory}

    def release(self, boot: str, heard_before: float) -> int:
        """Let go as `free` what waited too long or was heard in an earlier boot, whose time nobody can know now."""
        sql = "UPDATE outbox SET heard = NULL, boot = NULL WHERE heard IS NOT NULL AND (boot <> ? OR heard < ?)"
        with self._lock:
            self._flush()
            done = self._file.write(lambda db: db.execute(sql, (boot, heard_before)).rowcount) or 0
            held = {
                row.id: replace(row, heard=None, boot=None)
                for row in self._memory.values()
                if row.heard is not None and (row.boot != boot or row.heard < heard_before)
            }
            self._memory |= held
            return done + len(held)

    # Out.

    def after(self, seq: int, limit: int) -> list[Row]:
        """Give up to `limit` moments that may be sent and came after `seq`, in the order of arrival."""
        with self._lock:
            held = set().union(*self._held.values())
            extra = len(self._done) + len(held)
            sql = "SELECT * FROM outbox WHERE seq > ? AND heard IS NULL ORDER BY seq LIMIT ?"
            found = self._file.read(sql, (seq, limit + extra))
            found += [row for row in self._memory.values() if row.seq > seq and row.heard is None]
            rows = [row for row in found if row.id not in self._done and row.id not in held]
            return sorted(rows, key=lambda row: row.seq)[:limit]

    def rows(self, ids: Iterable[str]) -> list[Row]:
        """Give those of `ids` that still wait."""
        with self._lock:
            found = []
            for each in map(_as_kept, ids):
                if each is None:
                    continue
                if each in self._memory:
                    found.append(self._memory[each])
                elif each not in self._done:
                    found += self._file.read("SELECT * FROM outbox WHERE id = ?", (uuid.UUID(each).bytes,))
            return found

    def of_records(self, records: Collection[str]) -> list[str]:
        """Give the ids of the waiting moments that belong to these records."""
        with self._lock:
            self._flush()
            rows = [*self._file.read("SELECT * FROM outbox WHERE keep = 3"), *self._memory.values()]
            found = [moment_of(row.body) for row in rows if row.id not in self._done]
            return [moment.id for moment in found if moment and moment.record in records]

    def stored(self, ids: Iterable[str]) -> None:
        """Let go what the hub has stored. Ids that are not here are of no matter."""
        now = time.monotonic()
        with self._lock:
            for each in map(_as_kept, ids):
                if each is not None and self._memory.pop(each, None) is None:
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
                found = [row for row in self._file.read("SELECT * FROM outbox", ()) if row.id not in self._done]
                found += self._memory.values()
                gone = [row.id for row in found if low <= _start(row.body) < high]
                if not self._file.readable:
                    self._spans.append((low, high, self.last))
            else:
                asked = [each for each in map(_as_kept, ids) if each is not None]
                gone = [row.id for row in self.rows(asked)]
                if self.trouble is not None:  # what is on that disk is deleted with the first commit that it takes
                    self._done |= dict.fromkeys((each for each in asked if each not in self._memory), 0.0)
            self._done |= dict.fromkeys((each for each in gone if self._memory.pop(each, None) is None), 0.0)
            self._flush()
            return len(gone)

    # How it is.

    @property
    def trouble(self) -> str | None:
        """Why moments are held in memory instead of on disk, in words; None when all is well."""
        return self._file.trouble

    @property
    def last(self) -> int:
        """The `seq` of the newest moment that was ever put."""
        return self._next - 1

    @property
    def depth(self) -> int:
        """How many moments wait."""
        with self._lock:
            self._delete_done()
            count = int(self._file.number("SELECT count(*) FROM outbox") or 0)
            return count + len(self._memory)

    @property
    def used_mb(self) -> float:
        """How much of the disk the moments take."""
        with self._lock:
            return self._file.used_bytes / 1e6

    @property
    def held_in_memory(self) -> int:
        """How many of them a power cut would lose."""
        return len(self._memory)

    def oldest_age_s(self, now: float) -> float | None:
        """Seconds since the first waiting moment whose time is known; `now` in Unix seconds."""
        with self._lock:
            born = self._file.number("SELECT born FROM outbox WHERE born IS NOT NULL ORDER BY seq LIMIT 1")
            return None if born is None else max(0.0, now - born)

    def tick(self, now: float | None) -> None:
        """Do what waits: deletions, moments held in memory, the bounds. `now` in Unix seconds, None if not known."""
        with self._lock:
            if self._done and time.monotonic() - min(self._done.values()) > _DONE_SECONDS:
                self._delete_done()
            if self._memory or self.trouble is not None:
                self._flush()
            if now is not None and time.monotonic() - self._expired_at > _EXPIRE_SECONDS:
                self._expired_at = time.monotonic()
                sql = "DELETE FROM outbox WHERE born < ? AND keep < 3"
                self._count("age", self._file.write(lambda db: db.execute(sql, (now - self._max_seconds,)).rowcount))

    def close(self) -> None:
        """Write what is left and close the file."""
        with self._lock:
            self._file.retry_now()
            self._flush()
            if self._memory:
                log.error("moments in memory are lost: the disk took none", extra={"moments": len(self._memory)})
            self._file.close()

    # Inside; the lock is held.

    def _flush(self) -> None:
        rows = [row.values() for row in self._memory.values()]
        done = [(uuid.UUID(each).bytes,) for each in self._done]
        if not rows and not done and self.trouble is None:
            return

        def work(db: sqlite3.Connection) -> bool:
            db.executemany("DELETE FROM outbox WHERE id = ?", done)
            for low, high, last in self._spans:
                old = db.execute("SELECT seq, body FROM outbox WHERE seq <= ?", (last,))
                gone = [(seq,) for seq, body in old if low <= _start(body) < high]
                db.executemany("DELETE FROM outbox WHERE seq = ?", gone)
            db.executemany(INSERT, rows)
            return True

        if self._file.write(work):
            self._memory.clear()
            self._done.clear()
            self._spans.clear()
            self._bound_disk()
        else:
            self._bound_memory()

    def _delete_done(self) -> None:
        if self._done:
            self._flush()

    def _bound_disk(self) -> None:
        if self._file.used_bytes <= self._max_bytes:
            return
        sql = """DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox ORDER BY keep, seq
                 LIMIT 1 + (SELECT count(*) FROM outbox) / 100)"""
        self._count("size", self._file.write(lambda db: db.execute(sql).rowcount))

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

    def _take_back(self, saved: list[Row]) -> None:
        """Take what was saved of a broken file; the next commit writes it to the new one."""
        self.dropped["corrupt"] += 1
        self._next = max([self._next, *(row.seq + 1 for row in saved)])
        self._memory = {row.id: row for row in saved if row.id not in self._done} | self._memory
