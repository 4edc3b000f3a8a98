"""How a filter is asked so that the answer comes soon, whatever the store holds.

Most filters are answered in the order of time, which meets enough of what is asked soon. Two kinds are not. What only
few moments can match (rare words, a place hardly visited) is found first and sorted after. A place with few cells is
asked cell by cell, each in the order of time, and put together: so the newest moments around one's home come as soon
as those around a place that one saw once, years ago.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, func, literal_column, select, union_all

from hub.query.filter import Filter
from hub.query.sql import Condition, boxes, elsewise, metres, named, within
from hub.stores import cells
from hub.stores.arrival import last_seq
from hub.stores.cells import PER_DEGREE, Cell
from hub.stores.rollups import DAY
from hub.stores.tables import moments, rollups, scenes
from hub.stores.types import FELT
from hub.stores.words import noted, words

COUNTED: Final = 10_000
"""Counting stops here."""

_SPARSE: Final = COUNTED
"""So many moments are found one by one and sorted in some 40 ms; in years of them, time order meets more as soon."""

_FEW_CELLS: Final = 32
_MANY_CELLS: Final = 4000
_ROW_COSTS: Final = 4  # a row that is looked up costs as much as so many entries of an index

_m: Final = moments.c
_cell: Final = bindparam("cell", type_=_m.cell.type)


@dataclass(frozen=True, slots=True)
class Part:
    """A question: what must all hold, and the cells that it is asked for one by one with `cell` bound (none: as it is).

    `count`: how many moments it means, or that they are more than `COUNTED`, where that is known already.
    """

    condition: Condition
    cells: Sequence[int] = ()
    count: int | None = None

    def asked(self, *wanted: Any) -> tuple[Select[Any], list[dict[str, int]]]:
        """Give it as SQL, with the parameters to ask it with."""
        return select(*wanted).where(*self.condition), [{"cell": n} for n in self.cells] if self.cells else [{}]


@dataclass(frozen=True, slots=True)
class Plan:
    """The questions that mean a moment each, and whether what they find is to be sorted after it is found."""

    parts: Sequence[Part]
    sort: bool = False


def plan(connection: Connection, filter_: Filter) -> Plan:
    """Make the plan for what the store holds now."""
    alone = _only_noted(connection, filter_)
    if alone is not None:
        return alone
    hints, sort, left = _found_by_words(connection, filter_)
    rest, place = elsewise(left) + hints, within(filter_)
    if sort or not place:
        return Plan([Part(rest + place)], sort)
    box, count, uses = _tightest(connection, filter_)
    if _felt_is_cheaper(connection, filter_, uses):
        return Plan([Part(rest + place)])
    if count > _FEW_CELLS and (uses > _SPARSE or count > _MANY_CELLS):
        return Plan([Part(rest + place)])
    there = {cell.n: cell for each in box for cell in cells.meeting(connection, each)}.values()
    if count > _FEW_CELLS:
        return Plan([Part([*rest, *place, _m.cell.in_([cell.n for cell in there])])], sort=True)
    # Those that have most first, and last those of which most may lie outside: what was found shortens the search.
    inside = sorted((cell for cell in there if _inside(cell, filter_)), key=lambda cell: -cell.uses)
    across = sorted((cell for cell in there if cell not in inside), key=lambda cell: cell.uses)
    by_cell = _m.cell == _cell
    known = None if rest else sum(cell.uses for cell in inside)
    parts = [
        Part([*rest, by_cell], [cell.n for cell in inside], known),
        Part([*rest, *place, by_cell], [cell.n for cell in across]),
    ]
    return Plan([part for part in parts if part.cells])


def _noted(word: str) -> Select[Any]:
    return select(literal_column("*")).select_from(noted(word).alias("said"))


def _only_noted(connection: Connection, filter_: Filter) -> Plan | None:
    """Give the plan of a filter that asks for one word, and nothing else, which no scene has."""
    asked = words(filter_.text or "")
    if len(asked) != 1 or filter_ != Filter(text=filter_.text):
        return None
    if connection.execute(select(scenes.c.n).where(named(asked[0])).limit(1)).first() is not None:
        return None
    some = _noted(asked[0]).limit(_SPARSE + 1).subquery()
    count = connection.execute(select(func.count()).select_from(some)).scalar_one()
    few = count <= _SPARSE
    # A plus keeps the key from finding them one by one where they are many.
    seq = _m.seq if few else literal_column("+moments.seq", _m.seq.type)
    return Plan([Part([seq.in_(_noted(asked[0]))], count=count)], few)


def _found_by_words(connection: Connection, filter_: Filter) -> tuple[Condition, bool, Filter]:
    """Give conditions that find by scenes or words, whether few moments meet them, and what else the filter asks."""
    hints: Condition = []
    best: tuple[int, Any, Filter] = (_SPARSE + 1, None, filter_)
    if filter_.scene:
        found = connection.execute(select(scenes.c.n, scenes.c.uses).where(scenes.c.label.in_(filter_.scene))).all()
        filter_ = replace(filter_, scene=())
        hints.append(_m.scene == found[0].n if len(found) == 1 else _m.scene.in_([row.n for row in found]))
        best = min(best, (sum(row.uses for row in found), hints[0], filter_), key=lambda each: each[0])
    asked = words(filter_.text or "")
    for word in asked:
        heard = connection.execute(select(scenes.c.n, scenes.c.uses).where(named(word))).all()
        said = _noted(word)
        some = said.limit(best[0] + 1).subquery()
        count = connection.execute(select(func.count()).select_from(some)).scalar_one() + sum(row.uses for row in heard)
        if count < best[0]:
            both = union_all(said, select(_m.seq).where(_m.scene.in_([row.n for row in heard]))).subquery()
            others = " ".join(other for other in asked if other != word) or None
            found_so = _m.seq.in_(select(literal_column("*")).select_from(both) if heard else said)
            best = (count, found_so, replace(filter_, text=others))
    if best[1] is None:
        return hints, False, filter_
    return [*hints, best[1]], True, best[2]


def _tightest(connection: Connection, filter_: Filter) -> tuple[list[cells.Box], int, int]:
    """Give that of the place's boxes, in parts, which meets the fewest cells; how many, and their moments."""
    best: tuple[list[cells.Box], int, int] | None = None
    for south, north, stretches in boxes(filter_):
        parts = [(south, north, west, east) for west, east in stretches]
        counts = [cells.counted(connection, part) for part in parts]
        count, uses = sum(count for count, _ in counts), sum(uses for _, uses in counts)
        if best is None or count < best[1]:
            best = (parts, count, uses)
    assert best is not None  # noqa: S101 - a filter with a place has a box
    return best


def _inside(cell: Cell, filter_: Filter) -> bool:
    """Tell whether the place holds all of a cell."""
    south, west = cell.row / PER_DEGREE - 90, cell.col / PER_DEGREE - 180
    north, east = south + 1 / PER_DEGREE, west + 1 / PER_DEGREE
    if filter_.bbox:
        w, s, e, n = filter_.bbox
        if not (s <= south and north <= n and (w <= west and east <= e if w <= e else w <= west or east <= e)):
            return False
    if filter_.near:
        corners = ((lat, lon) for lat in (south, north) for lon in (west, east))
        # A little short of the radius: sides bulge, and sums are rounded.
        return all(metres(*filter_.near, *corner) < filter_.radius_m * 0.999 - 1 for corner in corners)
    return True


def _felt_is_cheaper(connection: Connection, filter_: Filter, uses: int) -> bool:
    """Tell whether going through the moments of one emotion in a span of time reads less than going through cells."""
    if len(filter_.emotion) != 1 or filter_.begin is None or filter_.end is None:
        return False
    first, last = (bound.toordinal() - _EPOCH_DAY for bound in (filter_.begin, filter_.end))
    r = rollups.c
    of = FELT.index(filter_.emotion[0])
    counted = select(
        func.coalesce(func.sum(r.count), 0), func.coalesce(func.sum(r.count).filter(r.emotion == of), 0)
    ).where(r.span == DAY, r.at >= first, r.at <= last)
    in_span, felt = connection.execute(counted).one()
    return int(felt) < _ROW_COSTS * uses * int(in_span) / max(1, last_seq(connection))


_EPOCH_DAY: Final = 719_163  # 1970-01-01 as an ordinal of the calendar
