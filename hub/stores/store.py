"""The store: every moment once, with what the person said of it, in SQLite or PostgreSQL.

One writer at a time, which is what makes the order of arrival that of the commits. What a call has written when it
returns is on the disk.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.schema import CreateIndex

from hub.stores import arrival, beside, heard, letters, migrations, rows, said, unfinished, words
from hub.stores.dialect import upsert
from hub.stores.erasing import erase_some
from hub.stores.heard import Report
from hub.stores.letters import Letter, now_ms
from hub.stores.pool import KEPT_CONNECTIONS
from hub.stores.postgres import Postgres
from hub.stores.sqlite import Sqlite
from hub.stores.tables import devices, moments
from moments import Moment
from moments.errors import UserError, WorkError

__all__ = ["Letter", "Report", "Store", "now_ms"]

_log = logging.getLogger(__name__)

_WAY_S: Final = 0.05
"""Other threads take the lock at once when it is free, other processes look again within this or twice as much."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A moment of another store, with the person's note and correction."""

    moment: Moment
    note: str | None
    correction: str | None


class Ending(Exception):  # noqa: N818 - named for what it is
    """The hub is about to end, and what takes long is left."""


class Store:
    """Opens (and makes) the SQLite file at a path, or the tables in the PostgreSQL database at a URL.

    Raises UserError when it cannot be opened or is of a newer version, WorkError when it is damaged.
    """

    def __init__(self, where: Path | str) -> None:
        self.on_new: list[Callable[[], None]] = []
        """Called, in the writer's thread, after a commit that brought moments."""
        self.on_erased: list[Callable[[], None]] = []
        """Called after moments were erased, in the thread that did."""
        self.on_letters_dropped: list[Callable[[int], object]] = []
        """Called after dead letters were dropped to stay within their bounds, with how many."""
        self.series: Any = None
        """Answers summaries before the tables do, where there is one; see `hub.query.summary`."""
        self._ending = self._told_of_dropping = False
        self._readers: set[Any] = set()
        self._writer = threading.RLock()
        name = str(where)
        try:
            self._at = Sqlite(where) if isinstance(where, Path) else Postgres(where)
            name = self._at.name
            migrated = self._open()
            if self._at.unclean:
                self.check()
        except (OSError, DatabaseError) as error:
            self.close()
            why = " ".join(str(getattr(error, "orig", None) or error).split())
            raise UserError(f"the store {name} cannot be opened: {why}") from None
        except (UserError, WorkError):
            self.close()
            raise
        if migrated:
            self._at.compact()

    def _open(self) -> bool:
        """Make or migrate the tables; tells whether they were of an older version."""
        newest = migrations.newest()
        with self._writer, self._at.writing() as connection:
            found = self._at.version(connection)
            if found > newest:
                why = f"is of version {found}, made by a newer Moodscape; this one knows {newest}"
                raise UserError(f"the store {self._at.name} {why}")
            older = 0 < found < newest
            if older:
                _log.info("migrating the store", extra={"from": found, "to": newest})
                migrations.migrate(connection, found, lambda: self._at.make(connection, newest))
            self._at.make(connection, newest)
            connection.execute(CreateIndex(beside.UNANSWERED, if_not_exists=True))
        return older

    @property
    def name(self) -> str:
        """Where it is, for messages."""
        return self._at.name

    @property
    def path(self) -> Path:
        """The SQLite file. Raises WorkError where there is none."""
        if isinstance(self._at, Sqlite):
            return self._at.path
        raise WorkError(f"the store {self.name} is no file")

    @property
    def shared(self) -> bool:
        """Tell whether other hubs may write to it beside this one."""
        return isinstance(self._at, Postgres)

    def be_ready(self) -> None:
        """Open all connections that are kept: what a hub holds open is the same from its beginning to its end."""
        with ExitStack() as opened:
            for _ in range(KEPT_CONNECTIONS):
                opened.enter_context(self._at.engine.connect())

    def check(self) -> None:
        """Look for damage. Raises WorkError when there is some."""
        self._at.check()

    def close(self) -> None:
        """Close all connections."""
        if hasattr(self, "_at"):
            self._at.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees the store as it is now, whatever is written meanwhile."""
        with self._at.reading() as connection:
            driver = connection.connection.driver_connection
            self._readers.add(driver)
            try:
                yield connection
            finally:
                self._readers.discard(driver)

    def go_on(self) -> None:
        """Raise Ending where what takes long is to be left: to be called between its steps."""
        if self._ending:
            raise Ending

    def give_way(self) -> None:
        """Let in who waits to write: to be called between the transactions of what takes long. Raises Ending."""
        self.go_on()
        time.sleep(_WAY_S)

    def interrupt(self) -> None:
        """Have those who read leave, now and at their next step; their questions raise DatabaseError.

        Those who write end the transaction in hand.
        """
        self._ending = True
        for driver in list(self._readers):
            self._at.interrupt(driver)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose writes are committed together at the end."""
        with self._writer, self._at.writing() as connection:
            yield connection

    def take(self, arrived: Sequence[Moment], dead: Sequence[Letter] = (), reports: Sequence[Report] = ()) -> set[str]:
        """Commit what arrived, all of it or nothing; gives the ids of the moments that are new.

        A moment that is already there, or was erased, is left as it is.
        """
        with self.writing() as connection:
            numbers = heard.note(connection, (moment.device for moment in arrived), reports)
            new = beside.wanted(connection, arrival.unknown(connection, arrived))
            if new:
                self._insert(connection, new, numbers)
                for moment in new:
                    if (note := rows.said(moment)) is not None:
                        said.write_note(connection, moment.id, note)
            dropped = letters.put(connection, dead)
        self._tell_of_dropped(dropped)
        if new:
            for call in self.on_new:
                call()
        return {moment.id for moment in new}

    def _insert(self, connection: Connection, new: Sequence[Moment], numbers: dict[str, int]) -> None:
        self._at.room_for(connection, (rows.ms(moment.start) for moment in new))
        arrival.put(connection, new, arrival.next_seqs(connection, len(new)), numbers)
        beside.take_up(connection, new)

    def write_note(self, moment_id: str, text: str) -> bool:
        """Put the person's words beside a moment; "" takes them away. False: there is no such moment.

        What those before leave in the files is left to `scrub_left`.
        """
        with self.writing() as connection:
            return said.write_note(connection, moment_id, text)

    def correct(self, moment_id: str, emotion: str | None) -> bool:
        """Put the person's emotion beside the reading; None takes it away. False: there is no such moment."""
        with self.writing() as connection:
            return said.correct(connection, moment_id, emotion)

    def bring(self, connection: Connection, brought: Sequence[Brought]) -> int:
        """Take what another store had, in a transaction of the caller's; gives how many moments are new.

        What is there already, or was erased, is left as it is.
        """
        by_id = {each.moment.id: each for each in brought}
        new = beside.wanted(connection, arrival.unknown(connection, [each.moment for each in brought]))
        if not new:
            return 0
        self._insert(connection, new, heard.note(connection, (moment.device for moment in new)))
        for moment in new:
            each = by_id[moment.id]
            if each.note:
                said.write_note(connection, moment.id, each.note)
            if each.correction:
                said.correct(connection, moment.id, each.correction)
        return len(new)

    def erase(self, condition: Sequence[Any]) -> int:
        """Erase what matches all of `condition` and is there now; gives how many moments.

        Their ids do not come back; what they leave in the files is noted for `scrub_left`. A stretch of them is one
        transaction, so that devices are heard meanwhile. Raises Ending before the next.
        """
        gone, more = 0, True
        with self.reading() as connection:
            newest = arrival.last_seq(connection)
        while more:
            if gone:
                self.give_way()
            with self.writing() as connection:
                some, more = erase_some(connection, [*condition, moments.c.seq <= newest])
            gone += some
        if gone:
            for call in self.on_erased:
                call()
            _log.info("erased", extra={"moments": gone})
        return gone

    def scrub(self, span_ms: tuple[int, int] = (2**62, -(2**62)), *, noted: bool = False) -> bool:
        """Overwrite what deleted rows left in the files; False where somebody reads for too long what was there before.

        `span_ms`: the first and last start of moments among them; `noted`: some had notes.
        """
        if noted:
            with self.writing() as connection:
                words.squeeze(connection)
        return self._at.scrub(lambda: self._writer, span_ms)

    def scrub_left(self) -> None:
        """Overwrite what is noted to lie in the files still; what cannot be overwritten now stays noted."""
        u = unfinished.unscrubbed.c
        asked = select(func.max(u.n), func.min(u.first_ms), func.max(u.last_ms), func.max(u.noted))
        with self.reading() as connection:
            newest, first, last, noted = connection.execute(asked).one()
        if newest is None:
            return
        if not self.scrub((first, last), noted=bool(noted)):
            _log.warning("what was erased is in the files while somebody reads it; the hub tries again within the hour")
            return
        with self.writing() as connection:
            connection.execute(delete(unfinished.unscrubbed).where(u.n <= newest))

    def drop_old_letters(self, at_ms: int) -> None:
        """Drop the dead letters that are too old at a Unix time in ms. Files are left to `scrub_left`."""
        with self.writing() as connection:
            dropped = letters.drop_old(connection, at_ms)
            if dropped:
                unfinished.leave_bytes(connection)
        self._tell_of_dropped(dropped)

    def _tell_of_dropped(self, dropped: int) -> None:
        if not dropped:
            return
        if not self._told_of_dropping:
            self._told_of_dropping = True
            _log.warning("dead letters are dropped to stay within their bounds; metrics count them from here on")
        for call in self.on_letters_dropped:
            call(dropped)

    def describe_device(self, device: str, *, name: str | None, owner: str | None) -> None:
        """Set a device's name and owner."""
        with self.writing() as connection:
            put = upsert(connection, devices).values(id=device, name=name, owner=owner, seen_ms=0)
            connection.execute(put.on_conflict_do_update(index_elements=["id"], set_={"name": name, "owner": owner}))

    def backup(self, to: Path) -> None:
        """Copy the store as it is now into a new file, while it is in use.

        Raises UserError when `to` is there, WorkError when it cannot be written.
        """
        if os.path.lexists(to):
            raise UserError(f"{to} is already there; name a new file")
        self._at.backup(to)
