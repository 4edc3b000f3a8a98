"""The one filter that serves list, summary, stream, export and erase, read from the query of a request."""

import math
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from hub.stores.words import words
from moments import EMOTIONS, UNCLEAR
from moments.topics import valid_device

Bound: TypeAlias = date | datetime
"""A wearer's day (date), or an instant (aware datetime)."""

Pair: TypeAlias = tuple[float, float]
Box: TypeAlias = tuple[float, float, float, float]

DEFAULT_RADIUS_M: Final = 500.0
_LONGEST: Final = 200
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class BadQuery(Exception):  # noqa: N818 - it is what the query is
    """A parameter that has no meaning; `field` names it."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


@dataclass(frozen=True, slots=True)
class Filter:
    """Which moments are meant. An empty part means any."""

    emotion: tuple[str, ...] = ()
    basis: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()
    scene: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    owner: str | None = None
    begin: Bound | None = None
    end: Bound | None = None
    bbox: Box | None = None
    """west, south, east, north; west > east crosses the 180th meridian"""
    near: Pair | None = None
    """lat, lon"""
    radius_m: float = DEFAULT_RADIUS_M
    min_confidence: float | None = None
    valence: Pair | None = None
    arousal: Pair | None = None
    text: str | None = None
    has: tuple[str, ...] = ()
    tz: str | None = None
    """whose day a date is, in place of the offset stored with each moment"""
    only_device: str | None = None
    """what the token sees; not the asker's to say"""
    only_owner: str | None = None

    @property
    def narrows(self) -> bool:
        """Tell whether the asker left anything out."""
        return self != Filter(tz=self.tz, only_device=self.only_device, only_owner=self.only_owner)


def number(text: str) -> float:
    """Read a finite number."""
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a number")
    return value


def _between(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = number(text)
        if not low <= value <= high:
            raise ValueError(f"{text} is not within {low:g} to {high:g}")
        return value

    return read


def _one_of(*known: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in known:
            raise ValueError(f"{text!r} is none of {', '.join(known)}")
        return text

    return read


def _short(text: str) -> str:
    if not text or len(text) > _LONGEST:
        raise ValueError(f"must have 1 to {_LONGEST} characters")
    return text


def plain(text: str) -> str:
    """Give what names a thing. Raises ValueError for a control character: no name has one, and PostgreSQL no NUL."""
    if _CONTROL.search(text):
        raise ValueError("must have no control characters")
    return text


def _name(text: str) -> str:
    return plain(_short(text))


def _numbers(text: str, count: int, shape: str) -> list[float]:
    parts = text.split(",")
    if len(parts) != count:
        raise ValueError(f"must be {shape}")
    return [number(part) for part in parts]


def _range(text: str) -> Pair:
    low, high = _numbers(text, 2, "lo,hi")
    if low > high:
        raise ValueError("the lower end comes first")
    return low, high


def _near(text: str) -> Pair:
    lat, lon = _numbers(text, 2, "lat,lon")
    if abs(lat) > 90 or abs(lon) > 180:
        raise ValueError("lat is within -90 to 90, lon within -180 to 180")
    return lat, lon


def _bbox(text: str) -> Box:
    west, south, east, north = _numbers(text, 4, "west,south,east,north")
    if abs(west) > 180 or abs(east) > 180 or abs(south) > 90 or abs(north) > 90:
        raise ValueError("west and east are within -180 to 180, south and north within -90 to 90")
    if south > north:
        raise ValueError("south lies above north; the order is west,south,east,north")
    return west, south, east, north


def bound(text: str) -> Bound:
    """Read a date or an RFC 3339 time. Raises ValueError."""
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise ValueError(f"{text}: {error}") from None
    raise ValueError("must be a date (2026-05-22) or an RFC 3339 time with its offset, in a query with + as %2B")


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{text!r} is no time zone; write it as Area/City") from None
    return text


def _device(text: str) -> str:
    if not valid_device(text):
        raise ValueError("is no name of a device")
    return text


def _text(text: str) -> str:
    if not words(_short(text)):
        raise ValueError("has no word")
    return text


_MANY: Final[dict[str, Callable[[str], str]]] = {
    "emotion": _one_of(*EMOTIONS, UNCLEAR),
    "basis": _one_of("speech", "scene", "none"),
    "origin": _one_of("ambient", "mark", "upload", "note"),
    "scene": _name,
    "device": _device,
    "has": _one_of("note", "clip", "place"),
}
_ONE: Final[dict[str, tuple[str, Callable[[str], object]]]] = {
    "owner": ("owner", _name),
    "from": ("begin", bound),
    "to": ("end", bound),
    "bbox": ("bbox", _bbox),
    "near": ("near", _near),
    "radius_m": ("radius_m", _between(0, 20_100_000)),
    "min_confidence": ("min_confidence", _between(0, 1)),
    "valence": ("valence", _range),
    "arousal": ("arousal", _range),
    "text": ("text", _text),
    "tz": ("tz", _zone),
}
PARAMETERS: Final = (*_MANY, *_ONE)
"""The names of the filter's parameters."""


def _many(field: str, values: list[str]) -> tuple[str, ...]:
    if field == "has":
        values = [part for value in values for part in value.split(",")]
    return tuple(sorted({_MANY[field](value) for value in values}))


def parse(pairs: Iterable[tuple[str, str]], also: Collection[str] = ()) -> tuple[Filter, dict[str, str]]:
    """Read the filter from the pairs of a query; gives it and the values of the parameters named in `also`.

    Raises BadQuery for a name that is not known, a value that has no meaning, or one given twice that may not be.
    """
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    parts: dict[str, object] = {}
    rest: dict[str, str] = {}
    for name, values in given.items():
        if name not in _MANY and name not in _ONE and name not in also:
            raise BadQuery(name, f"is not known here; there are {', '.join((*PARAMETERS, *also))}")
        if name not in _MANY and len(values) > 1:
            raise BadQuery(name, "may be given once")
        try:
            if name in _MANY:
                parts[name] = _many(name, values)
            elif name in _ONE:
                field, read = _ONE[name]
                parts[field] = read(values[0])
            else:
                rest[name] = values[0]
        except ValueError as error:
            raise BadQuery(name, str(error)) from None
    if "radius_m" in parts and "near" not in parts:
        raise BadQuery("radius_m", "goes with near")
    return Filter(**parts), rest  # type: ignore[arg-type]
