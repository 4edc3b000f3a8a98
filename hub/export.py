"""Moments in open formats, as a stream: CSV for a spreadsheet, NDJSON without loss, GeoJSON, Parquet."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from importlib.util import find_spec
from itertools import islice
from typing import IO, Any, AnyStr, Final

from moments import EMOTIONS
from moments.errors import UserError

_TOGETHER: Final = 200
_ROW_GROUP: Final = 20_000
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_UTF_8: Final = "\ufeff"
"""Begins a table: without it Excel reads the code page of the machine's language."""

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


def _stretches(items: Iterable[Item], most: int = _TOGETHER) -> Iterator[list[Item]]:
    rest = iter(items)
    while stretch := list(islice(rest, most)):
        yield stretch


def _taken(out: IO[AnyStr]) -> AnyStr:
    """Give what was written since the last time."""
    out.seek(0)
    written = out.read()
    out.seek(0)
    out.truncate()
    return written


def _csv(items: Iterable[Item]) -> Iterator[bytes]:
    out = io.StringIO()
    out.write(_UTF_8)
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for stretch in _stretches(items):
        writer.writerows([_cell(column(item)) for column in _COLUMNS.values()] for item in stretch)
        yield _taken(out).encode()
    yield _taken(out).encode()


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


def _parquet(items: Iterable[Item]) -> Iterator[bytes]:
    """The columns of CSV with their types, the shares of the emotions, and the whole moment as JSON."""
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import parquet

    numbers = {"seconds", "confidence", "valence", "arousal", "level_dbfs", "lat", "lon", "accuracy_m"}
    schema = pa.schema(
        [(name, pa.float64() if name in numbers else pa.string()) for name in _COLUMNS]
        + [("at", pa.timestamp("ms", tz="UTC"))]
        + [(f"share_{label}", pa.float64()) for label in EMOTIONS]
        + [("moment", pa.string())]
    )
    out = io.BytesIO()
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        for group in _stretches(items, _ROW_GROUP):
            columns: dict[str, list[Any]] = {name: [of(item) for item in group] for name, of in _COLUMNS.items()}
            columns["at"] = [datetime.fromisoformat(item["start"]) for item in group]
            for label in EMOTIONS:
                columns[f"share_{label}"] = [(item["emotions"] or {}).get(label) for item in group]
            columns["moment"] = [_json(item) for item in group]
            writer.write_table(pa.table(columns, schema))
            yield _taken(out)
    yield _taken(out)


FORMATS: Final[dict[str, tuple[str, Callable[[Iterable[Item]], Iterator[bytes]]]]] = {
    "csv": ("text/csv", _csv),
    "ndjson": ("application/x-ndjson", _ndjson),
    "geojson": ("application/geo+json", _geojson),
    "parquet": ("application/vnd.apache.parquet", _parquet),
}
"""Name to media type and writer."""


def writer(name: str) -> Callable[[Iterable[Item]], Iterator[bytes]]:
    """Give the writer of a format. Raises UserError when what it needs is not installed."""
    if name == "parquet" and find_spec("pyarrow") is None:
        raise UserError("the format parquet needs pyarrow: pip install 'moodscape[parquet]'")
    return FORMATS[name][1]
