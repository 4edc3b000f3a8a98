"""The first version of the store, a SQLite file: how its moments are read, and how they go over to the next.

There a moment was its JSON, all after its id, deflated with a dictionary of the words that every moment has.
"""

import logging
import uuid
import zlib
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, text, update

from hub.stores import arrival, rollups, rows, words
from hub.stores.tables import counters, devices, moments, notes
from moments import Moment

_log = logging.getLogger(__name__)

_STEP: Final = 1000
_WBITS: Final = -11
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


def unpack(packed: bytes, id_: bytes) -> bytes:
    """Give the JSON of a moment whose body was packed so."""
    return b'{"schema":1,"id":"%s' % str(uuid.UUID(bytes=id_)).encode() + zlib.decompressobj(
        _WBITS, _DICTIONARY
    ).decompress(packed)


_ASIDE: Final = (
    "DROP INDEX moments_start",
    "DROP INDEX moments_felt",
    "ALTER TABLE moments RENAME TO moments_1",
    "ALTER TABLE devices RENAME TO devices_1",
    "ALTER TABLE notes RENAME TO notes_1",
    "DROP TABLE scenes",
    "DROP TABLE places",
    "DROP TABLE rollups",
)


def leave(connection: Connection, make: Callable[[], None]) -> None:
    """Take a store of the first version to the second, each moment at its place in the order of arrival."""
    for statement in _ASIDE:
        connection.execute(text(statement))
    make()
    heard = _devices(connection)
    last = connection.execute(text("SELECT seq FROM sqlite_sequence WHERE name = 'moments_1'")).scalar() or 0
    connection.execute(insert(counters).values(name="arrived", value=last))
    done, noted = 0, dict[int, str]()
    asked = text("SELECT seq, id, body, correction FROM moments_1 WHERE seq > :done ORDER BY seq LIMIT :step")
    while found := connection.execute(asked, {"done": done, "step": _STEP}).all():
        held = {row.seq: Moment.from_json(unpack(row.body, row.id)) for row in found}
        arrival.put(connection, list(held.values()), list(held), heard)
        # What was said with a mark: hubs of that version showed only the notes that were written, which come after it.
        noted |= {seq: said for seq, moment in held.items() if (said := rows.said(moment))}
        _correct(connection, {row.seq: row.correction for row in found if row.correction is not None})
        done = found[-1].seq
        if done // 100_000 != (done - len(found)) // 100_000:
            _log.info("migrating moments", extra={"done": done, "of": last})
    noted |= {row.rowid: row.text for row in connection.execute(text("SELECT rowid, text FROM notes_1"))}
    for seq, said in noted.items():
        connection.execute(insert(notes).values(seq=seq, text=said))
        words.take_up(connection, seq, said)
    for name in ("moments_1", "devices_1", "notes_1"):
        connection.execute(text(f"DROP TABLE {name}"))


def _devices(connection: Connection) -> dict[str, int]:
    rows = connection.execute(text("SELECT id, name, owner, status, health, seen_ms FROM devices_1")).all()
    if rows:
        connection.execute(insert(devices), [dict(row._mapping) for row in rows])  # noqa: SLF001 - SQLAlchemy's public name for it
    return {row.id: row.n for row in connection.execute(select(devices.c.id, devices.c.n))}


def _correct(connection: Connection, said: dict[int, str]) -> None:
    if not said:
        return
    asked = select(*rollups.ROLLED).where(moments.c.seq.in_(list(said)))
    rollups.shift(connection, connection.execute(asked).all(), -1)
    change = update(moments).where(moments.c.seq == bindparam("this")).values(correction=bindparam("said"))
    connection.execute(change, [{"this": seq, "said": emotion} for seq, emotion in said.items()])
    rollups.shift(connection, connection.execute(asked).all(), 1)
