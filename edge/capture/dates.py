"""When a recording was made, by what it says itself or by its file, and the time of day within it."""

import re
import struct
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import BinaryIO, Final

from moments.errors import WorkError

YEARS: Final = range(1900, 2200)
"""What says to be of another year was never dated; and so there is room to count from any date."""
_MAX_CHUNKS: Final = 64
_BEXT_DATE: Final = 256 + 32 + 32
"""Offset of OriginationDate in a `bext` chunk, EBU Tech 3285."""
_DATE_TIME: Final = re.compile(
    r"(\d{4})[-:/.](\d\d)[-:/.](\d\d)[Tt ](\d\d)[:.-](\d\d)[:.-](\d\d)(?:[.,](\d+))?"
    r"(?: ?([Zz]|[+-]\d\d(?::?\d\d)?)(?![\d:]))?"
)


class NoDate(WorkError):  # noqa: N818 - named for what there is
    """When a recording began, or ends, cannot be told; the message names the recording and the remedy."""


def _in_minutes(when: datetime) -> timedelta:
    """Give the offset of a time in whole minutes: RFC 3339 knows no other, though zones had seconds once."""
    return timedelta(minutes=round((when.utcoffset() or timedelta()) / timedelta(minutes=1)))


class _Local(tzinfo):
    """The machine's zone, with the offset that it has at each time: another after a change of the clocks."""

    def utcoffset(self, when: datetime | None) -> timedelta | None:
        return None if when is None else _in_minutes(when.replace(tzinfo=None).astimezone())

    def dst(self, _when: datetime | None) -> None:
        return None

    def tzname(self, _when: datetime | None) -> None:
        return None

    def fromutc(self, when: datetime) -> datetime:
        offset = _in_minutes(when.replace(tzinfo=UTC).astimezone())
        first = when + offset
        return first if first.utcoffset() == offset else first.replace(fold=1)  # an hour that comes twice


_LOCAL: Final = _Local()


def placed(when: datetime) -> datetime | None:
    """Give a time without an offset the machine's zone; None for one that is no time of a recording (see YEARS).

    Its offset has whole minutes: where the zone's had seconds too, the time of day differs, not the instant.
    """
    if when.year not in YEARS:
        return None
    try:
        if when.tzinfo is None:
            return when.astimezone(_LOCAL)
        offset = _in_minutes(when)
        return when if when.utcoffset() == offset else when.astimezone(timezone(offset))
    except ValueError:  # the offset is as good as a day
        return None
    except (OverflowError, OSError):  # local times end in 2038 where the system counts seconds in 32 bits
        return None


def after(begins: datetime, seconds: float) -> datetime:
    """Give the time so many seconds after a recording began: with its own offset, or as the machine's zone goes on.

    Raises OverflowError or ValueError where there is no such date.
    """
    return (begins.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(begins.tzinfo)


def hour(when: datetime) -> float:
    """Give the hour of the day, [0, 24)."""
    return when.hour + when.minute / 60


def of_change(path: Path, seconds: float) -> datetime:
    """Say when a recording of so many seconds began if it ended with its file's last change, in the machine's zone.

    Raises NoDate where that is none.
    """
    try:
        begins = placed(after(datetime.fromtimestamp(path.stat().st_mtime, UTC), -seconds).astimezone(_LOCAL))
    except (OverflowError, ValueError, OSError):
        begins = None
    if begins is None:
        raise NoDate(f"{path}: its last change less its length is no date; give it a date of its own")
    return begins


def of_tag(text: str) -> datetime | None:
    """Read a date with a time of day (`2026-05-22T09:32:10.250+09:00`, with or without fraction and offset).

    A time without an offset is local time. None for anything less.
    """
    found = _DATE_TIME.search(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    told = f"{year}-{month}-{day}T{hour}:{minute}:{second}.{fraction or '0'}{(offset or '').upper()}"
    try:
        return placed(datetime.fromisoformat(told))
    except ValueError:
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
