"""PostgreSQL: where one machine is not enough. Several hubs may write to one database, one transaction at a time.

Moments lie in partitions of a quarter of a year, or in a hypertable where TimescaleDB is installed. What a call has
written when it returns is on the server's disk.
"""

import logging
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, MetaData, PrimaryKeyConstraint, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

from hub.stores import cells, unfinished, words
from hub.stores.pool import POOL
from hub.stores.schema import METADATA
from hub.stores.tables import moments
from moments.errors import UserError, WorkError

_log = logging.getLogger(__name__)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS: Final = range(2000, 2100)  # a clock that is wrong makes no partitions beyond
_CHUNK_MS: Final = 90 * 86_400_000
_FIRST_MS: Final = -62_135_596_800_000  # 0001-01-01
_LAST_MS: Final = 253_402_300_799_000  # 9999-12-31
_LASTING: Final = {"moments", "counters", "erased", "unscrubbed"}
"""Tables that are not written anew as a whole: moments lie in parts, and the others tell of no more than stays."""

_RENEWED: Final = {table.name for table in METADATA.sorted_tables} - _LASTING | {"note_words"}
_THERE: Final = text("SELECT to_regclass(:name)")
_OLDER_READERS: Final = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND NOT (usesysid IS NULL AND pid IN (SELECT pid FROM pg_stat_progress_vacuum))"
    " AND greatest(age(backend_xmin), age(backend_xid)) > age(CAST(CAST(:now AS text) AS xid))"
)
"""Sessions of any user, and the server's own: its ANALYZE keeps what it may still read as any reader does, and its
VACUUM, which no user's session runs, does not. (`backend_type` would tell only superusers.)
"""

_HELD: Final = "55P03"
"""PostgreSQL's code for a lock that was not to be had in time."""


class Postgres:
    """The database that `url` names, `postgresql+psycopg://user@host/database`; its password may be in PGPASSWORD.

    Raises UserError for a URL that is none, or when psycopg is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            self._url = make_url(url)
            self.engine: Engine = create_engine(self._url, **POOL, pool_pre_ping=True, isolation_level="READ COMMITTED")
        except (ArgumentError, NoSuchModuleError):
            raise UserError("store.url is no database's URL; write postgresql+psycopg://USER@HOST/DATABASE") from None
        except ModuleNotFoundError:
            raise UserError("PostgreSQL needs psycopg: pip install 'moodscape[postgres]'") from None
        self.name = self._url.render_as_string(hide_password=True)
        self.unclean = False  # the server brings itself in order before it answers
        self._hypertable = False

    def version(self, connection: Connection) -> int:
        """Give the version of the tables, 0 when there are none."""
        if connection.execute(_THERE, {"name": "counters"}).scalar() is None:
            return 0
        asked = text("SELECT value FROM counters WHERE name = 'version'")
        return int(connection.execute(asked).scalar() or 0)

    def make(self, connection: Connection, version: int) -> None:
        """Make what is not there."""
        offered = text("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'")
        self._hypertable = connection.execute(offered).scalar() is not None
        if connection.execute(_THERE, {"name": "moments"}).scalar() is None:
            self._make_moments(connection)
        METADATA.create_all(connection)
        for statement in (*cells.INDEX["postgresql"], *words.INDEX["postgresql"]):
            connection.execute(text(statement))
        put = "INSERT INTO counters VALUES ('version', :n) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        connection.execute(text(put), {"n": version})

    def _make_moments(self, connection: Connection) -> None:
        """A partitioned table's keys must hold what it is divided by; so `id` is kept unique by the writers' lock."""
        made = moments.to_metadata(MetaData())
        made.c.start_ms.primary_key = True
        made.append_constraint(PrimaryKeyConstraint(made.c.seq, made.c.start_ms))
        for index in made.indexes:
            index.unique = False
        if not self._hypertable:
            made.dialect_options["postgresql"]["partition_by"] = "RANGE (start_ms)"
        made.create(connection)
        if self._hypertable:
            asked = text("SELECT create_hypertable('moments', 'start_ms', chunk_time_interval => CAST(:ms AS BIGINT))")
            connection.execute(asked, {"ms": _CHUNK_MS})
        else:
            connection.execute(text("CREATE TABLE moments_other PARTITION OF moments DEFAULT"))

    def reading(self) -> Connection:
        """Give a connection that sees the store as it is now, whatever is written meanwhile."""
        return self.engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def interrupt(self, driver: Any) -> None:
        """Break off what a driver's connection, of another thread, is being asked."""
        with suppress(Exception):  # it was closed meanwhile, or the server is gone
            driver.cancel()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the one connection that writes, of all hubs: so the order of arrival is that of the commits."""
        with self.engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('moodscape ' || current_schema()))"))
            yield connection

    def room_for(self, connection: Connection, starts_ms: Iterable[int]) -> None:
        """Make the partitions that moments of these starts need."""
        if self._hypertable:
            return
        for year, quarter in sorted({_quarter(start_ms) for start_ms in starts_ms}):
            name = f"moments_{year}q{quarter}"
            if year in _YEARS and connection.execute(_THERE, {"name": name}).scalar() is None:
                begin, end = _start_ms(year, quarter), _start_ms(year + quarter // 4, quarter % 4 + 1)
                connection.execute(
                    text(f"CREATE TABLE {name} PARTITION OF moments FOR VALUES FROM ({begin}) TO ({end})")
                )

    def check(self) -> None:
        """Nothing to look for: the server checks itself."""

    def scrub(self, alone: Callable[[], AbstractContextManager[Any]], span_ms: tuple[int, int]) -> bool:
        """Write the tables anew without what was erased, which would else lie in their files until it is overwritten.

        False where somebody reads for too long what was there before, which would be written along, or holds a table.
        `alone` keeps this hub's writers out; `span_ms` has the first and the last start of what was erased.
        """
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not _older_readers_left(connection):
                return False
            connection.detach()  # so that what is set here ends with it
            connection.execute(text("SET lock_timeout = '2s'"))  # whoever writes waits with it
            try:
                with alone():
                    parts = {"moments"} if self._hypertable else _parts(connection, span_ms)
                    for name in sorted(parts | _RENEWED):
                        connection.execute(text(f"VACUUM (FULL) {name}"))
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", None) != _HELD:
                    raise
                return False
        return True

    def compact(self) -> None:
        """Nothing to do: the server's autovacuum does."""

    def backup(self, to: Path) -> None:
        """Write the database as it is now with pg_dump, in its custom format. Raises UserError, WorkError."""
        program = shutil.which("pg_dump")
        if program is None:
            raise UserError("a backup of PostgreSQL needs pg_dump: apt install postgresql-client")
        u = self._url
        url = URL.create("postgresql", u.username, None, u.host, u.port, u.database, u.query).render_as_string()
        password = u.password or os.environ.get("PGPASSWORD")
        env = {"PATH": "/usr/bin:/bin"} | ({"PGPASSWORD": password} if password else {})
        done = subprocess.run(
            [program, "--format=custom", f"--file={to}", url], env=env, capture_output=True, text=True, check=False
        )
        if done.returncode:
            with suppress(OSError):
                to.unlink()
            raise WorkError(f"the backup to {to} failed: {' '.join(done.stderr.split())}")


def _older_readers_left(connection: Connection) -> bool:
    """Wait until no transaction is older than this call, for it would keep what was erased; False when that lasts."""
    now = connection.execute(text("SELECT CAST(CAST(pg_current_xact_id() AS xid) AS text)")).scalar()
    for _ in range(unfinished.TRIES):
        if not connection.execute(_OLDER_READERS, {"now": now}).scalar():
            return True
        time.sleep(0.1)
    return False


def _quarter(start_ms: int) -> tuple[int, int]:
    at = _EPOCH + timedelta(milliseconds=min(max(start_ms, _FIRST_MS), _LAST_MS))
    return at.year, (at.month - 1) // 3 + 1


def _parts(connection: Connection, span_ms: tuple[int, int]) -> set[str]:
    """Name the partitions that hold moments of a span."""
    first, last = (_quarter(at) for at in span_ms)
    names = connection.execute(
        text(
            "SELECT relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid"
            " WHERE inhparent = CAST('moments' AS regclass)"
        )
    ).scalars()
    bounds = "moments_{}q{}".format(*first), "moments_{}q{}".format(*last)
    return {name for name in names if name == "moments_other" or bounds[0] <= name <= bounds[1]}


def _start_ms(year: int, quarter: int) -> int:
    return int((datetime(year, 3 * quarter - 2, 1, tzinfo=UTC) - _EPOCH).total_seconds()) * 1000
