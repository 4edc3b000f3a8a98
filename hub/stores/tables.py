"""The tables of moments and of what belongs to them.

What repeats from moment to moment is kept once and counted (`uses`): devices, scenes, phrases, cells of the earth's
surface. A row of those that nothing uses any more is gone, so that erasing leaves nothing of it.
"""

from typing import Final

from sqlalchemy import Column, Computed, Index, Integer, LargeBinary, MetaData, SmallInteger, Table, Text

from hub.stores.types import BASES, CLOCKS, FELT, ORIGINS, Coded, Hex, Number, Real

METADATA: Final = MetaData()

moments: Final = Table(
    "moments",
    METADATA,
    Column("seq", Number, primary_key=True, autoincrement=False, comment="order of arrival, never used twice"),
    Column("id", LargeBinary(16), nullable=False, comment="the UUID's bytes"),
    Column("start_ms", Number, nullable=False, comment="Unix time in ms"),
    Column("offset_min", SmallInteger, nullable=False, comment="the wearer's offset from UTC in minutes"),
    Column("seconds", Real, nullable=False),
    Column("device", Integer, nullable=False, comment="devices.n"),
    Column("clock", Coded(CLOCKS), nullable=False),
    Column("origin", Coded(ORIGINS), nullable=False),
    Column("basis", Coded(BASES), nullable=False),
    Column("emotion", Coded(FELT), comment="the model's reading"),
    Column("correction", Coded(FELT), comment="what the person said instead"),
    Column("confidence", Real),
    Column("valence", Real),
    Column("arousal", Real),
    Column("scene", Integer, comment="scenes.n"),
    Column("lat", Real),
    Column("lon", Real),
    Column("cell", Integer, comment="cells.n"),
    Column("rule", Integer, comment="phrases.n: the rule as JSON"),
    Column("models", Integer, nullable=False, comment="phrases.n: the models as JSON"),
    Column("clip", Hex, comment="SHA-256 of the sound"),
    Column("record", LargeBinary(16)),
    Column("continues", LargeBinary(16)),
    Column("numbers", LargeBinary, comment="shares of the emotions and what else is only shown; see rows.py"),
    Column("extra", LargeBinary, comment="what no column holds, as JSON"),
    Column("felt", Coded(FELT), Computed("coalesce(correction, emotion)", persisted=True)),
)

# Each holds all that counting by it needs: what a token sees, and the wearer's day.
_when = (moments.c.start_ms, moments.c.device, moments.c.offset_min)
Index("moments_id", moments.c.id, unique=True)
Index("moments_start", *_when)
Index("moments_felt", moments.c.felt, *_when, moments.c.lat, moments.c.lon)
Index("moments_scene", moments.c.scene, *_when)
Index("moments_cell", moments.c.cell, *_when, moments.c.felt, moments.c.lat, moments.c.lon)
_kept = moments.c.clip.is_not(None)
Index("moments_clip", moments.c.clip, sqlite_where=_kept, postgresql_where=_kept)

erased: Final = Table(
    "erased", METADATA, Column("id", LargeBinary(16), primary_key=True), comment="ids that do not come back"
)

leaving: Final = Table(
    "leaving",
    METADATA,
    Column("n", Number, primary_key=True),
    Column("id", LargeBinary(16), nullable=False),
    Column("start_ms", Number, nullable=False),
    Column("device", Integer, nullable=False),
    sqlite_autoincrement=True,
    comment="erased here, and still to be erased from InfluxDB",
)

counters: Final = Table(
    "counters",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Number, nullable=False),
    comment="numbers by name, each of the module that keeps it, as `arrived`: the last seq that was given away",
)

devices: Final = Table(
    "devices",
    METADATA,
    Column("n", Number, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text),
    Column("owner", Text),
    Column("status", Text, comment="the device's last word on `status`, JSON"),
    Column("health", Text, comment="the device's last word on `health`, JSON"),
    Column("seen_ms", Number, nullable=False, comment="when the hub last heard of it"),
    sqlite_autoincrement=True,
)

scenes: Final = Table(
    "scenes",
    METADATA,
    Column("n", Number, primary_key=True),
    Column("key", Text, nullable=False, unique=True, comment="label and group as a JSON array"),
    Column("label", Text, nullable=False, index=True),
    Column("words", Text, nullable=False, comment="words of label and group, each after a blank, in lower case"),
    Column("uses", Number, nullable=False),
    sqlite_autoincrement=True,
)

phrases: Final = Table(
    "phrases",
    METADATA,
    Column("n", Number, primary_key=True),
    Column("key", Text, nullable=False, unique=True, comment="a JSON object"),
    Column("uses", Number, nullable=False),
    sqlite_autoincrement=True,
)

cells: Final = Table(
    "cells",
    METADATA,
    Column("n", Number, primary_key=True),
    Column("key", Text, nullable=False, unique=True, comment="row and column as a JSON array"),
    Column("row", Integer, nullable=False, comment="from the south pole; see cells.py"),
    Column("col", Integer, nullable=False, comment="from the 180th meridian eastwards"),
    Column("uses", Number, nullable=False),
    sqlite_autoincrement=True,
)

notes: Final = Table(
    "notes",
    METADATA,
    Column("seq", Number, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
)
"""The person's words, by the moment's seq; words.py finds them."""

rollups: Final = Table(
    "rollups",
    METADATA,
    Column("span", SmallInteger, primary_key=True, comment="quarters of an hour in a row: 1, 4 or 96"),
    Column("at", Number, primary_key=True, comment="the local quarter, hour or day, counted from 1970"),
    Column("device", Integer, primary_key=True, comment="devices.n"),
    Column("emotion", SmallInteger, primary_key=True, comment="the one that counts, as `felt`; -1 without sound"),
    Column("offset_min", SmallInteger, primary_key=True, comment="the wearer's offset; 0 in hours and days"),
    Column("count", Number, nullable=False),
    Column("felt", Number, nullable=False, comment="how many have valence and arousal"),
    Column("seconds", Real, nullable=False),
    Column("valence", Real, nullable=False, comment="the sum"),
    Column("arousal", Real, nullable=False, comment="the sum"),
    sqlite_with_rowid=False,
)

letters: Final = Table(
    "dead_letters",
    METADATA,
    Column("n", Number, primary_key=True),
    Column("at_ms", Number, nullable=False),
    Column("topic", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("digest", LargeBinary(32), nullable=False, unique=True, comment="of topic and payload"),
    sqlite_autoincrement=True,
)

refused_lines: Final = Table(
    "refused_lines",
    METADATA,
    Column("file", Text, primary_key=True, comment="the name of the counter of how far the import came"),
    Column("line", Number, primary_key=True, comment="the line's number in the file, from 1 on"),
    Column("why", Text, nullable=False, comment="without anything of what the line holds"),
    comment="what an import that is not at its end has still to tell",
)

clip_moments: Final = Table(
    "clip_moments",
    METADATA,
    Column("sha256", Text, primary_key=True),
    Column("device", Text, primary_key=True),
    Column("moment", LargeBinary(16), nullable=False, index=True),
)
"""Which moment a clip is of that belongs to no record; the moment may come after it."""

tokens: Final = Table(
    "tokens",
    METADATA,
    Column("n", Number, primary_key=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True, comment="SHA-256 of 256 random bits"),
    Column("name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("device", Text),
    Column("owner", Text),
    Column("made_ms", Number, nullable=False),
    sqlite_autoincrement=True,
)
