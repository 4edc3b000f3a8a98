"""Shapes of records, and of the form that makes one, as the API takes and shows them."""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

LONGEST_NOTE: Final = 10_000
"""Characters."""

LONGEST_KEY: Final = 200
"""Characters of an Idempotency-Key."""

_EXAMPLE: Final[dict[str, Any]] = {
    "id": "0196f3c2-8f0e-7c1a-9a52-6d0f4f1e2b33",
    "owner": "Ann",
    "device": "upload",
    "origin": "upload",
    "state": "reading",
    "progress": 0.42,
    "error": None,
    "start": "2026-05-22T09:32:10.250+09:00",
    "seconds": None,
    "note": "by the sea",
    "place": {"lat": 35.1341, "lon": 129.1032},
    "clip": {"sha256": "ab" * 32, "seconds": None, "media_type": "audio/mp4"},
    "moments": [],
    "made": "2026-05-22T00:40:00.000+00:00",
}


class Where(BaseModel):
    """A place in degrees, WGS 84."""

    lat: float
    lon: float


class SoundShown(BaseModel):
    """The sound of a record; its length is known once it was read."""

    sha256: str
    seconds: float | None
    media_type: str


class Record(BaseModel):
    """Something that a person made on purpose, how far it is read, and the moments that came of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})
    id: str
    owner: str | None
    device: str
    origin: Literal["upload", "note", "mark"]
    state: Literal["waiting", "reading", "done", "failed"]
    progress: float
    error: str | None
    start: str | None
    seconds: float | None
    note: str | None
    place: Where | None
    clip: SoundShown | None
    moments: list[str]
    made: str


class Records(BaseModel):
    """A page of records, the newest first."""

    items: list[Record]
    next: str | None


BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "audio": {
                            "type": "string",
                            "format": "binary",
                            "description": "WAV, M4A, WebM, MP3, FLAC, Ogg",
                        },
                        "note": {"type": "string", "maxLength": LONGEST_NOTE},
                        "start": {"type": "string", "format": "date-time", "description": "when it began"},
                        "lat": {"type": "string", "description": "degrees north; goes with lon"},
                        "lon": {"type": "string", "description": "degrees east; goes with lat"},
                        "device": {"type": "string", "description": "whose device it came from"},
                    },
                },
                "example": {
                    "note": "by the sea",
                    "start": "2026-05-22T09:32:10.250+09:00",
                    "lat": "35.1341",
                    "lon": "129.1032",
                },
            }
        },
    },
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "a call that is repeated with the same key gives the same record",
            "schema": {"type": "string", "maxLength": LONGEST_KEY, "examples": ["7f3c6b1e"]},
        }
    ],
}
