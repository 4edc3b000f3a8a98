"""A broken outbox file, set aside until all that can be read of it stands in the new one."""

import logging
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from edge.outbox.row import Row, row_of, text_of
from edge.owner.durable import sync

log = logging.getLogger(__name__)

Gone = tuple[bytes | None, float | None, float | None]

_ROWS: Final = 200
_CHUNK_BYTES: Final = 1_000_000
_HEADER_BYTES: Final = 4096
_TAILS: Final = ("-wal", "-shm", "")
_TAKEN: Final = "taken"
_ENDS: Final = 2**62
"""No moment has such a number, unless damage made it."""
_GAP: Final = 2**40
"""How far new moments are numbered beyond the oldest, or else our own newest, where a file's newest cannot be read."""

_FAILS: Final = (sqlite3.Error, UnicodeDecodeError)
"""What reading raises; the other where damage has reached the name of a column."""
_NO_OUTBOX: Final = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_UNREAD: Final = (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ)
_DAMAGE: Final = (*_NO_OUTBOX, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_TOOBIG, *_UNREAD)
"""Whatever else fails says nothing of what the file holds: it is read another time."""
_TRIES: Final = 6
"""So often, from either end by turns, is damage met until it is believed: SQLite says so also where a disk is away."""


def to_read(path: Path) -> sqlite3.Connection:
    """Open an SQLite file that nobody writes to. Raises OSError when it is away, and sqlite3.Error."""
    path.stat()
    try:
        has_log = Path(f"{path}-wal").stat().st_size > 0
    except FileNotFoundError:
        has_log = False
    how = "mode=ro" if has_log else "immutable=1"  # which needs no file beside it: the disk may be full
    db = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, isolation_level=None, check_same_thread=False)
    db.text_factory = text_of
    return db


class Broken:
    """One such file; it is read in bounded memory. `ended`: all that can be read of it was taken."""

    def __init__(self, path: Path, only: str = "") -> None:
        self.path = path
        self.ended = path.suffix.startswith(f".{_TAKEN}")
        self._only = only
        self._low, self._high, self._up = 0, _ENDS, True
        self._then = self._low, self._high, self._up, self.ended
        self._failed, self._gave = 0, False
        self._assumed = 0

    def batch(self) -> list[Row] | None:
        """Give some of its moments, from the oldest up to the damage or from the newest down to it; where it is, none.

        None when it cannot be read now. `taken` goes on to those after them. Raises OSError when it is away.
        """
        low, high, up, ended, rows, seen = self._low, self._high, self._up, False, list[Row](), 0
        order = "ASC" if up else "DESC"
        sql = f"SELECT * FROM outbox WHERE seq > ? AND seq < ? {self._only} ORDER BY seq {order} LIMIT ?"  # noqa: S608 (fixed words)
        try:
            with closing(to_read(self.path)) as db:
                for found in db.execute(sql, (low, high, _ROWS)):
                    if not low < found[0] < high:
                        raise sqlite3.DatabaseError("out of order")
                    low, high = (found[0], high) if up else (low, found[0])
                    seen += 1
                    with suppress(ValueError):
                        rows.append(row_of(found))
            ended = seen < _ROWS
        except _FAILS as error:
            if not seen:
                if (code := _code(error)) not in _DAMAGE:
                    return None
                self._failed += 1
                up, ended = not up, self._failed >= _TRIES and (self._gave or code not in _UNREAD)
        if seen:
            self._failed, self._gave = 0, True
        self._then = low, high, up, ended
        return rows

    def gone(self) -> list[Gone] | None:
        """Give what it says is not to be taken from those before it, once `batch` gave its last.

        None when it cannot be read now. Raises OSError when it is away.
        """
        found = list[Gone]()
        if not self._then[-1]:
            return found
        try:
            with closing(to_read(self.path)) as db:
                for each in db.execute("SELECT id, low, high FROM gone"):
                    found.append(each)
        except _FAILS as error:
            if _code(error) not in _DAMAGE:
                return None
            log.error("what was erased may come back: a broken outbox does not tell it", extra={"reason": str(error)})
        return found

    def taken(self) -> None:
        """Take note that the last batch is safe elsewhere."""
        self._low, self._high, self._up, self.ended = self._then

    def records(self) -> Iterator[Row]:
        """Give its moments that belong to a record, as far as they can be read now."""
        those = Broken(self.path, "AND keep = 3")
        with suppress(OSError):
            while not those.ended and those._failed < _TRIES and (rows := those.batch()) is not None:
                those.taken()
                yield from rows

    def last(self, newest: int) -> int:
        """Give a number beyond which it has no moment; `newest` is the last that the outbox itself has.

        Where it cannot be told, one far beyond `newest`, which stays the same from call to call.
        """
        last = 0
        for end, beyond in () if self.ended else (("max", 0), ("min", _GAP)):
            try:
                with closing(to_read(self.path)) as db:
                    found = db.execute(f"SELECT {end}(seq) FROM outbox WHERE seq < {_ENDS}").fetchone()[0]  # noqa: S608 (fixed words)
                    return (found or 0) + beyond
            except (OSError, *_FAILS) as error:
                self._assumed = self._assumed or newest + _GAP
                last = 0 if _code(error) in _NO_OUTBOX else self._assumed
        return last

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


def _code(error: Exception) -> int:
    """Give what SQLite calls it, of what concerns the disk in full."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code if code & 0xFF == sqlite3.SQLITE_IOERR else code & 0xFF


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
    """Set a broken outbox aside under a name that is free and tells the order. Raises OSError."""
    numbers = [number for kind, number, _, _ in _lying_beside(outbox) if kind == "broken"]
    aside = outbox.with_name(f"{outbox.name}.broken{max(numbers) + 1 if numbers else ''}")
    Path(f"{outbox}-shm").unlink(missing_ok=True)
    outbox.rename(aside)
    with suppress(FileNotFoundError):
        Path(f"{outbox}-wal").rename(f"{aside}-wal")
    sync(outbox.parent)
    log.error("the outbox was broken", extra={"aside": str(aside)})


def beside(outbox: Path) -> list[Path]:
    """Give the files that were set aside, the broken ones in the order in which they broke and then those taken over.

    What a kill left half done is done first. Raises OSError, and sqlite3.Error where the outbox cannot be read.
    """
    _name_anew(outbox)
    found = sorted(_lying_beside(outbox))
    files = {(kind, number): path for kind, number, tail, path in found if not tail}
    broken = [path for (kind, _), path in files.items() if kind == "broken"]
    own_log = Path(f"{outbox}-wal")
    if broken and own_log.exists() and not outbox.exists():
        own_log.rename(f"{broken[-1]}-wal")
        sync(outbox.parent)
    for kind, number, tail, path in found:
        if tail and (kind, number) not in files:
            path.unlink()
    return list(files.values())


def _name_anew(outbox: Path) -> None:
    """Give what an older version set aside as `.corrupt` the name of what it is.

    The newest of them made the table `gone` and went on from start to start: its file is still to be taken from. Those
    before it took at once what they could and left the file there for good: nothing is to come back from it.
    """
    former = [(number, tail, path) for kind, number, tail, path in _lying_beside(outbox) if kind == "corrupt"]
    if not former:
        return
    kind = _TAKEN
    if outbox.exists():
        with closing(to_read(outbox)) as db:
            if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'gone'").fetchone():
                kind = "broken"
    for number, tail, path in former:
        path.rename(outbox.with_name(f"{outbox.name}.{kind}{number or ''}{tail}"))
    sync(outbox.parent)


def _lying_beside(outbox: Path) -> list[tuple[str, int, str, Path]]:
    """Give what was set aside: what it is, its number, the tail of its name, its path."""
    name = re.compile(rf"{re.escape(outbox.name)}\.(broken|{_TAKEN}|corrupt)(\d*)(-wal|-shm|)")
    found = [(name.fullmatch(path.name), path) for path in outbox.parent.iterdir()]
    return [(match[1], int(match[2] or 0), match[3], path) for match, path in found if match]
