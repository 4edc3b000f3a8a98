"""Pages of moments in the order of their time, which neither skip nor repeat while others arrive."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, Select, and_, bindparam, func, literal_column, or_, select

from hub.query.filter import BadQuery, Filter
from hub.query.plan import COUNTED, Plan, plan
from hub.query.sql import condition
from hub.stores import rows
from hub.stores.arrival import last_seq
from hub.stores.store import Store
from hub.stores.tables import devices, moments, notes, phrases, scenes
from hub.stores.types import Number

LARGEST: Final = 1000
PARAMETERS: Final = ("order", "limit", "cursor")
_BIGGEST: Final = 2**63
_edge: Final = bindparam("edge", type_=Number)


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


def _cursor(start_ms: int, seq: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([start_ms, seq]).encode()).decode().rstrip("=")


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


_rules: Final = phrases.alias("rules")
_models: Final = phrases.alias("models")


def whole() -> Select[Any]:
    """Give the question for moments with all that `rows.to_item` shows."""
    m = moments.c
    joined = moments.outerjoin(scenes, scenes.c.n == m.scene).outerjoin(_rules, _rules.c.n == m.rule)
    joined = joined.join(_models, _models.c.n == m.models).join(devices, devices.c.n == m.device)
    more = (
        devices.c.id.label("device_id"),
        scenes.c.key.label("scene_key"),
        _rules.c.key.label("rule_json"),
        _models.c.key.label("models_json"),
        notes.c.text.label("note"),
    )
    return select(moments, *more).select_from(joined.outerjoin(notes, notes.c.seq == m.seq))


def _keys(connection: Connection, planned: Plan, paging: Paging) -> list[tuple[int, int]]:
    """Give the (start in ms, seq) of a page's moments and one more, in their order."""
    m, newest = moments.c, paging.order == "newest"
    # What is few is sorted after it was found: a plus keeps an index out of it.
    start = literal_column("+moments.start_ms") if planned.sort else m.start_ms
    found: list[tuple[int, int]] = []
    for part in planned.parts:
        asked, parameters = part.asked(m.start_ms, m.seq)
        if paging.after and newest:
            at, seq = paging.after
            asked = asked.where(m.start_ms <= at, or_(m.start_ms < at, m.seq < seq))
        elif paging.after:
            at, seq = paging.after
            asked = asked.where(m.start_ms >= at, or_(m.start_ms > at, m.seq > seq))
        ordered = asked.order_by(*((start.desc(), m.seq.desc()) if newest else (start, m.seq))).limit(paging.limit + 1)
        if part.cells:  # what lies beyond the page that was found so far is not looked for
            ordered = ordered.where(m.start_ms >= _edge if newest else m.start_ms <= _edge)
        for given in parameters:
            edge = found[-1][0] if len(found) > paging.limit else (-_BIGGEST if newest else _BIGGEST - 1)
            found += [(row.start_ms, row.seq) for row in connection.execute(ordered, given | {"edge": edge}).all()]
            found = sorted(found, reverse=newest)[: paging.limit + 1]
    return found


def shown(connection: Connection, keys: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """Give the moments of some (start in ms, seq) as the API shows them, in their order."""
    if not keys:
        return []
    m = moments.c
    starts = [start for start, _ in keys]
    asked = whole().where(m.seq.in_([seq for _, seq in keys]), m.start_ms.between(min(starts), max(starts)))
    found = {row.seq: rows.to_item(row) for row in connection.execute(asked).all()}
    return [found[seq] for _, seq in keys]


def page(connection: Connection, filter_: Filter, paging: Paging, planned: Plan | None = None) -> Page:
    """Give one page of what the filter means, by a plan of its that is at hand."""
    keys = _keys(connection, planned or plan(connection, filter_), paging)
    more = len(keys) > paging.limit
    keys = keys[: paging.limit]
    return Page(shown(connection, keys), _cursor(*keys[-1]) if more else None)


def total(connection: Connection, filter_: Filter, planned: Plan | None = None) -> tuple[int, bool]:
    """Count what the filter means; gives the number and whether it is exact: counting stops at `COUNTED`."""
    planned = planned or plan(connection, filter_)
    found = sum(part.count or 0 for part in planned.parts)
    for part in planned.parts:
        if part.count is not None:
            continue
        asked, parameters = part.asked(moments.c.seq)
        counted = select(func.count()).select_from(asked.limit(COUNTED + 1).subquery())
        for given in parameters:
            if found > COUNTED:
                break
            found += connection.execute(counted, given).scalar_one()
    return min(found, COUNTED), found <= COUNTED


def one(connection: Connection, moment_id: str, seen: Filter) -> dict[str, Any] | None:
    """Give one moment, or None when it is not there or `seen` does not mean it. Raises ValueError for no id."""
    row = connection.execute(whole().where(moments.c.id == rows.key(moment_id), *condition(seen))).first()
    return rows.to_item(row) if row else None


def everything(store: Store, filter_: Filter) -> Iterator[dict[str, Any]]:
    """Give all that the filter means, oldest first, page after page, so that nothing large is held. Raises Ending."""
    cursor = None
    while True:
        store.go_on()
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
    last = last_seq(connection)
    asked = whole().where(and_(m.seq > after, m.seq <= last), *condition(filter_)).order_by(m.seq).limit(limit)
    found = [(row.seq, rows.to_item(row)) for row in connection.execute(asked)]
    return found, found[-1][0] if len(found) == limit else max(last, after)
