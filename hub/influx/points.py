"""A moment as a point in line protocol.

Device, basis, emotion (the one that counts), scene and the wearer's offset from UTC are tags; ids, coordinates and
numbers are fields. The time is the start in ms, and within that millisecond a slot of nanoseconds that comes from the
id: sending a moment again overwrites it. Where two moments of one device share millisecond and slot, the one that
arrived later takes the next.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, and_, or_, select

from hub.stores.tables import devices, moments, scenes

MEASUREMENT: Final = "moment"
SLOTS: Final = 999_000
TWINS: Final = 8
"""So many slots after its own may be a moment's."""

_m: Final = moments.c
_TAG: Final = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\n": " ", "\r": " ", "\\": "/"})
_TEXT: Final = str.maketrans({'"': r"\"", "\\": r"\\", "\n": r"\n"})
_STEP: Final = 200  # pairs in one OR

WANTED: Final = select(
    _m.seq,
    _m.id,
    _m.start_ms,
    _m.offset_min,
    _m.seconds,
    _m.device,
    devices.c.id.label("device_id"),
    _m.basis,
    _m.origin,
    _m.felt,
    scenes.c.label,
    _m.confidence,
    _m.valence,
    _m.arousal,
    _m.lat,
    _m.lon,
).select_from(moments.join(devices, devices.c.n == _m.device).outerjoin(scenes, scenes.c.n == _m.scene))
"""Asks for what a point has."""


def slot(id_: bytes) -> int:
    """Give the slot of a moment in its millisecond, in ns."""
    return int.from_bytes(id_[8:], "big") % SLOTS


def offset_tag(minutes: int) -> str:
    """Write an offset from UTC as the tag says it."""
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def offset_of(tag: str) -> int:
    """Read it, in minutes."""
    hours, minutes = tag[1:].split(":")
    return (int(hours) * 60 + int(minutes)) * (-1 if tag[0] == "-" else 1)


def at_same_time(pairs: Iterable[tuple[int, int]]) -> Any:
    """Give the condition of moments of these (device, start in ms)."""
    return or_(*(and_(_m.start_ms == start, _m.device == device) for device, start in pairs))


def lines(connection: Connection, rows: Sequence[Any]) -> list[str]:
    """Give the points of rows that `WANTED` asked for."""
    places = _places(connection, {(row.device, row.start_ms) for row in rows})
    return [_line(row, places[bytes(row.id)]) for row in rows]


def _places(connection: Connection, wanted: set[tuple[int, int]]) -> dict[bytes, int]:
    """Give the time in ns of each moment of these devices and starts; those of one slot in the order of arrival."""
    taken: set[tuple[int, int]] = set()
    found: dict[bytes, int] = {}
    pairs = sorted(wanted)
    for at in range(0, len(pairs), _STEP):
        asked = select(_m.id, _m.start_ms, _m.device).where(at_same_time(pairs[at : at + _STEP])).order_by(_m.seq)
        for row in connection.execute(asked):
            at_ns = row.start_ms * 1_000_000 + slot(bytes(row.id))
            while (row.device, at_ns) in taken:
                at_ns += 1
            taken.add((row.device, at_ns))
            found[bytes(row.id)] = at_ns
    return found


def _line(row: Any, at_ns: int) -> str:
    tags = {
        "device": row.device_id,
        "basis": row.basis,
        "emotion": row.felt,
        "scene": row.label,
        "offset": offset_tag(row.offset_min),
    }
    tagged = "".join(f",{name}={str(value).translate(_TAG)}" for name, value in tags.items() if value)
    numbers = {name: getattr(row, name) for name in ("seconds", "confidence", "valence", "arousal", "lat", "lon")}
    fields = [f"{name}={value!r}" for name, value in numbers.items() if value is not None]
    texts = {"id": bytes(row.id).hex(), "origin": row.origin}
    fields += [f'{name}="{value.translate(_TEXT)}"' for name, value in texts.items()]
    return f"{MEASUREMENT}{tagged} {','.join(fields)} {at_ns}"
