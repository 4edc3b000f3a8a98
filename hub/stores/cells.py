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

_FOUND: Final = {
    "sqlite": text(
        "SELECT n, uses, row, col FROM cells WHERE n IN (SELECT n FROM places"
        " WHERE south <= :north AND north >= :south AND west <= :east AND east >= :west) LIMIT :most"
    ),
    "postgresql": text(
        "SELECT n, uses, row, col FROM cells WHERE box(point(col, row), point(col, row))"
        " && box(point(:west, :south), point(:east, :north))"
        " AND row BETWEEN :south AND :north AND col BETWEEN :west AND :east LIMIT :most"
    ),
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


def meeting(connection: Connection, box: tuple[float, float, float, float], most: int) -> list[Cell]:
    """Give up to `most` cells that have moments and meet a box (south, north, west, east, in degrees)."""
    south, north, west, east = box
    asked = {"south": row_of(south), "north": row_of(north), "west": col_of(west), "east": col_of(east), "most": most}
    return [Cell(*row) for row in connection.execute(_FOUND[connection.dialect.name], asked)]


def take_up(connection: Connection, made: list[Any]) -> None:
    """Put cells (n, row, col) where boxes are looked for."""
    if connection.dialect.name == "sqlite" and made:
        rows = [(n, row, row, col, col) for n, row, col in made]
        connection.exec_driver_sql("INSERT INTO places VALUES (?, ?, ?, ?, ?)", rows)


def let_go(connection: Connection, gone: list[int]) -> None:
    """Take cells out of there."""
    if connection.dialect.name == "sqlite" and gone:
        connection.exec_driver_sql("DELETE FROM places WHERE n = ?", [(n,) for n in gone])
