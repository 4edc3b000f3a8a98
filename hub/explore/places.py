"""Places that a person returns to: where time was spent on more than one day, put together around its middle.

A place begins at the cell with the most time that is in no place yet, and takes what lies within `_REACH_M` of it. So
a street that is walked every day becomes no place: nowhere on it is time spent. Places that the person named come
first and take what lies in their circle.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select

from hub.explore.named import Named
from hub.explore.place_days import PER_DEGREE
from hub.query.filter import Filter
from hub.query.sql import EARTH_M, whose_id
from hub.stores.beside import place_days as table
from hub.stores.tables import devices

_REACH_M: Final = 150.0
_LEAST_M: Final = 50.0
_STAY_S: Final = 300.0
"""A day counts for a place from so many seconds on, of sound that was no silence."""

_DAYS: Final = 2
_MOST: Final = 100
_METRES: Final = math.radians(1) * EARTH_M
_EPOCH: Final = date(1970, 1, 1)

Where = tuple[float, float]


@dataclass(slots=True)
class Cell:
    """What was heard in a cell, by day: seconds, and all sums together."""

    key: tuple[int, int]
    count: int = 0
    seconds: float = 0.0
    felt: int = 0
    valence: float = 0.0
    arousal: float = 0.0
    lat: float = 0.0
    lon: float = 0.0
    days: dict[int, float] = field(default_factory=dict)

    def add(self, row: Any) -> None:
        """Add one day's row."""
        self.count += row.count_
        self.seconds += row.seconds
        self.felt += row.felt
        self.valence += row.valence
        self.arousal += row.arousal
        self.lat += row.lat
        self.lon += row.lon
        self.days[row.day] = self.days.get(row.day, 0.0) + row.seconds

    @property
    def middle(self) -> Where:
        """Where its moments were on average."""
        return self.lat / self.count, self.lon / self.count


def _turned(degrees: float) -> float:
    """Give the same longitude within -180 to 180: the 180th meridian parts nothing."""
    return (degrees + 540) % 360 - 180


def apart_m(a: Where, b: Where) -> float:
    """Give about how far two near points are apart, in m."""
    across = _turned(a[1] - b[1])
    return math.hypot((a[0] - b[0]) * _METRES, across * _METRES * math.cos(math.radians((a[0] + b[0]) / 2)))


@dataclass(slots=True)
class Place:
    """Cells that belong together."""

    cells: list[Cell]
    named: Named | None = None

    def days(self) -> dict[int, float]:
        """Give the seconds by day."""
        found: dict[int, float] = defaultdict(float)
        for cell in self.cells:
            for day, seconds in cell.days.items():
                found[day] += seconds
        return found

    def returned(self) -> bool:
        """Tell whether time was spent here on more than one day."""
        return sum(seconds >= _STAY_S for seconds in self.days().values()) >= _DAYS

    def shown(self) -> dict[str, Any]:
        """Give it as the API shows it."""
        count, felt = sum(cell.count for cell in self.cells), sum(cell.felt for cell in self.cells)
        days = self.days()
        place = self.named or self._found(count)
        return {
            "id": place.id,
            "name": place.name if self.named else None,
            "lat": round(place.lat, 5),
            "lon": round(place.lon, 5),
            "radius_m": round(place.radius_m, 1),
            "count": count,
            "seconds": round(sum(cell.seconds for cell in self.cells), 1),
            "valence": sum(cell.valence for cell in self.cells) / felt if felt else None,
            "arousal": sum(cell.arousal for cell in self.cells) / felt if felt else None,
            "first": (_EPOCH + timedelta(days=min(days))).isoformat() if days else None,
            "last": (_EPOCH + timedelta(days=max(days))).isoformat() if days else None,
        }

    def _found(self, count: int) -> Named:
        lat = sum(cell.lat for cell in self.cells) / count
        seed = self.cells[0].middle[1]
        lon = _turned(seed + sum(_turned(cell.middle[1] - seed) * cell.count for cell in self.cells) / count)
        reach = max(apart_m((lat, lon), cell.middle) for cell in self.cells)
        row, col = self.cells[0].key
        return Named(f"cell-{row}-{col}", "", lat, lon, max(_LEAST_M, reach))


def cells_of(connection: Connection, seen: Filter) -> dict[tuple[int, int], Cell]:
    """Give the cells of all devices that `seen` means."""
    t = table.c
    asked = (
        select(table, t.count.label("count_"))
        .join(devices, devices.c.n == t.device)
        .where(*whose_id(seen, devices.c.id))
    )
    found: dict[tuple[int, int], Cell] = {}
    for row in connection.execute(asked):
        key = (row.row, row.col)
        cell = found.get(key)
        if cell is None:
            cell = found[key] = Cell(key)
        cell.add(row)
    return found


def _near(cells: dict[tuple[int, int], Cell], middle: Where, reach_m: float) -> list[Cell]:
    """Give the cells whose middle lies within a circle, looking at those around only."""
    rows = math.ceil(reach_m / _METRES * PER_DEGREE) + 1
    narrow = max(0.01, math.cos(math.radians(middle[0])))
    cols = math.ceil(reach_m / (_METRES * narrow) * PER_DEGREE) + 1
    row, col = math.floor((middle[0] + 90) * PER_DEGREE), math.floor((middle[1] + 180) * PER_DEGREE)
    if (2 * rows + 1) * (2 * cols + 1) > len(cells):
        around: Iterable[Cell] = cells.values()
    else:
        around = (
            cells[key]
            for key in (
                (r, c % (360 * PER_DEGREE))
                for r in range(row - rows, row + rows + 1)
                for c in range(col - cols, col + cols + 1)
            )
            if key in cells
        )
    return [cell for cell in around if apart_m(cell.middle, middle) <= reach_m]


def places(cells: dict[tuple[int, int], Cell], named: Iterable[Named]) -> list[Place]:
    """Give the named places, and those that the person returns to, the ones with the most time first."""
    left = dict(cells)
    found = []
    for one in named:
        inside = _near(left, (one.lat, one.lon), one.radius_m)
        found.append(Place(inside, one))
        for cell in inside:
            del left[cell.key]
    for seed in sorted(left.values(), key=lambda cell: (-cell.seconds, cell.key)):
        if len(found) >= _MOST or seed.seconds <= 0:
            break
        if seed.key not in left:
            continue
        together = Place([seed, *(cell for cell in _near(left, seed.middle, _REACH_M) if cell is not seed)])
        if together.returned():
            found.append(together)
            for cell in together.cells:
                del left[cell.key]
    return sorted(found, key=lambda place: -sum(cell.seconds for cell in place.cells))
