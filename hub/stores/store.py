"""The store: every moment once, with what the person said of it, in one SQLite file.

One writer at a time and any number of readers beside it (WAL). What a call has written when it returns is on the disk.
"""

import hashlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, bindparam, create_engine, delete, event, func, insert, select, text, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import DatabaseError

from hub.stores import beside, migrations, rollups, rows
from hub.stores.erasing import erase_some, sweep
from hub.stores.schema import METADATA
from hub.stores.tables import VIRTUAL, devices, erased, letters, moments, notes, scenes
from moments import Moment
from moments.errors import UserError, WorkError

_log = logging.getLogger(__name__)

_PRAGMAS: Final = (
    "busy_timeout = 10000",
    "journal_mode = WAL",
    "synchronous = FULL",
    "secure_delete = ON",
    "temp_store = MEMORY",
    "cache_size = -8000",
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that could not be taken as what its topic says, and why."""

    topic: str
    reason: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Report:
    """A device's word about itself: `kind` is status or health, `body` a JSON object."""

    device: str
    kind: str
    body: str


def now_ms() -> int:
    """Give the Unix time in ms."""
    return time.time_ns() // 1_000_000


class Store:
    """Opens (and makes) the file at `path`.

    Raises UserError when it cannot be opened or is of a newer version, WorkError when it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.on_new: list[Callable[[], None]] = []
        """Called, in the writer's thread, after a commit that brought moments."""
        self._writer = threading.RLock()
        url = URL.create("sqlite", database=str(path))
        self._engine = create_engine(url, pool_size=8, max_overflow=56, connect_args={"check_same_thread": False})
        event.listen(self._engine, "connect", _prepare)
        event.listen(self._engine, "begin", _begin)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unclean = _not_empty(path.with_name(path.name + "-wal"))
            with self._writing() as connection:
                self._make(connection)
            if unclean:
                self.check()
        except (OSError, DatabaseError) as error:
            self._engine.dispose()
            raise UserError(f"the store {path} cannot be opened: {getattr(error, 'orig', None) or error}") from None
        except (UserError, WorkError):
            self._engine.dispose()
            raise

    def _make(self, connection: Connection) -> None:
        found = connection.execute(text("PRAGMA user_version")).scalar_one()
        version = migrations.newest()
        if found > version:
            raise UserError(
                f"the store {self.path} is of version {found}, made by a newer Moodscape; this one knows {version}"
            )
        if found:
            migrations.migrate(connection, found)
        METADATA.create_all(connection)
        for statement in VIRTUAL:
            connection.execute(text(statement))
        connection.execute(text(f"PRAGMA user_version = {version}"))

    def check(self) -> None:
        """Look for damage. Raises WorkError when there is some."""
        with self.reading() as connection:
            found = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
        if found != "ok":
            raise WorkError(f"the store {self.path} is damaged ({found}); put a backup in its place")

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees the store as it is now, whatever is written meanwhile."""
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._writer, self._engine.connect().execution_options(write=True) as connection, connection.begin():
            yield connection

    def take(self, arrived: Sequence[Moment], dead: Sequence[Letter] = (), reports: Sequence[Report] = ()) -> set[str]:
        """Commit what arrived, all of it or nothing; gives the ids of the moments that are new.

        A moment that is already there, or was erased, is left as it is.
        """
        by_key = {rows.key(moment.id): moment for moment in arrived}
        with self._writing() as connection:
            new = beside.wanted(connection, _unknown(connection, by_key))
            self._insert(connection, new)
            beside.take_up(connection, new, now_ms())
            _insert_letters(connection, dead)
            _hear(connection, {moment.device for moment in arrived}, reports)
        if new:
            for call in self.on_new:
                call()
        return {moment.id for moment in new}

    def _insert(self, connection: Connection, new: Sequence[Moment]) -> None:
        if not new:
            return
        first = 1 + (connection.execute(text("SELECT seq FROM sqlite_sequence WHERE name = 'moments'")).scalar() or 0)
        made = [{"seq": first + n} | rows.to_row(moment) for n, moment in enumerate(new)]
        # Past SQLAlchemy's own handling of parameters, which would take as long as SQLite does.
        connection.exec_driver_sql(_INSERT, [tuple(row.values()) for row in made])
        rollups.shift(connection, [[row[name] for name in _ROLLED] for row in made], 1)
        where = [(row["seq"], row["lat"], row["lat"], row["lon"], row["lon"]) for row in made if row["lat"] is not None]
        if where:
            connection.exec_driver_sql("INSERT INTO places VALUES (?, ?, ?, ?, ?)", where)
        labels = {moment.scene.label: moment.scene.group for moment in new if moment.scene}
        for label, group in labels.items():
            spoken = "".join(f" {word}" for word in rows.words(f"{label} {group}"))
            connection.execute(upsert(scenes).values(label=label, words=spoken).on_conflict_do_nothing())

    def write_note(self, moment_id: str, words: str) -> bool:
        """Put the person's words beside a moment; "" takes them away. False: there is no such moment."""
        with self._writing() as connection:
            seq = connection.execute(_seq_of(moment_id)).scalar()
            if seq is None:
                return False
            connection.execute(delete(notes).where(notes.c.rowid == seq))
            if words:
                connection.execute(insert(notes).values(rowid=seq, text=words))
        return True

    def correct(self, moment_id: str, emotion: str | None) -> bool:
        """Put the person's emotion beside the reading; None takes it away. False: there is no such moment."""
        this = moments.c.id == rows.key(moment_id)
        with self._writing() as connection:
            asked = select(*rollups.ROLLED).where(this)
            before = connection.execute(asked).all()
            connection.execute(update(moments).where(this).values(correction=emotion))
            rollups.shift(connection, before, -1)
            rollups.shift(connection, connection.execute(asked).all(), 1)
        return bool(before)

    def erase(self, condition: Sequence[Any]) -> int:
        """Erase what matches all of `condition` and is there now; gives how many moments.

        Nothing of them stays in the file or its log, and their ids do not come back. A stretch of them is one
        transaction, so that devices are heard meanwhile.
        """
        gone, labels, noted = 0, set[str](), False
        with self.reading() as connection:
            last = connection.execute(select(func.max(moments.c.seq))).scalar() or 0
        while True:
            with self._writing() as connection:
                stretch = erase_some(connection, [*condition, moments.c.seq <= last])
            gone += stretch.moments
            labels |= stretch.labels
            noted = noted or stretch.noted
            if not stretch.moments:
                break
        if gone:
            with self._writing() as connection:
                sweep(connection, labels, noted=noted)
            self.empty_log()
            _log.info("erased", extra={"moments": gone})
        return gone

    def empty_log(self) -> None:
        """Bring the write-ahead log into the file and cut it to nothing; readers may make that wait."""
        for _ in range(20):
            with self._writer, self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
            if not busy:
                return
            time.sleep(0.1)
        _log.warning("erased words may stay in the write-ahead log until the hub is started again")

    def replay(self, judge: Callable[[str, bytes], Moment | Letter]) -> tuple[int, int]:
        """Judge all dead letters again; gives how many became moments (or were there) and how many stay."""
        with self.reading() as connection:
            waiting = connection.execute(select(letters.c.n, letters.c.topic, letters.c.payload)).all()
        taken = 0
        for n, topic, payload in waiting:
            judged = judge(topic, payload)
            if isinstance(judged, Moment):
                self.take([judged])
                with self._writing() as connection:
                    connection.execute(delete(letters).where(letters.c.n == n))
                taken += 1
        return taken, len(waiting) - taken

    def describe_device(self, device: str, *, name: str | None, owner: str | None) -> None:
        """Set a device's name and owner."""
        with self._writing() as connection:
            put = upsert(devices).values(id=device, name=name, owner=owner, seen_ms=0)
            connection.execute(put.on_conflict_do_update(index_elements=["id"], set_={"name": name, "owner": owner}))

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose writes are committed together at the end."""
        with self._writing() as connection:
            yield connection

    def backup(self, to: Path) -> None:
        """Copy the store as it is now into a new file, while it is in use. Raises UserError when `to` is there."""
        if to.exists():
            raise UserError(f"{to} is already there; name a new file")
        try:
            with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(to)) as copy:
                source.backup(copy, pages=4096)
        except (OSError, sqlite3.Error) as error:
            with suppress(OSError):
                to.unlink()
            raise WorkError(f"the backup to {to} failed: {error}") from None


def _not_empty(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says, and nowhere else
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("write") else "BEGIN")


def _seq_of(moment_id: str) -> Any:
    return select(moments.c.seq).where(moments.c.id == rows.key(moment_id))


_INSERT: Final = "INSERT INTO moments VALUES (" + ", ".join("?" * len(moments.c)) + ")"  # noqa: S608 - only marks
"""Of all columns: `seq` and those of `rows.to_row`, in its order."""

_ROLLED: Final = ("start_ms", "offset_min", "device", "emotion", "seconds", "valence", "arousal")  # no correction yet
_STEP: Final = 500  # keys in one IN


def _unknown(connection: Connection, by_key: dict[bytes, Moment]) -> list[Moment]:
    keys = list(by_key)
    known: set[bytes] = set()
    for table in (moments, erased):
        look = select(table.c.id).where(table.c.id.in_(bindparam("keys", expanding=True)))
        for at in range(0, len(keys), _STEP):
            known.update(connection.execute(look, {"keys": keys[at : at + _STEP]}).scalars())
    return [moment for key, moment in by_key.items() if key not in known]


def _insert_letters(connection: Connection, dead: Sequence[Letter]) -> None:
    for letter in dead:
        digest = hashlib.sha256(letter.topic.encode() + b"\0" + letter.payload).digest()
        put = upsert(letters).values(
            at_ms=now_ms(), topic=letter.topic, reason=letter.reason, payload=letter.payload, digest=digest
        )
        connection.execute(put.on_conflict_do_nothing())


def _hear(connection: Connection, heard: set[str], reports: Sequence[Report]) -> None:
    words: dict[str, dict[str, Any]] = {device: {} for device in heard}
    for report in reports:
        words.setdefault(report.device, {})[report.kind] = report.body
    for device, said in words.items():
        said["seen_ms"] = now_ms()
        put = upsert(devices).values(id=device, **said)
        connection.execute(put.on_conflict_do_update(index_elements=["id"], set_=said))
