"""Where each device was on each day, added up in small cells, so that years of places are put together at once.

A cell is 1/1000 degree, 111 m from south to north. Rows are brought up to date before they are read, by the moments
that arrived since; where moments were erased, their days are added up anew.
"""

import threading
from typing import Any, Final

from sqlalchemy import Connection, Float, Integer, and_, delete, func, insert, literal_column, select, update

from hub.stores.arrival import last_seq
from hub.stores.beside import place_days as table
from hub.stores.dialect import put_rows
from hub.stores.store import Store
from hub.stores.tables import counters, moments
from hub.stores.unfinished import leave_bytes, stale_days, times_left

PER_DEGREE: Final = 1000
_DAY_MS: Final = 86_400_000
_STRETCH: Final = 200_000
_DAYS: Final = 50
"""Added up anew in one transaction, for which who writes waits."""

_UPTO: Final = "places"

_KEY: Final = ("device", "day", "row", "col")
_SUMS: Final = ("count", "seconds", "felt", "valence", "arousal", "lat", "lon")
_ADD: Final = f"ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET " + ", ".join(
    f"{name} = place_days.{name} + excluded.{name}" for name in _SUMS
)
_m: Final = moments.c


def _plain(number: float) -> Any:
    """Write a number into the SQL: a parameter would make each use of an expression another one."""
    return literal_column(str(number), Float if isinstance(number, float) else Integer)


_DAY: Final = func.floor((_m.start_ms + _m.offset_min * _plain(60_000)) / _plain(float(_DAY_MS)))
_ROW: Final = func.floor((_m.lat + _plain(90)) * _plain(PER_DEGREE))
_COL: Final = func.floor((_m.lon + _plain(180)) * _plain(PER_DEGREE))


def _added(connection: Connection, *found: Any) -> list[tuple[Any, ...]]:
    """Add up the moments for which all of `found` holds."""
    asked = (
        select(
            _m.device,
            _DAY.label("day"),
            _ROW.label("row"),
            _COL.label("col"),
            func.count(),
            func.sum(_m.seconds),
            func.count(_m.valence),
            func.coalesce(func.sum(_m.valence), 0.0),
            func.coalesce(func.sum(_m.arousal), 0.0),
            func.sum(_m.lat),
            func.sum(_m.lon),
        )
        .where(_m.lat.is_not(None), *found)
        .group_by(_m.device, _DAY, _ROW, _COL)
    )
    return [(row[0], int(row[1]), int(row[2]), int(row[3]), *row[4:]) for row in connection.execute(asked)]


def _upto(connection: Connection) -> int:
    found = connection.execute(select(counters.c.value).where(counters.c.name == _UPTO)).scalar()
    return -1 if found is None else int(found)


class PlaceDays:
    """Keeps the table in step with the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Add what arrived since the last time. Raises Ending."""
        with self._lock:
            while self._stretch():
                self._store.go_on()

    def _stretch(self) -> bool:
        with self._store.reading() as connection:
            done, last = _upto(connection), last_seq(connection)
            if done >= last:
                return False
            upto = min(last, max(0, done) + _STRETCH)
            erasings, found = times_left(connection), _added(connection, _m.seq > done, _m.seq <= upto)
        with self._store.writing() as connection:
            if _upto(connection) != done:
                return True  # another hub has added these meanwhile
            if times_left(connection) != erasings:
                found = _added(connection, _m.seq > done, _m.seq <= upto)
            put_rows(connection, table, (*_KEY, *_SUMS), found, _ADD)
            here = counters.c.name == _UPTO
            if not connection.execute(update(counters).where(here).values(value=upto)).rowcount:
                connection.execute(insert(counters).values(name=_UPTO, value=upto))
        return True

    def again(self) -> None:
        """Add up anew the days of devices of which moments were erased. Raises Ending before the next of them."""
        while self._some_again():
            self._store.give_way()

    def _some_again(self) -> bool:
        """Do so for some days in one transaction; False: none are left."""
        left = select(stale_days.c.device, stale_days.c.day).distinct()
        with self._lock, self._store.writing() as connection:
            done, days = _upto(connection), connection.execute(left.limit(_DAYS)).all()
            for device, day in days:
                connection.execute(delete(table).where(table.c.device == device, table.c.day == day))
                about = and_(_m.start_ms > (day - 1) * _DAY_MS, _m.start_ms < (day + 2) * _DAY_MS)
                found = _added(connection, _m.device == device, about, day == _DAY, _m.seq <= done)
                put_rows(connection, table, (*_KEY, *_SUMS), found, _ADD)
                connection.execute(delete(stale_days).where(stale_days.c.device == device, stale_days.c.day == day))
            if days:
                leave_bytes(connection)
        return len(days) == _DAYS
