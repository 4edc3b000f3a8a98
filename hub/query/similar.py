"""Moments that are like one: in what was felt, what was heard, the hour of the day, and where."""

import math
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, or_

from hub.query import pages
from hub.query.filter import Filter
from hub.query.sql import condition, metres
from hub.stores import rows
from hub.stores.tables import moments, scenes

_CANDIDATES: Final = 2000
_SHOWN: Final = 12
_NEAR_M: Final = 500.0  # this far apart counts as half as different as two places can be


def _apart(a: dict[str, Any], b: dict[str, Any]) -> float:
    """How different two moments are: four parts, each in [0, 1]."""
    if a["valence"] is None or b["valence"] is None:
        feeling = 0.0 if a["valence"] == b["valence"] else 1.0
    else:
        feeling = math.hypot(a["valence"] - b["valence"], a["arousal"] - b["arousal"]) / math.hypot(2, 2)
    scenes = [(item["scene"] or {}).get("label") for item in (a, b)]
    groups = [(item["scene"] or {}).get("group") for item in (a, b)]
    heard = 0.0 if scenes[0] == scenes[1] else 0.5 if groups[0] == groups[1] else 1.0
    clocks = [datetime.fromisoformat(item["start"]) for item in (a, b)]
    hours = abs(clocks[0].hour + clocks[0].minute / 60 - clocks[1].hour - clocks[1].minute / 60)
    when = min(hours, 24 - hours) / 12
    if a["place"] is None or b["place"] is None:
        where = 0.0 if a["place"] is b["place"] else 1.0
    else:
        apart_m = metres(*(item["place"][name] for item in (a, b) for name in ("lat", "lon")))
        where = apart_m / (apart_m + _NEAR_M)
    return feeling + heard + when + where


def similar(connection: Connection, moment_id: str, seen: Filter) -> list[dict[str, Any]] | None:
    """Give the moments that are most like one, the most like first; None when there is no such moment.

    Looked for among the latest that felt or sounded the same.
    """
    this = pages.one(connection, moment_id, seen)
    if this is None:
        return None
    felt = this["correction"] or this["emotion"]
    label = (this["scene"] or {}).get("label")
    m = moments.c
    asked = (
        pages.whole()
        .where(
            *condition(seen),
            m.id != rows.key(moment_id),
            or_(m.felt.is_(None) if felt is None else m.felt == felt, scenes.c.label == label),
        )
        .order_by(m.start_ms.desc())
        .limit(_CANDIDATES)
    )
    found = [rows.to_item(row) for row in connection.execute(asked)]
    return sorted(found, key=lambda item: _apart(this, item))[:_SHOWN]
