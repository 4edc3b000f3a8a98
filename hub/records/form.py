"""The multipart body of an upload, read as it arrives: words into memory, sound onto the disk and never whole."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any, BinaryIO, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from hub.query.filter import BadQuery
from hub.records.sounds import Sounds

FIELDS: Final = ("note", "start", "lat", "lon", "device")
_LONGEST_FIELD: Final = 65_536
_LONGEST_HEADERS: Final = 8192


class Form:
    """What came: `fields` by name, and the sound as `audio` of the sounds that arrive (None without any).

    `sha256` and `media_type` are the sound's; `media_type` is as the sender names it.
    """

    def __init__(self, sounds: Sounds, name: str) -> None:
        self.fields: dict[str, str] = {}
        self.audio: str | None = None
        self.sha256 = ""
        self.media_type = ""
        self._sounds, self._name = sounds, name
        self._file: BinaryIO | None = None
        self._hashed = hashlib.sha256()
        self._seen: set[str] = set()
        self._header, self._value = b"", b""
        self._headers: dict[str, str] = {}
        self._field: str | None = None
        self._bytes = bytearray()
        self._ended = False

    async def read(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        """Read the body. Raises BadQuery, and OSError when the disk cannot take it."""
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or b"boundary" not in options:
            raise BadQuery("body", "must be multipart/form-data")
        try:
            parser = MultipartParser(options[b"boundary"], self._callbacks())
            async for chunk in body:
                await asyncio.to_thread(parser.write, chunk)
            parser.finalize()
        except (FormParserError, UnicodeDecodeError, ValueError) as error:
            raise BadQuery("body", f"is no multipart form: {error}") from None
        finally:
            if self._file is not None:
                self._file.close()
        if not self._ended:
            raise BadQuery("body", "breaks off before its end")
        self.sha256 = self._hashed.hexdigest()

    def _callbacks(self) -> Any:
        return {
            "on_part_begin": self._part_begin,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_end": self._end,
        }

    def _end(self) -> None:
        self._ended = True

    def _part_begin(self) -> None:
        self._headers, self._field = {}, None
        self._bytes.clear()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._bound()

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._bound()

    def _bound(self) -> None:
        if len(self._header) + len(self._value) > _LONGEST_HEADERS or len(self._headers) > 20:
            raise BadQuery("body", "has a part with too long headers")

    def _header_end(self) -> None:
        self._headers[self._header.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._header = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", ""))
        name = options.get(b"name", b"").decode()
        if name not in {"audio", *FIELDS}:
            raise BadQuery(name[:64] or "body", f"is not known here; there are audio, {', '.join(FIELDS)}")
        if name in self._seen:
            raise BadQuery(name, "may be given once")
        self._seen.add(name)
        self._field = name
        if name == "audio":
            self.media_type = self._headers.get("content-type", "")
            self._file = self._sounds.open(self._name, afresh=True)

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        if self._field == "audio" and self._file is not None:
            self.audio = self._name
            self._hashed.update(piece)
            self._file.write(piece)
            return
        self._bytes += piece
        if len(self._bytes) > _LONGEST_FIELD:
            raise BadQuery(str(self._field), f"has more than {_LONGEST_FIELD} bytes")

    def _part_end(self) -> None:
        if self._field == "audio" and self._file is not None:
            self._file.close()
        elif self._field is not None:
            try:
                self.fields[self._field] = self._bytes.decode()
            except UnicodeDecodeError:
                raise BadQuery(self._field, "is not UTF-8") from None
