"""Tells quiet from sound by level alone, so that quiet costs next to nothing."""

from typing import Final

_SILENT_DBFS: Final = -72.0
"""What is below this is quiet on any microphone."""
_LOUD_DBFS: Final = -45.0
"""What is above this is looked at however steady it is: speech may be hidden in a steady noise, not in a quiet room."""
_MARGIN_DB: Final = 3.0
_DOWN: Final = 0.5
_UP: Final = 0.01
"""Shares of the way to the present level that the floor goes in one step: it falls at once and rises slowly."""
_HOLD: Final = 6
"""Steps of quiet before it counts: pauses between words are not quiet."""


class NoiseFloor:
    """Follows the level of a stream, step by step (90 ms), and tells when it is quiet."""

    def __init__(self) -> None:
        self._floor_dbfs: float | None = None
        self._quiet_steps = _HOLD

    def is_quiet(self, level_dbfs: float) -> bool:
        """Take the level of the next step, in dBFS; tell whether it and the half second before it were quiet."""
        floor = level_dbfs if self._floor_dbfs is None else self._floor_dbfs
        self._floor_dbfs = floor + (_DOWN if level_dbfs < floor else _UP) * (level_dbfs - floor)
        quiet = level_dbfs < _SILENT_DBFS or (level_dbfs < _LOUD_DBFS and level_dbfs < self._floor_dbfs + _MARGIN_DB)
        self._quiet_steps = self._quiet_steps + 1 if quiet else 0
        return self._quiet_steps > _HOLD
