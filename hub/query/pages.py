"""Pages of moments in the order of their time, which neither skip nor repeat while others arrive."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, Select, and_, func, or_, select

from hub.query.filter import BadQuery, Filter
from hub.query.sql import condition, planned
from hub.stores import rows
from hub.stores.store import Store
from hub.stores.tables import moments, notes

COUNTED: Final = 10_000
"""Counting stops here."""

LARGEST: Final = 1000
PARAMETERS: Final = ("order", "limit", "cursor")
_BIGGEST: Final = 2**63


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page: `after` is the (start in ms, seq) of the last moment before it."""

    order: Literal["newest", "oldest"] = "newest"
    limit: int = 100
    after: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Moments as the API shows them, and the cursor of the page after this one."""

    items: list[dict[str, Any]]
    next: str | None


def _cursor(row: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps([row.start_ms, row.seq]).encode()).decode().rstrip("=")


def _after(cursor: str) -> tuple[int, int]:
    try:
        start, seq = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if type(start) is int and type(seq) is int and max(abs(start), abs(seq)) < _BIGGEST:
            return start, seq
    except (ValueError, TypeError, RecursionError):
        pass
    raise BadQuery("cursor", "is none that this hub gave")


def read_paging(values: Mapping[str, str]) -> Paging:
    """Read `order`, `limit` and `cursor`. Raises BadQuery."""
    order = values.get("order", "newest")
    if order not in {"newest", "oldest"}:
        raise BadQuery("order", f"{order!r} is none of newest, oldest")
    text = values.get("limit", "100")
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0
    if not 1 <= limit <= LARGEST:
        raise BadQuery("limit", f"must be a whole number from 1 to {LARGEST}")
    after = _after(values["cursor"]) if "cursor" in values else None
    return Paging(order, limit, after)  # type: ignore[arg-type]


def _with_words() -> Select[Any]:
    m = moments.c
    return select(m.seq, m.id, m.start_ms, m.body, m.correction, notes.c.text.label("note")).select_from(
        moments.outerjoin(notes, notes.c.rowid == m.seq)
    )


def _item(row: Any) -> dict[str, Any]:
    return rows.to_item(row.id, row.body, row.note, row.correction)


def page(connection: Connection, filter_: Filter, paging: Paging) -> Page:
    """Give one page of what the filter means."""
    m = moments.c
    order = (m.start_ms.desc(), m.seq.desc()) if paging.order == "newest" else (m.start_ms, m.seq)
    asked = _with_words().where(*planned(connection, filter_)).order_by(*order).limit(paging.limit + 1)
    if paging.after:
        start, seq = paging.after
        if paging.order == "newest":
            asked = asked.where(m.start_ms <= start, or_(m.start_ms < start, m.seq < seq))
        else:
            asked = asked.where(m.start_ms >= start, or_(m.start_ms > start, m.seq > seq))
    found = connection.execute(asked).all()
    more = len(found) > paging.limit
    found = found[: paging.limit]
    return Page([_item(row) for row in found], _cursor(found[-1]) if more else None)


def total(connection: Connection, filter_: Filter) -> tuple[int, bool]:
    """Count what the filter means; gives the number and whether it is exact: counting stops at `COUNTED`."""
    some = select(moments.c.seq).where(*planned(connection, filter_)).limit(COUNTED + 1).subquery()
    found: int = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return min(found, COUNTED), found <= COUNTED


def one(connection: Connection, moment_id: str, seen: Filter) -> dict[str, Any] | None:
    """Give one moment, or None when it is not there or `seen` does not mean it. Raises ValueError for no id."""
    asked = _with_words().where(moments.c.id == rows.key(moment_id), *condition(seen))
    row = connection.execute(asked).first()
    return _item(row) if row else None


def everything(store: Store, filter_: Filter) -> Iterator[dict[str, Any]]:
    """Give all that the filter means, oldest first, page after page, so that nothing large is held."""
    cursor = None
    while True:
        with store.reading() as connection:
            found = page(connection, filter_, Paging("oldest", LARGEST, _after(cursor) if cursor else None))
        yield from found.items
        cursor = found.next
        if cursor is None:
            return


def arrivals(
    connection: Connection, filter_: Filter, after: int, limit: int
) -> tuple[list[tuple[int, dict[str, Any]]], int]:
    """Give (seq, moment) of what the filter means, arrived after `after`, and up to which seq that is all."""
    m = moments.c
    last = newest(connection)
    asked = _with_words().where(and_(m.seq > after, m.seq <= last), *condition(filter_)).order_by(m.seq).limit(limit)
    found = [(row.seq, _item(row)) for row in connection.execute(asked)]
    return found, found[-1][0] if len(found) == limit else max(last, after)


def newest(connection: Connection) -> int:
    """Give the seq of the moment that arrived last, 0 without any."""
    return connection.execute(select(func.max(moments.c.seq))).scalar() or 0
