"""Feeds InfluxDB from committed rows, in the order of their arrival, and erases there what was erased here.

How far it has come is kept in the store, so that nothing is left out however long the server is away, and a store
that is full is fed from its beginning. What is killed between writing and noting it is written again, over itself.

The store also keeps which bucket that holds for: where it lies, and a random number that it was marked with. A bucket
that is another one, or that was emptied, is fed from the beginning.
"""

import logging
import secrets
import threading
import time
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import DatabaseError

from hub.influx.points import WANTED, at_same_time, lines, slot
from hub.influx.server import Refused, Server, Unreachable
from hub.metrics import Metrics
from hub.stores.arrival import last_seq
from hub.stores.leaving import FED, FEED, forget_feed
from hub.stores.store import Store
from hub.stores.tables import counters, devices, leaving, moments
from moments.errors import WorkError

_log = logging.getLogger(__name__)

_TOGETHER: Final = 2000
_LEAVING: Final = 100
_SHORTEST_S: Final = 1.0
_LONGEST_S: Final = 60.0
_BEAT_S: Final = 1.0
_LOOK_S: Final = 60.0
"""How often the bucket's mark is looked at while all goes well."""

_NAME: Final = counters.c.name == FED


def fed(connection: Connection) -> int | None:
    """Give up to which seq InfluxDB was fed; None when this store feeds none."""
    found: int | None = connection.execute(select(counters.c.value).where(_NAME)).scalar()
    return found


def caught_up(connection: Connection) -> bool:
    """Tell whether InfluxDB has all that the store has, and no more."""
    waiting = connection.execute(select(leaving.c.n).limit(1)).first()
    return waiting is None and (fed(connection) or 0) >= last_seq(connection)


def knows(connection: Connection, server: Server) -> bool:
    """Tell whether the server's bucket is the one that was fed, and was not emptied since.

    Raises Unreachable, and Refused where the server does not say.
    """
    feed = _feed(connection, server)
    return feed is not None and feed in server.marks()


def _feed(connection: Connection, server: Server) -> int | None:
    """Give the mark of the bucket that was fed; None when that was another one."""
    found: int | None = connection.execute(
        select(counters.c.value).where(counters.c.name == FEED + server.place)
    ).scalar()
    return found


class Feeder:
    """Works in a thread of its own from `start` to `close`."""

    def __init__(self, store: Store, server: Server, metrics: Metrics, *, allow_undeletable: bool) -> None:
        self._store = store
        self._server = server
        self._metrics = metrics
        self._allow_undeletable = allow_undeletable
        self._closing = threading.Event()
        self._stirred = threading.Event()
        self._thread = threading.Thread(target=self._run, name="influx")

    def start(self) -> None:
        """Begin."""
        self._store.on_new.append(self._stirred.set)
        self._store.on_erased.append(self._stirred.set)
        self._thread.start()

    def close(self) -> None:
        """End after the points in hand."""
        self._closing.set()
        self._stirred.set()
        self._thread.join()
        self._server.close()

    def _run(self) -> None:
        wait_s, said, ready, look_at = _SHORTEST_S, "", False, 0.0
        while not self._closing.is_set():
            try:
                if not ready:
                    if not self.prepare():
                        return
                    ready, look_at = True, time.monotonic() + _LOOK_S
                elif time.monotonic() >= look_at:
                    self._recognise()
                    look_at = time.monotonic() + _LOOK_S
                while not self._closing.is_set() and self.step():
                    pass
                self._metrics.set("moodscape_influx_behind", self._behind())
                wait_s, said = _SHORTEST_S, ""
                self._stirred.wait(_BEAT_S)
                self._stirred.clear()
            except (Unreachable, Refused, DatabaseError) as error:
                why = str(getattr(error, "orig", error))
                if why != said:
                    _log.warning("InfluxDB is not fed at the moment; trying again", extra={"reason": why})
                said, ready = why, False
                self._closing.wait(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_S)

    def prepare(self) -> bool:
        """Make ready; False for a server that is not to be fed. Raises Unreachable, Refused.

        From then on what is erased is also noted for InfluxDB, which had nothing before.
        """
        self._server.make()
        if not self._allow_undeletable and not self._server.can_delete():
            _log.error("InfluxDB cannot erase, so it is not fed; set influx.allow_undeletable to feed it all the same")
            return False
        self._recognise()
        return True

    def _recognise(self) -> None:
        """Begin anew with a bucket that is not the one that was fed, or was emptied since.

        Another one is marked again, since it may keep marks, as all points, for a time only.
        """
        with self._store.reading() as connection:
            feed = _feed(connection, self._server)
        try:
            known = feed if feed in self._server.marks() else None
        except Refused:  # it shows nothing, so it answers no summaries either
            known = feed
        if known is None:
            self._begin_anew()
        else:
            self._server.mark(known)

    def _begin_anew(self) -> None:
        """Feed the bucket from the beginning, rid of what an earlier feed left there: that may be erased here by now.

        The mark comes last, so that what is killed before it begins anew once more.
        """
        feed = secrets.randbits(63)
        try:
            self._server.clear()
        except Refused:
            if not self._allow_undeletable:
                raise
        with self._store.writing() as connection:
            forget_feed(connection)
            kept = [{"name": FED, "value": 0}, {"name": FEED + self._server.place, "value": feed}]
            connection.execute(insert(counters), kept)
        self._server.mark(feed)
        _log.info("InfluxDB is fed from the beginning")

    def _behind(self) -> int:
        with self._store.reading() as connection:
            return last_seq(connection) - (fed(connection) or 0)

    def step(self) -> bool:
        """Write the next points, or erase the next; tells whether there may be more.

        Raises Unreachable, Refused.
        """
        with self._store.reading() as connection:
            at = fed(connection) or 0
            rows = connection.execute(WANTED.where(moments.c.seq > at).order_by(moments.c.seq).limit(_TOGETHER)).all()
            # Erased ones leave gaps, also after the last that is there.
            upto = rows[-1].seq if len(rows) == _TOGETHER else last_seq(connection)
            points = lines(connection, rows)
        if points:
            self._server.write(points)
        if upto > at:
            with self._store.writing() as connection:
                connection.execute(update(counters).where(_NAME).values(value=upto))
        return self._erase_some() or len(rows) == _TOGETHER

    def _erase_some(self) -> bool:
        """Erase at the times of what left or changed, and write again what is there at those times."""
        with self._store.reading() as connection:
            asked = select(leaving, devices.c.id.label("device_id")).join(devices, devices.c.n == leaving.c.device)
            gone = connection.execute(asked.order_by(leaving.c.n).limit(_LEAVING)).all()
        if not gone:
            return False
        try:
            for row in gone:
                self._server.delete(row.device_id, row.start_ms * 1_000_000 + slot(bytes(row.id)))
        except Refused:
            if not self._allow_undeletable:
                raise
        with self._store.reading() as connection:
            there: Any = WANTED.where(at_same_time({(row.device, row.start_ms) for row in gone}))
            points = lines(connection, connection.execute(there).all())
        if points:
            self._server.write(points)
        with self._store.writing() as connection:
            connection.execute(delete(leaving).where(leaving.c.n <= gone[-1].n))
        return True


def check(server: Server, *, allow_undeletable: bool) -> None:
    """Raise WorkError when the server answers that it cannot erase, and that is not allowed."""
    try:
        server.make()
        if not allow_undeletable and not server.can_delete():
            why = "the InfluxDB server cannot erase points, so what you erase would stay there"
            raise WorkError(f"{why}; set influx.allow_undeletable to true to feed it all the same")
    except Unreachable as error:
        _log.warning("InfluxDB does not answer; the feed waits for it", extra={"reason": str(error)})
