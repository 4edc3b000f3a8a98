"""SQLite: one file, nothing to install. One writer at a time and any number of readers beside it (WAL).

What a call has written when it returns is on the disk, and what is erased is overwritten with zeros.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, text

from hub.stores import cells, unfinished, words
from hub.stores.pool import POOL
from hub.stores.schema import METADATA
from moments.errors import WorkError

_BUSY_TIMEOUT: Final = "busy_timeout = 10000"
_PATIENT: Final = 5  # tenths of a second that one try to scrub waits for readers, and whoever writes with it
_PRAGMAS: Final = (
    _BUSY_TIMEOUT,
    "journal_mode = WAL",
    "synchronous = FULL",
    "wal_autocheckpoint = 8000",  # 32 MB: most pages are written into the file once for many commits
    "secure_delete = ON",
    "temp_store = MEMORY",
    "cache_size = -16000",
)


class Sqlite:
    """The file at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _for_its_owner_alone(path)
        log = path.with_name(path.name + "-wal")
        self.unclean: bool = log.exists() and log.stat().st_size > 0
        url = URL.create("sqlite", database=str(path))
        self.engine: Engine = create_engine(url, **POOL, connect_args={"check_same_thread": False})
        event.listen(self.engine, "connect", _prepare)
        event.listen(self.engine, "begin", _begin)

    def version(self, connection: Connection) -> int:
        """Give the version of the tables, 0 when there are none."""
        found: int = connection.execute(text("PRAGMA user_version")).scalar_one()
        return found

    def make(self, connection: Connection, version: int) -> None:
        """Make what is not there."""
        METADATA.create_all(connection)
        for statement in (*cells.INDEX["sqlite"], *words.INDEX["sqlite"]):
            connection.execute(text(statement))
        connection.execute(text(f"PRAGMA user_version = {version}"))

    def reading(self) -> Connection:
        """Give a connection that sees the store as it is now."""
        return self.engine.connect()

    def interrupt(self, driver: Any) -> None:
        """Break off what a driver's connection, of another thread, is being asked."""
        with suppress(sqlite3.Error):  # it was closed meanwhile
            driver.interrupt()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the one connection that writes."""
        with self.engine.connect().execution_options(write=True) as connection, connection.begin():
            yield connection

    def room_for(self, connection: Connection, starts_ms: Iterable[int]) -> None:
        """Nothing to prepare."""

    def check(self) -> None:
        """Look for damage. Raises WorkError when there is some."""
        with self.reading() as connection:
            found = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
        if found != "ok":
            raise WorkError(f"the store {self.path} is damaged ({found}); put a backup in its place")

    def scrub(self, alone: Callable[[], AbstractContextManager[Any]], _span_ms: tuple[int, int]) -> bool:
        """Bring the write-ahead log into the file and cut it to nothing; False where somebody reads for too long.

        The log's older pages would still tell what was erased. `alone` keeps writers out.
        """
        for _ in range(0, unfinished.TRIES, _PATIENT):
            with alone(), self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {_PATIENT * 100}").close()
                try:
                    busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
                finally:
                    connection.exec_driver_sql(f"PRAGMA {_BUSY_TIMEOUT}").close()
            if not busy:
                return True
            time.sleep(0.1)
        return False

    def compact(self) -> None:
        """Give the space of what is gone back to the disk."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as alone:
            alone.execute("VACUUM")

    def backup(self, to: Path) -> None:
        """Copy the store as it is now into a new file. Raises WorkError."""
        try:
            _for_its_owner_alone(to)
            with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(to)) as copy:
                source.backup(copy)  # in one step: in several it begins anew whenever somebody writes
        except (OSError, sqlite3.Error) as error:
            with suppress(OSError):
                to.unlink()
            raise WorkError(f"the backup to {to} failed: {error}") from None


def _for_its_owner_alone(path: Path) -> None:
    """Make the file, if it is not there, so that nobody else reads it: SQLite's own, and what it makes beside it."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says, and nowhere else
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("write") else "BEGIN")
