"""Whether what was added up, counted and indexed is what the moments say."""

from typing import Any, Final

from sqlalchemy import Connection, Select, Table, func, select

from hub.stores.rollups import DAY, HOUR, QUARTER
from hub.stores.store import Store
from hub.stores.tables import cells, devices, moments, notes, phrases, rollups, scenes

_m: Final = moments.c
_NEAR: Final = 1e-6  # what sums of many numbers may differ by, of each


def faults(store: Store) -> list[str]:
    """Name what does not agree, one sentence each; nothing when all is well. Reads every moment."""
    with store.reading() as connection:
        found = [_twice(connection), *(_spans(connection, span) for span in (QUARTER, HOUR, DAY))]
        for table, columns in ((scenes, (_m.scene,)), (cells, (_m.cell,)), (phrases, (_m.rule, _m.models))):
            found.append(_uses(connection, table, columns))
        alone = (
            select(func.count()).select_from(notes.outerjoin(moments, _m.seq == notes.c.seq)).where(_m.seq.is_(None))
        )
        found.append(_some(connection, alone, "notes belong to no moment"))
        strange = select(func.count()).select_from(moments.outerjoin(devices, devices.c.n == _m.device))
        found.append(_some(connection, strange.where(devices.c.n.is_(None)), "moments belong to no device"))
    return [fault for fault in found if fault]


def _some(connection: Connection, counted: Select[Any], what: str) -> str | None:
    count = connection.execute(counted).scalar_one()
    return f"{count} {what}" if count else None


def _twice(connection: Connection) -> str | None:
    total, different = connection.execute(select(func.count(), func.count(_m.id.distinct()))).one()
    return f"{total - different} moments are there twice" if total != different else None


def _spans(connection: Connection, span: int) -> str | None:
    """Compare by device."""
    r = rollups.c
    said = select(_m.device, func.count(), func.sum(_m.seconds), func.count(_m.valence)).group_by(_m.device)
    added = select(r.device, func.sum(r.count), func.sum(r.seconds), func.sum(r.felt)).where(r.span == span)
    want = {row[0]: row[1:] for row in connection.execute(said)}
    have = {row[0]: row[1:] for row in connection.execute(added.group_by(r.device))}
    for device in want.keys() | have.keys():
        (a, b, c), (d, e, f) = want.get(device, (0, 0, 0)), have.get(device, (0, 0, 0))
        if int(a) != int(d) or int(c) != int(f) or abs(b - e) > _NEAR * (1 + int(a)):
            return f"spans of {span} quarters add up to {d} moments of device {device}, but there are {a}"
    return None


def _uses(connection: Connection, table: Table, columns: tuple[Any, ...]) -> str | None:
    used: dict[int, int] = {}
    for column in columns:
        asked = select(column, func.count()).where(column.is_not(None)).group_by(column)
        for n, count in connection.execute(asked):
            used[n] = used.get(n, 0) + count
    kept = {row.n: row.uses for row in connection.execute(select(table.c.n, table.c.uses))}
    wrong = [n for n in used.keys() | kept.keys() if used.get(n) != kept.get(n)]
    return f"{len(wrong)} rows of {table.name} are counted wrong" if wrong else None
