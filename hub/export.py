"""Moments in open formats, as a stream: CSV for a spreadsheet, NDJSON without loss, GeoJSON for a map."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final

_TOGETHER: Final = 200
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

Item = dict[str, Any]

_COLUMNS: Final[dict[str, Callable[[Item], Any]]] = {
    **{
        name: lambda item, name=name: item.get(name)  # type: ignore[misc]
        for name in (
            "id",
            "device",
            "start",
            "seconds",
            "clock",
            "origin",
            "basis",
            "emotion",
            "correction",
            "confidence",
            "valence",
            "arousal",
            "level_dbfs",
            "note",
            "record",
            "continues",
        )
    },
    "scene": lambda item: (item["scene"] or {}).get("label"),
    "group": lambda item: (item["scene"] or {}).get("group"),
    "because": lambda item: (item["rule"] or {}).get("because"),
    "lat": lambda item: (item["place"] or {}).get("lat"),
    "lon": lambda item: (item["place"] or {}).get("lon"),
    "accuracy_m": lambda item: (item["place"] or {}).get("accuracy_m"),
}


def _cell(value: Any) -> Any:
    """Keep a spreadsheet from taking a person's words for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _stretches(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while stretch := list(islice(rest, _TOGETHER)):
        yield stretch


def _csv(items: Iterable[Item]) -> Iterator[bytes]:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for stretch in _stretches(items):
        writer.writerows([_cell(column(item)) for column in _COLUMNS.values()] for item in stretch)
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()
    yield out.getvalue().encode()


def _ndjson(items: Iterable[Item]) -> Iterator[bytes]:
    for stretch in _stretches(items):
        yield "".join(f"{_json(item)}\n" for item in stretch).encode()


def _geojson(items: Iterable[Item]) -> Iterator[bytes]:
    yield b'{"type":"FeatureCollection","features":['
    between = ""
    for stretch in _stretches(items):
        yield (between + ",\n".join(_json(_feature(item)) for item in stretch)).encode()
        between = ",\n"
    yield b"]}\n"


def _feature(item: Item) -> Item:
    place = item["place"]
    point = {"type": "Point", "coordinates": [place["lon"], place["lat"]]} if place else None
    return {"type": "Feature", "id": item["id"], "geometry": point, "properties": item}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


FORMATS: Final[dict[str, tuple[str, Callable[[Iterable[Item]], Iterator[bytes]]]]] = {
    "csv": ("text/csv", _csv),
    "ndjson": ("application/x-ndjson", _ndjson),
    "geojson": ("application/geo+json", _geojson),
}
"""Name to media type and writer."""
