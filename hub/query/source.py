"""Where a summary's sums come from: the moments, or what was added up before."""

from dataclasses import dataclass
from typing import Any, Final

from hub.stores.rollups import HOUR, QUARTER_MS

HOUR_MS: Final = HOUR * QUARTER_MS
DAY_MS: Final = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Source:
    """SQL: the local wall clock in ms, the emotion's number, the device's number, and the sums.

    `sums`: how many, seconds, how many have valence and arousal, and the sums of those two.
    """

    local_ms: Any
    felt: Any
    device: Any
    sums: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A bucket of one emotion: the local hour or day (ms, as if UTC), the names of tags asked for, and its sums."""

    local_ms: int
    tags: dict[str, str | None]
    sums: tuple[int, float, int, float, float]
    """how many, seconds, how many have valence and arousal, and the sums of those two"""
