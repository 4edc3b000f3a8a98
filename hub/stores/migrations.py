"""Steps from one version of the store to the next.

A new table needs no step: declare it with SQLAlchemy Core's portable types on `tables.METADATA`, in `tables.py` or in
a module that `schema.py` imports, and it is made at the next start, in SQLite and PostgreSQL alike. What changes a
table that is there takes the next number here. All steps of one start are one transaction.
"""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from hub.stores import version1, version2

Make = Callable[[], None]
"""Makes the tables that are not there."""

STEPS: Final[dict[int, Callable[[Connection, Make], None]]] = {2: version1.leave, 3: version2.leave}
"""By the version that a step leads to, one after the other from 2 on."""


def newest() -> int:
    """Give the version that this code reads and writes."""
    return max(STEPS)


def migrate(connection: Connection, found: int, make: Make) -> None:
    """Take the steps from the version `found` to the newest."""
    for version in range(found + 1, newest() + 1):
        STEPS[version](connection, make)
