"""Quarters of an hour, hours and days added up as moments come and go, so that years are summed without reading them.

A row is one local quarter, hour or day of one device and one emotion that was felt. Quarters also tell the wearer's
offset from UTC, so that another time zone's hours and days are put together from them. Sums move by what is added and
taken away, and a row that counts nothing is gone.
"""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, SmallInteger, bindparam, delete, type_coerce

from hub.stores.dialect import put_rows
from hub.stores.tables import moments, rollups

QUARTER_MS: Final = 900_000
QUARTER, HOUR, DAY = 1, 4, 96
SPANS: Final = (QUARTER, HOUR, DAY)
"""Quarters of an hour in a row."""

UNFELT: Final = -1
"""Stands for the emotion of a moment without sound: a part of a primary key is not null."""

_m: Final = moments.c
ROLLED: Final = (
    _m.start_ms, _m.offset_min, _m.device, type_coerce(_m.felt, SmallInteger), _m.seconds, _m.valence, _m.arousal
)  # fmt: skip
"""What `shift` takes of a moment."""

_KEY: Final = ("span", "at", "device", "emotion", "offset_min")
_SUMS: Final = ("count", "felt", "seconds", "valence", "arousal")
_ADD: Final = (
    f"ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET "
    + ", ".join(f"{name} = rollups.{name} + excluded.{name}" for name in _SUMS)
)  # fmt: skip


def shift(connection: Connection, changed: Iterable[Any], by: int) -> None:
    """Add (`by` = 1) or take away (-1) moments; each has what `ROLLED` selects."""
    sums: dict[tuple[int, int, int, int, int], list[float]] = {}
    for start_ms, offset_min, device, emotion, seconds, valence, arousal in changed:
        quarter = (start_ms + offset_min * 60_000) // QUARTER_MS
        felt = valence is not None
        code = UNFELT if emotion is None else emotion
        for span in SPANS:
            key = (span, quarter // span, device, code, offset_min if span == QUARTER else 0)
            total = sums.get(key)
            if total is None:
                total = sums[key] = [0, 0, 0.0, 0.0, 0.0]
            total[0] += by
            total[1] += by * felt
            total[2] += by * seconds
            total[3] += by * (valence or 0.0)
            total[4] += by * (arousal or 0.0)
    if not sums:
        return
    put_rows(connection, rollups, (*_KEY, *_SUMS), [(*key, *total) for key, total in sorted(sums.items())], _ADD)
    if by < 0:
        connection.execute(_EMPTY, [dict(zip(_MARKS, key, strict=True)) for key in sorted(sums)])


_MARKS: Final = tuple(f"the_{name}" for name in _KEY)
_EMPTY: Final = delete(rollups).where(
    *(rollups.c[name] == bindparam(mark) for name, mark in zip(_KEY, _MARKS, strict=True)), rollups.c.count == 0
)
