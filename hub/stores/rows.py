"""A moment as a row and back.

Columns hold what is searched; `body` holds the whole moment, but for its id, as its JSON. It is deflated with a
dictionary of the words that every moment has, so that unknown fields survive and a row stays small.
"""

import json
import re
import uuid
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from moments import Moment

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_WBITS: Final = -11  # a window of 2 kB holds the dictionary, and a compressor costs microseconds to set up

_HEAD: Final = len('{"schema":1,"id":"') + 36  # the id has a column: what is random does not deflate

# Part of the file format: it may never change. The most common words stand last, where they are cheapest.
_DICTIONARY: Final = (
    b'"origin":"upload","origin":"note","origin":"mark","clock":"free","clock":"gps","emotion":"unclear",'
    b'"emotion":"disgust","emotion":"surprise","emotion":"fear","emotion":"anger","emotion":"sadness",'
    b'"emotion":"happiness","emotion":"calm","emotion":"neutral","group":"nature","group":"people","group":"home",'
    b'"group":"city","group":"animals","group":"music","clip":{"sha256":"","seconds":,"media_type":"audio/'
    b'"rule":{"id":"","because":""},"rule":null,"scene":null,"place":null,"clip":null,"record":null,"continues":null,'
    b'"basis":"speech","basis":"scene","+00:00","+01:00","+02:00","+09:00",'
    b'{"schema":1,"id":"019","device":"pocket-1","start":"202-0T:.000+09:00","seconds":5.0,"clock":"synced",'
    b'"origin":"ambient","basis":"scene","emotion":"calm","confidence":0.,"emotions":{"neutral":0.0,"calm":0.0,'
    b'"happiness":0.0,"sadness":0.0,"anger":0.0,"fear":0.0,"disgust":0.0,"surprise":0.0},"valence":0.,"arousal":-0.,'
    b'"scene":{"label":"","group":"","confidence":0.},"rule":{"id":"","because":""},"level_dbfs":-,'
    b'"place":{"lat":,"lon":,"accuracy_m":,"altitude_m":,"age_s":0.},"clip":null,"record":null,'
    b'"continues":"019","models":{"gate":"gate-1@","speech":"speech-1@","scene":"scene-1@","rules":"1"}}'
)


def pack(body: bytes) -> bytes:
    """Deflate a moment's JSON, all after its id."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, _WBITS, 5, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
    return deflate.compress(body[_HEAD:]) + deflate.flush()


def unpack(packed: bytes, id_: bytes) -> bytes:
    """Undo `pack`."""
    return b'{"schema":1,"id":"%s' % str(uuid.UUID(bytes=id_)).encode() + zlib.decompressobj(
        _WBITS, _DICTIONARY
    ).decompress(packed)


def ms(at: datetime) -> int:
    """Give the Unix time in ms of an aware time, the next whole one when it has a fraction."""
    return -((EPOCH - at) // _MS)


def key(moment_id: str) -> bytes:
    """Give a moment's id as it is stored. Raises ValueError for what is no UUID."""
    found = bytes.fromhex(moment_id.replace("-", ""))
    if len(found) != 16:
        raise ValueError(f"{moment_id} is no UUID")
    return found


def to_row(moment: Moment) -> dict[str, Any]:
    """Give the columns of a moment, all but `seq`."""
    offset = moment.start.utcoffset()
    assert offset is not None  # noqa: S101 - the contract has no naive times
    return {
        "id": key(moment.id),
        "start_ms": ms(moment.start),
        "offset_min": offset // timedelta(minutes=1),
        "seconds": moment.seconds,
        "device": moment.device,
        "origin": moment.origin,
        "basis": moment.basis,
        "emotion": moment.emotion,
        "correction": None,
        "confidence": moment.confidence,
        "valence": moment.valence,
        "arousal": moment.arousal,
        "scene": moment.scene.label if moment.scene else None,
        "lat": moment.place.lat if moment.place else None,
        "lon": moment.place.lon if moment.place else None,
        "clip": moment.clip.sha256 if moment.clip else None,
        "body": pack(moment.to_json()),
    }


def to_item(id_: bytes, body: bytes, note: str | None, correction: str | None) -> dict[str, Any]:
    """Give a moment as the API shows it: as it was published, with the person's note and correction (or null)."""
    item: dict[str, Any] = json.loads(unpack(body, id_))
    item["note"] = note
    item["correction"] = correction
    return item


def words(text: str) -> list[str]:
    """Give the words of a text as search knows them: runs of letters and digits, in lower case."""
    return re.findall(r"[^\W_]+", text.lower())
