"""What came of it: what PostgreSQL holds against what was made, and how late moments were stored."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select, text

from bench.fleet.device import Stored
from bench.table import Figure
from hub.stores import checking
from hub.stores.store import Store
from hub.stores.tables import moments

SOON_S = 1.0


@dataclass(frozen=True)
class Outage:
    """From the death of a part until it answers again and what waited is caught up with, in monotonic seconds."""

    part: str
    begin: float
    end: float


def outside(stored: Iterable[Stored], outages: Sequence[Outage]) -> NDArray[np.float64]:
    """Give the seconds from publishing to `stored` of the moments that no outage touched: [n].

    Looked at is the second after publishing alone: what is late for longer than that, without an outage to blame for
    the beginning, is late.
    """
    found = [
        each.stored - each.first_sent
        for each in stored
        if not any(out.begin < each.first_sent + SOON_S and each.first_sent < out.end for out in outages)
    ]
    return np.array(found)


def kept(url: str, made: Collection[str], answered: Collection[str]) -> dict[str, Figure]:
    """Count what the database at a URL holds of what was made; `answered` are those called stored."""
    store = Store(url)
    with store.reading() as connection:
        there = [bytes(each).hex() for each in connection.execute(select(moments.c.id)).scalars()]
    faults = checking.faults(store)
    store.close()
    ids = set(there)
    lost = [each for each in made if each.replace("-", "") not in ids]
    lied = [each for each in answered if each.replace("-", "") not in ids]
    return {
        "moments": Figure(len(made), "moments"),
        "lost": Figure(len(lost), "moments", 0),
        "called stored but not there": Figure(len(lied), "moments", 0),
        "double": Figure(len(there) - len(ids), "moments", 0),
        "faults of the integrity check": Figure(len(faults), "faults", 0),
    }


def bytes_a_moment(url: str) -> float:
    """Give the disk that all tables and indexes of a database take for one moment."""
    store = Store(url)
    tables = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = "
    with store.reading() as connection:
        size = connection.execute(text(f"{tables} current_schema()::regnamespace")).scalar_one()
        count = connection.execute(select(func.count()).select_from(moments)).scalar_one()
    store.close()
    return float(size) / int(count)
