"""What the OpenAPI document says of parameters, with an example of each, and of errors."""

from typing import Annotated, Any, Final

from fastapi import FastAPI, Path, Query
from pydantic import AfterValidator

from hub.query.filter import PARAMETERS, plain
from moments import EMOTIONS, UNCLEAR

MOMENT: Final = "0196f3c2-8f0e-7c1a-9a52-6d0f4f1e2b33"
RECORD: Final = "0196f3c2-9a10-7b55-8d1c-20f7c1a9e004"
COMMAND: Final = "0196f3c3-1c44-7e02-b6b0-5b0c9d7e1f21"
SOUND: Final = "a40ff3d5900fb7698b8c865041347cb49eccedc8f93945f89629ad104aaecce4"

MomentId = Annotated[str, Path(description="a moment's id", examples=[MOMENT])]
RecordId = Annotated[str, Path(description="a record's id", examples=[RECORD])]
DeviceName = Annotated[str, Path(description="a device's id", examples=["pocket-1"])]
CommandId = Annotated[str, Path(description="a command's id", examples=[COMMAND])]
TokenNumber = Annotated[int, Path(ge=1, lt=2**63, description="as the list of tokens shows it", examples=[1])]
Owner = Annotated[
    Annotated[str, AfterValidator(plain)] | None,
    Query(
        min_length=1,
        max_length=100,
        description="whose; without it those of nobody, or the token's owner's",
        examples=["Ann"],
    ),
]

ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {
        "description": (
            "what is wrong with the call: its token may not do it (401, 403), there is no such thing (404), "
            "a value has no meaning (422; `field` names it), it comes too soon (429)"
        )
    },
    "5XX": {"description": "the hub failed (500), cannot do it for the moment (503), or has no room for it (507)"},
}
"""What every call may answer."""

_AS_PROBLEM: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_PROBLEM: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "An error, as RFC 9457 has it.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string", "description": "the status in words"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "a sentence for people"},
        "field": {"type": "string", "description": "the value that has no meaning, where it is one"},
    },
    "required": ["type", "title", "status", "detail"],
    "examples": [
        {"type": "about:blank", "title": "Not Found", "status": 404, "detail": f"There is no moment {MOMENT}."}
    ],
}

_KINDS: Final = "hour, day, week, month, hour_of_day, weekday, emotion, scene, device, place"
_WHEN: Final = {
    "anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}],
    "examples": ["2026-05-22", "2026-05-22T09:30:00+09:00"],
}


def _text(*examples: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "examples": list(examples)} | more


def _one_of(*words: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(words), "examples": [words[0]]}


def _number(example: float, low: float, high: float) -> dict[str, Any]:
    return {"type": "number", "minimum": low, "maximum": high, "examples": [example]}


_SHAPES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "emotion": ("any of these; the person's correction counts before the reading", _one_of(*EMOTIONS, UNCLEAR)),
    "basis": ("what it was read from", _one_of("speech", "scene", "none")),
    "origin": ("how it came about", _one_of("ambient", "mark", "upload", "note")),
    "scene": ("any of these", _text("cafe", "rain", maxLength=200)),
    "device": ("any of these", _text("pocket-1", pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")),
    "owner": ("whose", _text("Ann", maxLength=200)),
    "from": ("inclusive: a wearer's day (2026-05-22) or an RFC 3339 time", _WHEN),
    "to": ("exclusive: a wearer's day or an RFC 3339 time", _WHEN),
    "bbox": ("west,south,east,north", _text("129.0,35.0,129.3,35.3", "179,-20,-179,-10")),
    "near": ("lat,lon", _text("35.1341,129.1032", "0,180")),
    "radius_m": ("with near; 500 by default", _number(300, 0, 20_100_000)),
    "min_confidence": ("of the strongest label", _number(0.6, 0, 1)),
    "valence": ("lo,hi", _text("-1,-0.2", "0,1")),
    "arousal": ("lo,hi", _text("0.2,1", "-1,0")),
    "text": ("words that begin words of the note or the scene", _text("by the sea", "caf", maxLength=200)),
    "has": ("note, clip, place", _one_of("note", "clip", "place")),
    "tz": ("Area/City: whose day a date is, in place of the wearer's", _text("Asia/Seoul", "America/St_Johns")),
    "order": ("newest (by default) or oldest", _one_of("newest", "oldest")),
    "limit": ("100 by default", {"type": "integer", "minimum": 1, "maximum": 1000, "examples": [20]}),
    "cursor": ("`next` of the page before", _text("WzE3NDc4NzM5MzAyNTAsIDFd")),
    "lang": ("en (by default) or ko: the language of `describes`", _one_of("en", "ko")),
    "by": (f"one or two of {_KINDS}", _text("day", "hour_of_day,emotion", "week,place", "scene,device")),
    "date": ("the day, today by default", {"type": "string", "format": "date", "examples": ["2026-05-22"]}),
    "span": ("week (by default) or month", _one_of("week", "month")),
    "format": ("csv, ndjson (by default), geojson or parquet", _one_of("ndjson", "csv", "geojson", "parquet")),
}
_REPEATED: Final = ("emotion", "basis", "origin", "scene", "device", "has")


def documented(*also: str) -> dict[str, Any]:
    """Give the OpenAPI text of the filter's parameters and those named."""
    return {"parameters": [_parameter(name) for name in (*PARAMETERS, *also)]}


def _parameter(name: str) -> dict[str, Any]:
    says, shape = _SHAPES[name]
    if name in _REPEATED:
        examples = shape["examples"]
        one = {part: value for part, value in shape.items() if part != "examples"}
        shape = {"type": "array", "items": one, "examples": [[example] for example in examples]}
    return {"name": name, "in": "query", "description": says, "schema": shape}


class DocumentedApp(FastAPI):
    """An app whose document says of every error that it is a problem document."""

    def openapi(self) -> dict[str, Any]:
        """Give the document."""
        document = super().openapi()
        document["components"]["schemas"]["Problem"] = _PROBLEM
        for path in document["paths"].values():
            for method, call in path.items():
                for status, said in call["responses"].items():
                    if status[0] in "45" and method != "head":  # an answer to HEAD has no body
                        said.setdefault("content", _AS_PROBLEM)
        return document
