"""An owner's table of rules: whether it is right, what it says, and what it would change in the last week.

The table is the device's, read by the device's own code through `edge.pipeline`.
"""

import json
import logging
import threading
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from configs import shipped

if TYPE_CHECKING:
    from edge.pipeline import Rules

_log = logging.getLogger(__name__)

LONGEST: Final = 200_000
_LONGEST_CHAIN_S: Final = 86_400.0
_one_at_a_time: Final = threading.Lock()
"""While a long table is read it takes hundreds of times its own memory; so many callers' together would be too much."""

Item = dict[str, Any]


class WrongTable(Exception):  # noqa: N818 - reads as the sentence it is for
    """A table of rules that cannot be used; the message says where and why."""


def default() -> str:
    """Give the table that ships, as YAML."""
    return shipped("scenes.yaml").read_text(encoding="utf-8")


@lru_cache(maxsize=8)
def parse(text: str) -> "Rules":
    """Read a table. Raises WrongTable."""
    from edge.pipeline import Rules, WrongRules

    try:
        with _one_at_a_time:
            return Rules.parse(text)
    except WrongRules as error:
        raise WrongTable(str(error)) from None
    except RecursionError:
        raise WrongTable("rules: are nested too deeply") from None
    except (ValueError, OverflowError, TypeError) as error:  # a date or number in YAML that is none
        raise WrongTable(f"rules: are not YAML: {error}") from None


def own(text: str | None) -> "Rules | None":
    """Give an owner's table; None where none is set, or one that an older version took and this one refuses."""
    try:
        return None if text is None else parse(text)
    except WrongTable as error:
        _log.warning("an owner's rules cannot be used, those that ship hold", extra={"reason": str(error)})
        return None


def in_force(text: str | None) -> "Rules":
    """Give the table that an owner's devices go by: the own one, or the one that ships."""
    found = own(text)
    return parse(default()) if found is None else found


def document(table: "Rules") -> dict[str, Any]:
    """Give a table as it is published."""
    found: dict[str, Any] = json.loads(table.to_json())
    return found


def compared(before: "Rules", after: "Rules", items: Iterable[Item]) -> dict[str, Any]:
    """Say what another table would have made of moments of scenes, oldest first, as the API shows them.

    Of a moment only its likeliest scene is kept, so both tables are asked about that scene alone, at the moment's
    hour, at its loudness against the device's median over these moments, and for as long as its chain had gone on.
    """
    scenes = [item for item in items if item["basis"] == "scene" and item["scene"]]
    levels: dict[str, list[float]] = {}
    for item in scenes:
        if item["level_dbfs"] is not None:
            levels.setdefault(item["device"], []).append(item["level_dbfs"])
    usual = {device: median(values) for device, values in levels.items()}
    lasted: dict[str, float] = {}
    changes: Counter[tuple[str, str, str]] = Counter()
    moments = 0
    for item in scenes:
        so_far = min(_LONGEST_CHAIN_S, lasted.pop(item["continues"] or "", 0.0) + item["seconds"])
        lasted[item["id"]] = so_far
        told = (
            _told(before, item, usual.get(item["device"]), so_far),
            _told(after, item, usual.get(item["device"]), so_far),
        )
        moments += 1
        if told[0] != told[1]:
            changes[item["scene"]["label"], *told] += 1
    return {
        "moments": moments,
        "changed": changes.total(),
        "changes": [
            {"scene": scene, "from": was, "to": would, "count": count}
            for (scene, was, would), count in changes.most_common()
        ],
    }


def _told(rules: "Rules", item: Item, usual_dbfs: float | None, seconds: float) -> str:
    from edge.pipeline import SceneReading

    scene = item["scene"]
    reading = SceneReading({scene["label"]: 1.0}, scene["label"], scene["group"], scene["confidence"])
    hour = int(item["start"][11:13]) + int(item["start"][14:16]) / 60
    try:
        ruling = rules.apply(reading, item["level_dbfs"], hour, median_dbfs=usual_dbfs, seconds=seconds)
    except KeyError:  # a scene that an older or newer device knew
        return "unclear"
    return ruling.emotion
