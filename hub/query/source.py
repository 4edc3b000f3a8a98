"""Where a summary's sums come from: the moments, or what was added up before."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Integer, literal_column

from hub.stores.rollups import HOUR, QUARTER_MS, UNFELT
from hub.stores.types import FELT

HOUR_MS: Final = HOUR * QUARTER_MS
DAY_MS: Final = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Source:
    """SQL: the local hour and day, counted from 1970, the numbers of emotion and device, and the sums.

    `sums`: seconds, how many have valence and arousal, the sums of those two, and how many of each emotion (`CODES`).
    """

    hours: Any
    days: Any
    felt: Any
    device: Any
    sums: tuple[Any, ...]


CODES: Final = (UNFELT, *range(len(FELT)))
"""The numbers of emotions, that of none first."""


def floor(value: Any, step: int) -> Any:
    """Whole steps below a whole number, also a negative one, in SQL that divides towards zero."""
    by = literal_column(str(step), Integer)
    return (value - (value % by + by) % by) // by


@dataclass(frozen=True, slots=True)
class Part:
    """A bucket of one emotion: the local hour or day (ms, as if UTC), the names of tags asked for, and its sums."""

    local_ms: int
    tags: dict[str, str | None]
    count: int
    sums: tuple[float, int, float, float]
    """seconds, how many have valence and arousal, and the sums of those two"""
