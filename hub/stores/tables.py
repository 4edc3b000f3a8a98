"""The tables of the store."""

from typing import Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    literal_column,
    table,
)
from sqlalchemy import column as plain

METADATA: Final = MetaData()

moments: Final = Table(
    "moments",
    METADATA,
    Column("seq", Integer, primary_key=True, comment="order of arrival, never used twice: the stream's event id"),
    Column("id", LargeBinary(16), nullable=False, unique=True, comment="the UUID's bytes"),
    Column("start_ms", Integer, nullable=False, comment="Unix time in ms"),
    Column("offset_min", Integer, nullable=False, comment="the wearer's offset from UTC in minutes"),
    Column("seconds", Float, nullable=False),
    Column("device", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("basis", Text, nullable=False),
    Column("emotion", Text, comment="the model's reading"),
    Column("correction", Text, comment="what the person said instead"),
    Column("confidence", Float),
    Column("valence", Float),
    Column("arousal", Float),
    Column("scene", Text),
    Column("lat", Float),
    Column("lon", Float),
    Column("clip", Text, comment="SHA-256 of the sound"),
    Column("body", LargeBinary, nullable=False, comment="the whole moment, packed; see rows.py"),
    sqlite_autoincrement=True,
)

FELT: Final = func.coalesce(moments.c.correction, moments.c.emotion)
"""The emotion that counts: the person's correction before the model's reading."""

Index("moments_start", moments.c.start_ms)
Index("moments_felt", FELT, moments.c.start_ms)

erased: Final = Table(
    "erased", METADATA, Column("id", LargeBinary(16), primary_key=True), comment="ids that do not come back"
)

scenes: Final = Table(
    "scenes",
    METADATA,
    Column("label", Text, primary_key=True),
    Column("words", Text, nullable=False, comment="words of label and group, each after a blank, in lower case"),
)

rollups: Final = Table(
    "rollups",
    METADATA,
    Column("span_h", Integer, primary_key=True, comment="1 or 24"),
    Column("at", Integer, primary_key=True, comment="the local hour or day, counted from 1970"),
    Column("device", Text, primary_key=True),
    Column("emotion", Text, primary_key=True, comment="the one that counts; empty without sound"),
    Column("count", Integer, nullable=False),
    Column("felt", Integer, nullable=False, comment="how many have valence and arousal"),
    Column("seconds", Float, nullable=False),
    Column("valence", Float, nullable=False, comment="the sum"),
    Column("arousal", Float, nullable=False, comment="the sum"),
    sqlite_with_rowid=False,
)

letters: Final = Table(
    "dead_letters",
    METADATA,
    Column("n", Integer, primary_key=True),
    Column("at_ms", Integer, nullable=False),
    Column("topic", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("digest", LargeBinary(32), nullable=False, unique=True, comment="of topic and payload"),
    sqlite_autoincrement=True,
)

devices: Final = Table(
    "devices",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text),
    Column("owner", Text),
    Column("status", Text, comment="the device's last word on `status`, JSON"),
    Column("health", Text, comment="the device's last word on `health`, JSON"),
    Column("seen_ms", Integer, nullable=False, comment="when the hub last heard of it"),
)

tokens: Final = Table(
    "tokens",
    METADATA,
    Column("n", Integer, primary_key=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True, comment="SHA-256 of 256 random bits"),
    Column("name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("device", Text),
    Column("owner", Text),
    Column("made_ms", Integer, nullable=False),
    sqlite_autoincrement=True,
)

notes: Final = table("notes", plain("rowid", Integer), plain("text", Text))
"""FTS5: the person's words, by `seq`."""

WORDS: Final[ColumnElement[str]] = literal_column("notes")
"""The left side of MATCH on `notes`."""

places: Final = table("places", *(plain(name) for name in ("seq", "south", "north", "west", "east")))
"""R*Tree: where moments were, in 32-bit floats rounded outwards, by `seq`."""

VIRTUAL: Final = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS notes USING fts5(text, tokenize='unicode61 remove_diacritics 0')",
    "CREATE VIRTUAL TABLE IF NOT EXISTS places USING rtree(seq, south, north, west, east)",
)
