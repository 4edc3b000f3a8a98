"""What InfluxDB is still to be told: moments that are gone, or are felt otherwise."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, insert, select

from hub.stores.tables import counters, leaving


def note(connection: Connection, changed: Iterable[Any]) -> None:
    """Note rows of `moments` (`id`, `start_ms`, `device`), where this store feeds an InfluxDB."""
    if connection.execute(select(counters.c.value).where(counters.c.name == "influx")).first() is not None:
        rows = [{"id": row.id, "start_ms": row.start_ms, "device": row.device} for row in changed]
        if rows:
            connection.execute(insert(leaving), rows)
