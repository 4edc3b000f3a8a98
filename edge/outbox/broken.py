"""A broken outbox file, set aside until all that can be read of it stands in the new one."""

import itertools
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from edge.outbox.row import Row, row_of

log = logging.getLogger(__name__)

_ROWS: Final = 200
_CHUNK_BYTES: Final = 1_000_000
_HEADER_BYTES: Final = 4096
_TAILS: Final = ("-wal", "-shm", "")
_ENDS: Final = 2**62
"""No moment has such a number, unless damage made it."""
_GAP: Final = 2**40
"""How far new moments are numbered beyond the oldest of a file whose newest cannot be read."""

_NOT_NOW: Final = (
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
)
"""What says nothing of what the file holds: it is read another time."""


def to_read(path: Path, how: str) -> sqlite3.Connection:
    """Open an SQLite file that is not written to; `how`: `mode=ro` or `immutable=1`."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, isolation_level=None, check_same_thread=False)


class Broken:
    """One such file; it is read in bounded memory. `ended`: all that can be read of it was taken."""

    def __init__(self, path: Path, only: str = "") -> None:
        self.path = path
        self.ended = False
        self._only = only
        self._low, self._high, self._up = 0, _ENDS, True
        self._then = self._low, self._high, self._up, self.ended

    def batch(self) -> list[Row] | None:
        """Give some of its moments, from the oldest up to the damage, then from the newest down to it.

        None when it cannot be opened now. `taken` goes on to those after them.
        """
        low, high, up, rows, seen = self._low, self._high, self._up, list[Row](), 0
        order = "ASC" if up else "DESC"
        sql = f"SELECT * FROM outbox WHERE seq > ? AND seq < ? {self._only} ORDER BY seq {order} LIMIT ?"  # noqa: S608 (fixed words)
        try:
            with closing(to_read(self.path, "mode=ro")) as db:
                for found in db.execute(sql, (low, high, _ROWS)):
                    if not low < found[0] < high:
                        raise sqlite3.DatabaseError("out of order")
                    low, high = (found[0], high) if up else (low, found[0])
                    seen += 1
                    with suppress(ValueError, TypeError):
                        rows.append(row_of(found))
            ended = seen < _ROWS
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _NOT_NOW and self.path.exists():
                return None
            up, ended = False, not up
        self._then = low, high, up, ended
        return rows

    def taken(self) -> None:
        """Take note that the last batch is safe elsewhere."""
        self._low, self._high, self._up, self.ended = self._then

    def records(self) -> Iterator[Row]:
        """Give all of its moments that belong to a record."""
        those = Broken(self.path, "AND keep = 3")
        while not those.ended and (rows := those.batch()) is not None:
            those.taken()
            yield from rows

    def last(self) -> int:
        """Give a number beyond which it has no moment."""
        for newest, beyond in (("max", 0), ("min", _GAP)):
            with suppress(sqlite3.Error), closing(to_read(self.path, "mode=ro")) as db:
                found = db.execute(f"SELECT {newest}(seq) FROM outbox WHERE seq < {_ENDS}").fetchone()[0]  # noqa: S608 (fixed words)
                return (found or 0) + beyond
        return 0

    def remove(self, until: float) -> bool:
        """Overwrite and delete it, as far as that goes until `until` in monotonic seconds; True when it is gone.

        A file cut short by a kill is gone on with. Raises OSError.
        """
        with suppress(FileNotFoundError), self.path.open("r+b", buffering=0) as out:
            out.write(bytes(min(_HEADER_BYTES, os.fstat(out.fileno()).st_size)))
            os.fsync(out.fileno())
        for tail in _TAILS:  # itself last: what is left of it after a kill is found by its name
            part = Path(f"{self.path}{tail}")
            with suppress(FileNotFoundError):
                if not _overwrite(part, until):
                    return False
                part.unlink()
        return True


def _overwrite(part: Path, until: float) -> bool:
    """Fill with zeros and cut off piece by piece from the end; tell whether nothing is left."""
    with part.open("r+b", buffering=0) as out:
        while size := out.seek(0, os.SEEK_END):
            begin = max(0, size - _CHUNK_BYTES)
            out.seek(begin)
            out.write(bytes(size - begin))
            os.fsync(out.fileno())
            out.truncate(begin)
            if time.monotonic() > until:
                return False
    return True


def set_aside(outbox: Path) -> None:
    """Set a broken outbox aside under a name that is free. Raises OSError."""
    names = (outbox.with_name(f"{outbox.name}.corrupt{n or ''}") for n in itertools.count())
    aside = next(name for name in names if not name.exists())
    Path(f"{outbox}-shm").unlink(missing_ok=True)
    outbox.rename(aside)
    with suppress(FileNotFoundError):
        Path(f"{outbox}-wal").rename(f"{aside}-wal")
    _sync(outbox.parent)
    log.error("the outbox was broken", extra={"aside": str(aside)})


def beside(outbox: Path) -> list[Path]:
    """Give the broken files that were set aside; what a kill left half done is done first. Raises OSError."""
    found = {path for path in outbox.parent.iterdir() if path.name.startswith(f"{outbox.name}.corrupt")}
    logs = {path for path in found if path.name.endswith(("-wal", "-shm"))}
    files = found - logs
    own_log = Path(f"{outbox}-wal")
    if files and own_log.exists() and not outbox.exists():
        own_log.rename(f"{max(files, key=lambda path: path.stat().st_ctime_ns)}-wal")
        _sync(outbox.parent)
    for path in logs:
        if path.with_name(path.name[: -len("-wal")]) not in files:
            path.unlink()
    return sorted(files)


def _sync(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
