"""What erasing has still to do after its commit, noted in that commit: what is cut short is ended later."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Column, Connection, Integer, Table, Text, insert, select

from hub.stores.dialect import upsert
from hub.stores.tables import METADATA, counters
from hub.stores.types import Number

TRIES: Final = 20
"""For so many tenths of a second those who read make the overwriting of files wait."""

_FIRST: Final = -(2**62)
_LAST: Final = 2**62
_LEFT: Final = "days left"

unscrubbed: Final = Table(
    "unscrubbed",
    METADATA,
    Column("n", Number, primary_key=True),
    Column("first_ms", Number, nullable=False, comment="the first start of moments among them"),
    Column("last_ms", Number, nullable=False, comment="the last; before the first when there are none"),
    Column("noted", Integer, nullable=False, comment="1: some had notes"),
    sqlite_autoincrement=True,
)
"""Transactions whose deleted rows still lie in the files."""

stale_days: Final = Table(
    "stale_days",
    METADATA,
    Column("n", Number, primary_key=True),
    Column("device", Integer, nullable=False, comment="devices.n"),
    Column("day", Integer, nullable=False, comment="the wearer's day, counted from 1970"),
    sqlite_autoincrement=True,
)
"""Days that `place_days` still counts erased moments in."""

loose_sounds: Final = Table("loose_sounds", METADATA, Column("sha256", Text, primary_key=True))
"""Sounds that may lie in their folder without a clip that names them."""

erasings: Final = Table(
    "erasings",
    METADATA,
    Column("n", Number, primary_key=True),
    Column("owner", Text, comment="whose moments are meant, where one owner's are"),
    Column("upto", Number, nullable=False, comment="the last seq that was given away; what came since is not meant"),
    Column("asked_ms", Number, nullable=False, comment="Unix time in ms"),
    Column("meant", Text, nullable=False, comment="the filter and the devices' spans as JSON; see hub/erasings.py"),
    sqlite_autoincrement=True,
)
"""What a person wanted erased and is not erased whole."""


def leave_bytes(connection: Connection, starts_ms: Sequence[int] = (), *, noted: bool = False) -> None:
    """Note that this transaction deletes rows, among them moments of these starts; `noted`: some had notes."""
    first, last = min(starts_ms, default=_LAST), max(starts_ms, default=_FIRST)
    connection.execute(insert(unscrubbed).values(first_ms=first, last_ms=last, noted=int(noted)))


def leave_days(connection: Connection, days: Iterable[tuple[int, int]]) -> None:
    """Note that days of devices, by the devices' numbers, are to be added up anew."""
    rows = [{"device": device, "day": day} for device, day in sorted(days)]
    if rows:
        connection.execute(insert(stale_days), rows)
        counted = upsert(connection, counters).values(name=_LEFT, value=1)
        grown = counted.on_conflict_do_update(index_elements=["name"], set_={"value": counters.c.value + 1})
        connection.execute(grown)


def times_left(connection: Connection) -> int:
    """Give how often days were left so. `stale_days` does not tell: its rows go once they are added up."""
    return connection.execute(select(counters.c.value).where(counters.c.name == _LEFT)).scalar() or 0


def leave_sounds(connection: Connection, hashes: Iterable[str]) -> None:
    """Note sounds that may be without a clip from now on."""
    rows = [{"sha256": sha256} for sha256 in sorted(set(hashes))]
    if rows:
        connection.execute(upsert(connection, loose_sounds).on_conflict_do_nothing(), rows)
