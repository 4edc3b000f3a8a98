"""When a recording was made, where it says so itself."""

import re
import struct
from datetime import datetime
from typing import BinaryIO, Final

_MAX_CHUNKS: Final = 64
_BEXT_DATE: Final = 256 + 32 + 32
"""Offset of OriginationDate in a `bext` chunk, EBU Tech 3285."""
_DATE_TIME: Final = re.compile(r"(\d{4})[-:/.](\d\d)[-:/.](\d\d)[T ](\d\d)[:.-](\d\d)[:.-](\d\d)(Z|[+-]\d\d:?\d\d)?")


def of_tag(text: str) -> datetime | None:
    """Read a date with a time of day (`2026-05-22T09:32:10`, with or without offset); None for anything less.

    A time without an offset is local time.
    """
    found = _DATE_TIME.search(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, offset = found.groups()
    try:
        when = datetime.fromisoformat(f"{year}-{month}-{day}T{hour}:{minute}:{second}{offset or ''}")
        return when if when.tzinfo else when.astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def of_wave(file: BinaryIO) -> datetime | None:
    """Read the date of origin from the `bext` chunk of a Broadcast Wave file; None where there is none."""
    head = file.read(12)
    if head[:4] not in {b"RIFF", b"RF64"} or head[8:12] != b"WAVE":
        return None
    for _ in range(_MAX_CHUNKS):
        chunk = file.read(8)
        if len(chunk) < 8 or chunk[:4] == b"data":
            return None
        size: int = struct.unpack("<I", chunk[4:])[0]
        if chunk[:4] == b"bext":
            text = file.read(min(size, _BEXT_DATE + 18))[_BEXT_DATE:].decode("ascii", "replace")
            return of_tag(f"{text[:10]}T{text[10:18]}")
        file.seek(size + size % 2, 1)
    return None
