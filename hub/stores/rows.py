"""A moment as a row and back, without loss.

Columns hold what is searched and what repeats; `numbers` holds what is only shown, in ten-thousandths: eight shares
of the emotions (16 bit each), then the scene's confidence, the level, and accuracy, altitude and age of the place (32
bit each). What fits nowhere, an unknown field or a number with more digits, stands in `extra` as JSON.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Final

from hub.stores.cells import col_of, row_of
from hub.stores.types import BASES, CLOCKS, FELT, ORIGINS
from moments import EMOTIONS, Models, Moment, Rule

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall clock
_MS: Final = timedelta(milliseconds=1)
_MINUTE: Final = timedelta(minutes=1)

_LONGEST_KEY: Final = 1000
"""Bytes of a key with unknown fields: PostgreSQL's indexes end at 2704, and what is that long hardly repeats."""

_SCALE: Final = 10_000
_NONE: Final = -(2**31)
_FELT: Final = struct.Struct("<8H5i")
_UNFELT: Final = struct.Struct("<5i")

COLUMNS: Final = (
    "seq", "id", "start_ms", "offset_min", "seconds", "device", "clock", "origin", "basis", "emotion", "confidence",
    "valence", "arousal", "scene", "lat", "lon", "cell", "rule", "models", "clip", "record", "continues", "numbers",
    "extra",
)  # fmt: skip
"""Those that `to_row` gives, in its order."""

_CODE: Final[dict[str | None, int | None]] = {
    **{word: n for words in (CLOCKS, ORIGINS, BASES, FELT) for n, word in enumerate(words)},
    None: None,
}


def ms(at: datetime) -> int:
    """Give the Unix time in ms of an aware time, the next whole one when it has a fraction."""
    return -((EPOCH - at) // _MS)


def key(moment_id: str) -> bytes:
    """Give a moment's id as it is stored. Raises ValueError for what is no UUID."""
    found = bytes.fromhex(moment_id.replace("-", ""))
    if len(found) != 16:
        raise ValueError(f"{moment_id} is no UUID")
    return found


def _id(stored: bytes | None) -> str | None:
    if stored is None:
        return None
    digits = stored.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Terms:
    """What of a moment is kept once for all that have it: keys of `scenes`, `phrases` and `cells`."""

    scene: str | None
    cell: str | None
    rule: str | None
    models: str


def terms(moment: Moment) -> Terms:
    """Give the keys of a moment."""
    scene, place, models = moment.scene, moment.place, moment.models
    return Terms(
        _scene_key(scene.label, scene.group) if scene else None,
        f"[{row_of(place.lat)},{col_of(place.lon)}]" if place else None,
        _phrase(moment.rule) if moment.rule else None,
        _phrase(models) if models.model_extra else _models_key(models.gate, models.speech, models.scene, models.rules),
    )


def _phrase(part: Rule | Models) -> str:
    return part.model_dump_json(exclude=set(part.model_extra or ()) if _long(part) else None)


def _long(part: Rule | Models) -> bool:
    """Tell whether unknown fields make a key too long: they stand in `extra` then."""
    return bool(part.model_extra) and len(part.model_dump_json().encode()) > _LONGEST_KEY


def said(moment: Moment) -> str | None:
    """Give what was said with a mark on the device: it becomes the note, and stays nowhere else."""
    found = (moment.model_extra or {}).get("note")
    return found if isinstance(found, str) else None


_PARTS: Final = tuple(Models.model_fields)


@lru_cache(maxsize=256)
def _scene_key(label: str, group: str) -> str:
    return _compact([label, group])


@lru_cache(maxsize=256)
def _models_key(*names: str | None) -> str:
    return Models(**dict(zip(_PARTS, names, strict=True))).model_dump_json()


def _pack(values: list[float | None]) -> bytes | None:
    """Give shares (8 or none) and five more numbers as bytes; None when that would lose a digit."""
    try:
        whole = [_NONE if value is None else round(value * _SCALE) for value in values]
    except OverflowError:
        return None
    if [None if n == _NONE else n / _SCALE for n in whole] != values:
        return None
    try:
        return (_FELT if len(whole) > 5 else _UNFELT).pack(*whole)
    except struct.error:  # too large for its bits
        return None


def _unpack(packed: bytes) -> list[float | None]:
    whole = (_FELT if len(packed) == _FELT.size else _UNFELT).unpack(packed)
    return [None if n == _NONE else n / _SCALE for n in whole]


def _extra(moment: Moment, numbers: list[float | None] | None) -> bytes | None:
    left: dict[str, Any] = {"numbers": numbers} if numbers else {}
    unknown = dict(moment.model_extra or {})
    if said(moment) is not None:
        del unknown["note"]
    if unknown:
        left["moment"] = unknown
    for name in ("scene", "place", "rule", "models"):
        part = getattr(moment, name)
        if part is not None and part.model_extra and (name in {"scene", "place"} or _long(part)):
            left[name] = part.model_extra
    if moment.clip is not None:
        left["clip"] = moment.clip.model_dump(exclude={"sha256"}, mode="json")
    return _compact(left).encode() if left else None


def to_row(moment: Moment, named: Terms, seq: int, device: int, numbers: Mapping[str, int]) -> tuple[Any, ...]:
    """Give the row of a moment, in the order of `COLUMNS`; `numbers` has the number of each of its keys, `named`."""
    scene, place, offset = moment.scene, moment.place, moment.start.utcoffset()
    assert offset is not None  # noqa: S101 - the contract has no naive times
    shares: list[float | None] = [moment.emotions[label] for label in EMOTIONS] if moment.emotions else []
    shown = [
        *shares,
        scene.confidence if scene else None,
        moment.level_dbfs,
        place.accuracy_m if place else None,
        place.altitude_m if place else None,
        place.age_s if place else None,
    ]
    packed = _pack(shown)
    return (
        seq,
        key(moment.id),
        ms(moment.start),
        offset // _MINUTE,
        moment.seconds,
        device,
        _CODE[moment.clock],
        _CODE[moment.origin],
        _CODE[moment.basis],
        _CODE[moment.emotion],
        moment.confidence,
        moment.valence,
        moment.arousal,
        numbers.get(named.scene or ""),
        place.lat if place else None,
        place.lon if place else None,
        numbers.get(named.cell or ""),
        numbers.get(named.rule or ""),
        numbers[named.models],
        bytes.fromhex(moment.clip.sha256) if moment.clip else None,
        key(moment.record) if moment.record else None,
        key(moment.continues) if moment.continues else None,
        packed,
        _extra(moment, None if packed else shown),
    )


def to_item(row: Any) -> dict[str, Any]:
    """Give a moment as the API shows it: as it was published, with the person's note and correction (or null).

    `row` has the columns of `moments`, and `device_id`, `scene_key`, `rule_json`, `models_json` and `note`.
    """
    extra: dict[str, Any] = json.loads(row.extra) if row.extra else {}
    numbers = _unpack(row.numbers) if row.numbers is not None else extra["numbers"]
    *shares, sure, level, accuracy, altitude, age = numbers
    start = (_NAIVE + timedelta(milliseconds=row.start_ms, minutes=row.offset_min)).replace(
        tzinfo=timezone(timedelta(minutes=row.offset_min))
    )
    scene = place = clip = None
    if row.scene_key is not None:
        label, group = json.loads(row.scene_key)
        scene = {"label": label, "group": group, "confidence": sure} | extra.get("scene", {})
    if row.lat is not None:
        place = {"lat": row.lat, "lon": row.lon, "accuracy_m": accuracy, "altitude_m": altitude, "age_s": age}
        place |= extra.get("place", {})
    if row.clip is not None:
        clip = {"sha256": row.clip} | extra["clip"]
    return {
        "schema": 1,
        "id": _id(row.id),
        "device": row.device_id,
        "start": start.isoformat(timespec="milliseconds"),
        "seconds": row.seconds,
        "clock": row.clock,
        "origin": row.origin,
        "basis": row.basis,
        "emotion": row.emotion,
        "confidence": row.confidence,
        "emotions": dict(zip(EMOTIONS, shares, strict=True)) if shares else None,
        "valence": row.valence,
        "arousal": row.arousal,
        "scene": scene,
        "rule": json.loads(row.rule_json) | extra.get("rule", {}) if row.rule_json is not None else None,
        "level_dbfs": level,
        "place": place,
        "clip": clip,
        "record": _id(row.record),
        "continues": _id(row.continues),
        "models": json.loads(row.models_json) | extra.get("models", {}),
        **extra.get("moment", {}),
        "note": row.note,
        "correction": row.correction,
    }
