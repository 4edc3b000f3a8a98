"""Cells of the earth's surface: where moments were, coarsely, so that a box is found without reading moments.

A cell is 1/400 degree wide and high, 278 m from south to north. An R*Tree (SQLite) or a GiST index (PostgreSQL) over
the cells that have moments gives those that a box meets; (cell, time) is an index of the moments.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, text

PER_DEGREE: Final = 400

INDEX: Final = {
    "sqlite": ("CREATE VIRTUAL TABLE IF NOT EXISTS places USING rtree_i32(n, south, north, west, east)",),
    "postgresql": (
        "CREATE INDEX IF NOT EXISTS cells_places ON cells USING gist (box(point(col, row), point(col, row)))",
    ),
}
"""What finds cells in a box."""

_IN_BOX: Final = {
    "sqlite": (
        "n IN (SELECT n FROM places WHERE south <= :north AND north >= :south AND west <= :east AND east >= :west)"
    ),
    "postgresql": (
        "box(point(col, row), point(col, row)) && box(point(:west, :south), point(:east, :north))"
        " AND row BETWEEN :south AND :north AND col BETWEEN :west AND :east"
    ),
}
_FOUND: Final = {
    name: text(f"SELECT n, uses, row, col FROM cells WHERE {box}")  # noqa: S608 - texts of ours
    for name, box in _IN_BOX.items()
}
_COUNTED: Final = {
    name: text(f"SELECT count(*), coalesce(sum(uses), 0) FROM cells WHERE {box}")  # noqa: S608
    for name, box in _IN_BOX.items()
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that has moments, and how many."""

    n: int
    uses: int
    row: int
    col: int


def row_of(lat: float) -> int:
    """Give the row of a latitude."""
    return math.floor((lat + 90) * PER_DEGREE)


def col_of(lon: float) -> int:
    """Give the column of a longitude."""
    return math.floor((lon + 180) * PER_DEGREE)


Box = tuple[float, float, float, float]
"""South, north, west, east, in degrees."""


def _asked(box: Box) -> dict[str, int]:
    south, north, west, east = box
    return {"south": row_of(south), "north": row_of(north), "west": col_of(west), "east": col_of(east)}


def meeting(connection: Connection, box: Box) -> list[Cell]:
    """Give the cells that have moments and meet a box."""
    return [Cell(*row) for row in connection.execute(_FOUND[connection.dialect.name], _asked(box)).all()]


def counted(connection: Connection, box: Box) -> tuple[int, int]:
    """Give how many cells that have moments meet a box, and how many moments those have."""
    count, uses = connection.execute(_COUNTED[connection.dialect.name], _asked(box)).one()
    return int(count), int(uses)


def take_up(connection: Connection, made: list[Any]) -> None:
    """Put cells (n, row, col) where boxes are looked for."""
    if connection.dialect.name == "sqlite" and made:
        rows = [(n, row, row, col, col) for n, row, col in made]
        connection.exec_driver_sql("INSERT INTO places VALUES (?, ?, ?, ?, ?)", rows)


def let_go(connection: Connection, gone: list[int]) -> None:
    """Take cells out of there."""
    if connection.dialect.name == "sqlite" and gone:
        connection.exec_driver_sql("DELETE FROM places WHERE n = ?", [(n,) for n in gone])
