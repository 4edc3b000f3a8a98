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
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final

from edge.clock import Reading
from edge.outbox.erasing import erase, is_of
from edge.outbox.file import INSERT, OutboxFile
from edge.outbox.naming import Naming
from edge.outbox.row import Row, keep_of, kept, moment_of, with_clip
from edge.outbox.span import Days, Span
from edge.outbox.taking import take_over
from edge.outbox.timing import release, settle
from moments import Clip, Moment

log = logging.getLogger(__name__)

_MEMORY_ROWS: Final = 2000
"""How many moments are kept in memory while the disk takes none: about 4 MB."""

_DONE_SECONDS: Final = 60.0
_DONE_ROWS: Final = 500
_EXPIRE_SECONDS: Final = 3600.0
_TURN_SECONDS: Final = 1.0
"""How long a tick takes over from a broken file, or names anew: the watchdog is fed between, and moments are put."""

POLICY: Final = "beyond max_mb the least sure and oldest go first, records last; beyond max_days all but records"


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
        self._done_to = 0
        """What may be sent of the file is done up to this `seq`: a disk that takes nothing keeps it for long."""
        self._held: dict[str, set[str]] = {}
        self._spans: list[Span] = []
        """What the next commit erases from the file and from broken ones."""
        self._expired_at = float("-inf")
        self._next = 1
        self._file = OutboxFile(path, lambda damaged: self.dropped.update(corrupt=damaged))
        self._next = max(self._next, self._file.last + 1)
        self._naming = Naming(self._file)

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
            row = Row(self._next, moment.id, moment.to_json(), keep_of(moment), born, heard, boot)
            self._next += 1
            self._memory[row.id] = row
            self._flush()

    def settle(self, time_at: Callable[[float], Reading], boot: str) -> int:
        """Stamp the moments of this boot that waited for the time, now that it is known; give their number."""
        with self._lock:
            self._flush()
            return settle(self._file, self._memory, time_at, boot)

    def rename(self, device: str) -> None:
        """Make all that waits this device's, in case it had another name: a second's worth, and the rest in `tick`."""
        with self._lock:
            self._naming.begin(device)
            self._naming.go_on(time.monotonic() + _TURN_SECONDS)

    def attach(self, hold: str, clip: Clip | None) -> None:
        """Give the moments that were held under that name their clip, and let them go."""
        with self._lock:
            self._flush()
            rows = self.rows(self._held.pop(hold, ()))
            if clip is None or not rows:
                return
            rows = [with_clip(row, clip) for row in rows]
            bodies = [(row.body, row.seq) for row in rows]
            if self._file.write(lambda db: db.executemany("UPDATE outbox SET body = ? WHERE seq = ?", bodies)) is None:
                self._memory |= {row.id: row for row in rows if row.id in self._memory}

    def release(self, boot: str, heard_before: float) -> int:
        """Let go as `free` what waited too long or was heard in an earlier boot, whose time nobody can know now."""
        with self._lock:
            self._flush()
            return release(self._file, self._memory, boot, heard_before)

    # Out.

    def after(self, seq: int, limit: int) -> list[Row]:
        """Give up to `limit` moments that may be sent and came after `seq`, in the order of arrival."""
        with self._lock:
            held = set().union(*self._held.values())
            rows = [row for row in self._memory.values() if row.seq > seq and row.heard is None and row.id not in held]
            rows += islice((row for row in self._not_done(seq, limit) if row.id not in held), limit)
            return sorted(rows, key=lambda row: row.seq)[:limit]

    def rows(self, ids: Iterable[str]) -> list[Row]:
        """Give those of `ids` that still wait."""
        with self._lock:
            found = []
            for each in kept(ids):
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
            rows += [row for broken in self._file.broken for row in broken.records()]
            found = [moment_of(row.body) for row in rows if row.id not in self._done]
            return [moment.id for moment in found if moment and moment.record in records]

    def stored(self, ids: Iterable[str]) -> None:
        """Let go what the hub has stored. Ids that are not here are of no matter."""
        now = time.monotonic()
        with self._lock:
            for each in kept(ids):
                if self._memory.pop(each, None) is None:
                    self._done[each] = now
            if len(self._done) >= _DONE_ROWS:
                self._flush()

    def erase(self, ids: Iterable[str]) -> int:
        """Erase these from the queue, at once; give how many of them waited."""
        with self._lock:
            self._flush()
            asked = list(kept(ids))
            gone = [row.id for row in self.rows(asked)]
            if self.trouble is not None:  # what is on that disk is deleted with the first commit that it takes
                self._done |= dict.fromkeys((each for each in asked if each not in self._memory), 0.0)
            self._done |= dict.fromkeys((each for each in gone if self._memory.pop(each, None) is None), 0.0)
            self._flush()
            return len(gone)

    def erase_between(self, low: float, high: float, days: Days | None = None) -> int:
        """Erase from the queue, at once, all that began in the span that these make; give their number."""
        span = Span(low, high, days)
        with self._lock:
            self._flush()
            gone = [row.id for row in self._memory.values() if is_of(row, span)]
            for each in gone:
                del self._memory[each]
            self._spans.append(span)
            if (deleted := self._flush()) is None:  # what is on that disk is not sent any more
                on_disk = (row for row in self._file.after(float("-inf"), 500) if row.id not in self._done)
                gone += (theirs := [row.id for row in on_disk if is_of(row, span)])
                self._done |= dict.fromkeys(theirs, 0.0)
            return len(gone) + (deleted or 0)

    # How it is.

    @property
    def trouble(self) -> str | None:
        """Why not all that waits can be read or written, in words; None when all is well."""
        if self._file.trouble is not None or not self.takes_over:
            return self._file.trouble
        return f"{self.path}: was broken; what can be read of it is being taken over"

    @property
    def takes_over(self) -> bool:
        """Whether there is a broken file of which not all was taken over yet."""
        return bool(self._file.broken)

    @property
    def all_readable(self) -> bool:
        """Whether nothing that waits is on a disk, in a broken file or under another name, and cannot be sent yet."""
        return self._file.readable and not self.takes_over and self._naming.ended

    @property
    def last(self) -> int:
        """The `seq` of the newest moment that was ever put."""
        return self._next - 1

    @property
    def depth(self) -> int:
        """How many moments wait."""
        with self._lock:
            self._flush()
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
            born = self._file.number("SELECT min(born) FROM outbox WHERE born >= 0 AND born < 1e99")
            return None if born is None else max(0.0, now - born)

    def tick(self, now: float | None) -> None:
        """Do what waits: deletions, moments held in memory, the bounds. `now` in Unix seconds, None if not known.

        It names anew, and takes over from a broken file, what a second is enough for.
        """
        with self._lock:
            done_at = min(self._done.values(), default=float("inf"))
            if self._memory or self.trouble is not None or time.monotonic() - done_at > _DONE_SECONDS:
                self._flush()
            until = time.monotonic() + _TURN_SECONDS
            self._naming.go_on(until)  # first: it tells by the oldest whether it is needed, and may be taken over
            if self._file.broken:
                take_over(self._file, self._naming.device, until)
                self._count("size", self._file.bound(self._max_bytes))
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

    def _not_done(self, seq: int, size: int) -> Iterator[Row]:
        """Read what the file has after `seq` and may be sent; what is done at its begin is not read a second time."""
        begin = max(seq, self._naming.named_from - 1)
        all_done = begin <= self._done_to
        for row in self._file.after(max(begin, self._done_to), size, "AND heard IS NULL"):
            all_done = all_done and row.id in self._done
            if all_done:
                self._done_to = row.seq
            elif row.id not in self._done:
                yield row

    def _flush(self) -> int | None:
        """Write what waits to be written; give how many the spans have erased, None when the disk does not take it."""
        if not (self._memory or self._done or self._spans) and self.trouble is None:
            return 0

        def work(db: sqlite3.Connection) -> int:
            erased = erase(db, self._done, self._spans, broken=bool(self._file.broken))
            self._number()
            db.executemany(INSERT, [row.values() for row in self._memory.values()])
            return erased

        if (erased := self._file.write(work)) is not None:
            self._memory.clear()
            self._done.clear()
            self._done_to = 0
            self._spans.clear()
            self._count("size", self._file.bound(self._max_bytes))
        else:
            self._bound_memory()
        return erased

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

    def _number(self) -> None:
        """Number what was put before it was known what the file holds: it came later."""
        beyond = self._file.last + 1 - min((row.seq for row in self._memory.values()), default=self._next)
        if beyond > 0:
            self._memory = {each: replace(row, seq=row.seq + beyond) for each, row in self._memory.items()}
            self._next += beyond
