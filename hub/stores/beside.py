"""What stands beside the moments: settings, named places, records, clips, commands, days at places.

Their tables, and how records and clips come and go with moments. An owner that is empty stands for nobody: the devices
that were given to no owner.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    and_,
    delete,
    insert,
    or_,
    select,
)

from hub.stores import rows, unfinished
from hub.stores.dialect import stretches, upsert
from hub.stores.letters import now_ms
from hub.stores.tables import METADATA, clip_moments, erased
from hub.stores.types import Number, Real
from moments import Moment

settings: Final = Table(
    "settings",
    METADATA,
    Column("owner", Text, primary_key=True),
    Column("version", Integer, nullable=False, comment="counts every change of settings or rules"),
    Column("body", Text, nullable=False, comment="the settings as JSON"),
    Column("rules", Text, comment="the owner's own table of rules as YAML; null: the one that ships"),
)

named_places: Final = Table(
    "named_places",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("lat", Real, nullable=False),
    Column("lon", Real, nullable=False),
    Column("radius_m", Real, nullable=False),
)

records: Final = Table(
    "records",
    METADATA,
    Column("n", Number, primary_key=True, comment="the order in which they were made"),
    Column("id", LargeBinary(16), nullable=False, unique=True, comment="the UUID's bytes"),
    Column("device", Text, nullable=False, index=True),
    Column("origin", Text, nullable=False, comment="upload, note or mark"),
    Column("state", Text, nullable=False, comment="waiting, reading, done or failed"),
    Column("progress", Real, nullable=False),
    Column("error", Text),
    Column("start_ms", Number, comment="Unix time in ms; null until it is known"),
    Column("offset_min", Integer),
    Column("seconds", Real),
    Column("note", Text, comment="the person's words until they stand beside the first moment"),
    Column("lat", Real),
    Column("lon", Real),
    Column("clip", Text, comment="SHA-256 of the sound"),
    Column("made_ms", Number, nullable=False),
    Column("repeat", LargeBinary(32), unique=True, comment="hash of the Idempotency-Key and whose it is"),
    sqlite_autoincrement=True,
)

recorded: Final = Table(
    "recorded",
    METADATA,
    Column("moment", LargeBinary(16), primary_key=True),
    Column("record", LargeBinary(16), nullable=False, index=True),
)
"""Which record a moment belongs to."""

clips: Final = Table(
    "clips",
    METADATA,
    Column("sha256", Text, primary_key=True),
    Column("device", Text, primary_key=True, comment="whose it is; two may send the same sound"),
    Column("record", LargeBinary(16)),
    Column("seconds", Real),
    Column("media_type", Text, nullable=False),
    Column("bytes", Number, nullable=False),
    Column("made_ms", Number, nullable=False),
)

commands: Final = Table(
    "commands",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("device", Text, nullable=False, index=True),
    Column("body", Text, nullable=False, comment="the command as JSON; unless it erases, without its args"),
    Column("sent_ms", Number, nullable=False),
    Column("reply", Text, comment="the device's reply as JSON"),
)

_unanswered = commands.c.reply.is_(None)
UNANSWERED: Final = Index(
    "commands_unanswered", commands.c.sent_ms, sqlite_where=_unanswered, postgresql_where=_unanswered
)
"""Finds commands without a reply. It is younger than its table, so a store may lack it."""

place_days: Final = Table(
    "place_days",
    METADATA,
    Column("device", Integer, primary_key=True, comment="devices.n"),
    Column("day", Integer, primary_key=True, comment="the wearer's day, counted from 1970"),
    Column("row", Integer, primary_key=True),
    Column("col", Integer, primary_key=True),
    Column("count", Number, nullable=False),
    Column("seconds", Real, nullable=False),
    Column("felt", Number, nullable=False, comment="how many have valence and arousal"),
    Column("valence", Real, nullable=False, comment="the sum"),
    Column("arousal", Real, nullable=False, comment="the sum"),
    Column("lat", Real, nullable=False, comment="the sum"),
    Column("lon", Real, nullable=False, comment="the sum"),
    sqlite_with_rowid=False,
)
"""Where each device was on each day, added up in cells of 1/1000 degree; see hub/explore/place_days.py."""

Named = tuple[str, str]
"""A clip, by SHA-256 and device."""


def wanted(connection: Connection, new: list[Moment]) -> list[Moment]:
    """Give those moments whose record was not erased."""
    named = {rows.key(moment.record) for moment in new if moment.record}
    if not named:
        return new
    gone = set(connection.execute(select(erased.c.id).where(erased.c.id.in_(list(named)))).scalars())
    return [moment for moment in new if moment.record is None or rows.key(moment.record) not in gone]


def take_up(connection: Connection, new: Sequence[Moment]) -> None:
    """Note which records new moments belong to, and make the record of a mark that a device tells of first here."""
    belongs = {rows.key(moment.id): (rows.key(moment.record), moment) for moment in new if moment.record}
    if not belongs:
        return
    pairs = [{"moment": key, "record": record} for key, (record, _) in belongs.items()]
    connection.execute(upsert(connection, recorded).on_conflict_do_nothing(), pairs)  # an import may have brought them
    marks: dict[bytes, Moment] = {}
    for record, moment in belongs.values():
        first = marks.get(record)
        if moment.origin == "mark" and (first is None or moment.start < first.start):
            marks[record] = moment
    known = set(connection.execute(select(records.c.id).where(records.c.id.in_(list(marks)))).scalars())
    made = [_mark(record, moment) for record, moment in marks.items() if record not in known]
    if made:
        connection.execute(insert(records), made)


def _mark(record: bytes, first: Moment) -> dict[str, Any]:
    offset = first.start.utcoffset()
    return {
        "id": record,
        "device": first.device,
        "origin": "mark",
        "state": "done",
        "progress": 1.0,
        "start_ms": rows.ms(first.start),
        "offset_min": offset // timedelta(minutes=1) if offset is not None else 0,
        "seconds": first.clip.seconds if first.clip else first.seconds,
        "lat": first.place.lat if first.place else None,
        "lon": first.place.lon if first.place else None,
        "clip": first.clip.sha256 if first.clip else None,
        "made_ms": now_ms(),
    }


def let_go(connection: Connection, ids: list[bytes], named: set[Named]) -> None:
    """Forget which records erased moments belonged to; a record that is left without any goes with the last.

    `named` are the clips that the erased moments name: those and the clips that were sent as theirs go where no record
    that is left has them.
    """
    touched: set[bytes] = set()
    for some in stretches(ids):
        these = recorded.c.moment.in_(some)
        touched.update(connection.execute(select(recorded.c.record).where(these)).scalars())
        connection.execute(delete(recorded).where(these))
        sent = select(clip_moments.c.sha256, clip_moments.c.device).where(clip_moments.c.moment.in_(some))
        named = named.union((row.sha256, row.device) for row in connection.execute(sent))
    left = select(recorded.c.moment).limit(1)
    end_records(
        connection,
        [key for key in touched if connection.execute(left.where(recorded.c.record == key)).first() is None],
    )
    drop_clips(connection, named)


def end_records(connection: Connection, keys: list[bytes]) -> None:
    """Erase records with their clips, and let nothing of them in any more."""
    named: set[Named] = set()
    for some in stretches(keys):
        theirs = select(records.c.clip, records.c.device).where(records.c.id.in_(some), records.c.clip.is_not(None))
        sent = select(clips.c.sha256, clips.c.device).where(clips.c.record.in_(some))
        named.update((row[0], row[1]) for asked in (theirs, sent) for row in connection.execute(asked))
        connection.execute(delete(records).where(records.c.id.in_(some)))
        refuse(connection, some)
    drop_clips(connection, named)


def refuse(connection: Connection, keys: Sequence[bytes]) -> None:
    """Let nothing of these records in any more, known here or not."""
    if keys:
        connection.execute(upsert(connection, erased).on_conflict_do_nothing(), [{"id": key} for key in keys])


def drop_clips(connection: Connection, named: set[Named]) -> None:
    """Erase those clips that no record has; their sounds are left to be erased."""
    has = or_(
        records.c.id == clips.c.record, and_(records.c.clip == clips.c.sha256, records.c.device == clips.c.device)
    )
    for sha256, device in sorted(named):
        this = and_(clips.c.sha256 == sha256, clips.c.device == device)
        if connection.execute(delete(clips).where(this, ~select(records.c.n).where(has).exists())).rowcount:
            of_it = and_(clip_moments.c.sha256 == sha256, clip_moments.c.device == device)
            connection.execute(delete(clip_moments).where(of_it))
            unfinished.leave_sounds(connection, [sha256])
