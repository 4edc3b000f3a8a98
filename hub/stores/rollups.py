"""Hours and days added up as moments come and go, so that years are summed without reading every moment.

A row is one local hour or day of one device and one emotion that was felt. Sums move by what is added and taken away,
and a row that counts nothing is gone.
"""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection

from hub.stores.tables import FELT, moments

HOUR_MS: Final = 3_600_000
SPANS: Final = (1, 24)
"""Hours in a row."""

NOTHING: Final = ""
"""Stands for the emotion of a moment without sound: a part of a primary key is not null."""

_m: Final = moments.c
ROLLED: Final = (_m.start_ms, _m.offset_min, _m.device, FELT, _m.seconds, _m.valence, _m.arousal)
"""What `shift` takes of a moment."""

_SHIFT: Final = (
    "INSERT INTO rollups (span_h, at, device, emotion, count, felt, seconds, valence, arousal)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET count = count + excluded.count, felt = felt + excluded.felt,"
    " seconds = seconds + excluded.seconds, valence = valence + excluded.valence, arousal = arousal + excluded.arousal"
)
_EMPTY: Final = "DELETE FROM rollups WHERE span_h = ? AND at = ? AND device = ? AND emotion = ? AND count = 0"


def shift(connection: Connection, changed: Iterable[Any], by: int) -> None:
    """Add (`by` = 1) or take away (-1) rows of `moments`.

    A row has what `ROLLED` selects.
    """
    sums: dict[tuple[int, int, str, str], list[float]] = {}
    for start_ms, offset_min, device, emotion, seconds, valence, arousal in changed:
        hour = (start_ms + offset_min * 60_000) // HOUR_MS
        felt = valence is not None
        for span in SPANS:
            total = sums.setdefault((span, hour // span, device, emotion or NOTHING), [0, 0, 0.0, 0.0, 0.0])
            total[0] += by
            total[1] += by * felt
            total[2] += by * seconds
            total[3] += by * (valence or 0.0)
            total[4] += by * (arousal or 0.0)
    if not sums:
        return
    connection.exec_driver_sql(_SHIFT, [(*key, *total) for key, total in sums.items()])
    if by < 0:
        connection.exec_driver_sql(_EMPTY, list(sums))
