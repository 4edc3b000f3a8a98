"""Erasings by a filter, written down before they begin, so that what is cut short is ended later."""

import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from hub import spans
from hub.query.filter import Filter, bound
from hub.query.sql import condition
from hub.spans import Span
from hub.stores.arrival import last_seq
from hub.stores.letters import now_ms
from hub.stores.tables import moments
from hub.stores.unfinished import erasings, leave_bytes


@dataclass(frozen=True, slots=True)
class Erasing:
    """One of them, of all that had come when it was asked for, which was at a Unix time in ms.

    `spans` has the devices that were told to erase a time, and that time; `upto` the seq of the last moment.
    """

    n: int
    filter: Filter
    spans: dict[str, Span]
    upto: int
    asked_ms: int

    @property
    def owner(self) -> str | None:
        """The owner of whom all is meant, None where anything else is."""
        asked = self.filter
        alone = Filter(owner=asked.owner, only_owner=asked.only_owner)
        own = asked.only_owner in {None, asked.owner}  # a token may name an owner whose it is not
        return asked.owner if asked == alone and own else None

    def moments(self) -> list[Any]:
        """Give what must all hold for a row of `moments`."""
        return [*condition(self.filter), moments.c.seq <= self.upto]


def begin(connection: Connection, filter_: Filter, told: dict[str, Span]) -> Erasing:
    """Write one down; `told`: the spans that devices were told."""
    upto, asked_ms = last_seq(connection), now_ms()
    meant = {"filter": asdict(filter_), "spans": {device: span.args() for device, span in told.items()}}
    owner, written = filter_.owner or filter_.only_owner, json.dumps(meant, default=_written)
    put = insert(erasings).values(owner=owner, upto=upto, asked_ms=asked_ms, meant=written)
    n = connection.execute(put.returning(erasings.c.n)).scalar_one()
    return Erasing(n, filter_, told, upto, asked_ms)


def left(connection: Connection) -> list[Erasing]:
    """Give those that are not done."""
    return [_read(row) for row in connection.execute(select(erasings).order_by(erasings.c.n))]


def end(connection: Connection, erasing: Erasing) -> bool:
    """Forget one that is done; False: another has done it. Files are left to `scrub_left`."""
    gone = connection.execute(delete(erasings).where(erasings.c.n == erasing.n)).rowcount > 0
    if gone:
        leave_bytes(connection)
    return gone


def _written(at: date) -> str:
    return at.isoformat()


def _read(row: Any) -> Erasing:
    meant = json.loads(row.meant)
    said: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in meant["filter"].items()
    }
    said |= {name: bound(said[name]) for name in ("begin", "end") if said[name]}
    told = {device: spans.read(args) for device, args in meant["spans"].items()}
    return Erasing(row.n, Filter(**said), told, row.upto, row.asked_ms)
