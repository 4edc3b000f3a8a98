"""Feeds InfluxDB from committed rows, in the order of their arrival, and erases there what was erased here.

How far it has come is kept in the store, so that nothing is left out however long the server is away, and a store
that is full is fed from its beginning. What is killed between writing and noting it is written again, over itself.
"""

import logging
import threading
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import DatabaseError

from hub.influx.points import WANTED, at_same_time, lines, slot
from hub.influx.server import Refused, Server, Unreachable
from hub.metrics import Metrics
from hub.stores.arrival import last_seq
from hub.stores.store import Store
from hub.stores.tables import counters, devices, leaving, moments
from moments.errors import WorkError

_log = logging.getLogger(__name__)

_TOGETHER: Final = 2000
_LEAVING: Final = 100
_SHORTEST_S: Final = 1.0
_LONGEST_S: Final = 60.0
_BEAT_S: Final = 1.0
_NAME: Final = counters.c.name == "influx"


def fed(connection: Connection) -> int | None:
    """Give up to which seq InfluxDB was fed; None when this store feeds none."""
    found: int | None = connection.execute(select(counters.c.value).where(_NAME)).scalar()
    return found


def caught_up(connection: Connection) -> bool:
    """Tell whether InfluxDB has all that the store has, and no more."""
    waiting = connection.execute(select(leaving.c.n).limit(1)).first()
    return waiting is None and (fed(connection) or 0) >= last_seq(connection)


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
        wait_s, said, ready = _SHORTEST_S, "", False
        while not self._closing.is_set():
            try:
                ready = ready or self._prepare()
                if not ready:
                    return
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
                said = why
                self._closing.wait(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_S)

    def _prepare(self) -> bool:
        """Make ready; from then on what is erased is also noted for InfluxDB, which had nothing before."""
        self._server.make()
        with self._store.writing() as connection:
            if fed(connection) is None:
                connection.execute(insert(counters).values(name="influx", value=0))
        if self._allow_undeletable or self._server.can_delete():
            return True
        _log.error("InfluxDB cannot erase, so it is not fed; set influx.allow_undeletable to feed it all the same")
        return False

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
