"""What InfluxDB is still to be told: moments that are gone, or are felt otherwise."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, or_, select

from hub.stores import unfinished
from hub.stores.tables import counters, leaving

FED: Final = "influx"
"""Names the counter that holds up to which seq InfluxDB was fed; where there is none, this store feeds none."""

FEED: Final = "influx feed "
"""Begins the name of the counter that holds a bucket's mark; where the bucket lies follows."""


def note(connection: Connection, changed: Iterable[Any]) -> None:
    """Note rows of `moments` (`id`, `start_ms`, `device`), where this store feeds an InfluxDB."""
    if connection.execute(select(counters.c.value).where(counters.c.name == FED)).first() is not None:
        rows = [{"id": row.id, "start_ms": row.start_ms, "device": row.device} for row in changed]
        if rows:
            connection.execute(insert(leaving), rows)


def forget_feed(connection: Connection) -> None:
    """Forget that an InfluxDB was fed, and what it was still to be told."""
    connection.execute(delete(counters).where(or_(counters.c.name == FED, counters.c.name.startswith(FEED))))
    if connection.execute(delete(leaving)).rowcount:
        unfinished.leave_bytes(connection)
