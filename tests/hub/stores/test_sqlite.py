"""The store as one file: what only that can show."""

import sqlite3
import threading
from contextlib import closing

import pytest

from hub.query import pages
from hub.query.filter import Filter
from hub.query.sql import condition
from hub.stores import checking
from hub.stores.arrival import last_seq
from hub.stores.store import Store
from hub.stores.unfinished import loose_sounds, stale_days, unscrubbed
from moments.errors import UserError, WorkError
from tests.hub.moments import make
from tests.hub.stores.test_store import ids


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "hub.db")
    yield made
    made.close()


def test_what_was_taken_is_there_after_a_restart(tmp_path):
    moments = [make() for _ in range(3)]
    first = Store(tmp_path / "a" / "hub.db")
    first.take(moments)
    first.close()
    second = Store(tmp_path / "a" / "hub.db")
    assert sorted(ids(second)) == sorted(moment.id for moment in moments)
    assert second.take(moments) == set()
    second.close()


def test_a_backup_made_while_it_is_written_is_whole(store, tmp_path):
    moments = [make() for _ in range(200)]
    store.take(moments[:100])
    writer = threading.Thread(target=lambda: [store.take([moment]) for moment in moments[100:]])
    writer.start()
    store.backup(tmp_path / "copy.db")
    writer.join()
    copy = Store(tmp_path / "copy.db")
    copy.check()
    assert set(ids(copy)) >= {moment.id for moment in moments[:100]}
    copy.close()
    with pytest.raises(UserError, match="already there"):
        store.backup(tmp_path / "copy.db")


def test_a_backup_ends_though_somebody_writes_all_the_time(store, tmp_path):
    over = threading.Event()
    with closing(sqlite3.connect(store.path, isolation_level=None)) as file:
        file.execute("CREATE TABLE large (content)")
        file.execute("INSERT INTO large VALUES (randomblob(40000000))")

    def write():
        while not over.is_set():
            store.take([make()])

    writer = threading.Thread(target=write)
    backup = threading.Thread(target=store.backup, args=(tmp_path / "copy.db",))
    writer.start()
    backup.start()
    backup.join(20)
    ended = not backup.is_alive()
    over.set()
    writer.join()
    backup.join()
    assert ended


def test_a_file_that_is_no_store_is_named(tmp_path):
    (tmp_path / "hub.db").write_text("a text, and a long one, for SQLite reads the first hundred bytes of a file" * 9)
    with pytest.raises(UserError, match=r"hub\.db cannot be opened: file is not a database"):
        Store(tmp_path / "hub.db")


def test_a_store_of_a_newer_version_is_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / "hub.db") as file:
        file.execute("PRAGMA user_version = 99")
    file.close()
    with pytest.raises(UserError, match="version 99, made by a newer Moodscape"):
        Store(tmp_path / "hub.db")


def test_a_store_of_a_hub_that_noted_nothing_unfinished_is_taken_up(tmp_path):
    store = Store(tmp_path / "hub.db")
    store.take([make()])
    with store.writing() as connection:
        for table in (unscrubbed, stale_days, loose_sounds):
            table.drop(connection)
    store.close()
    store = Store(tmp_path / "hub.db")
    assert store.erase(condition(Filter(scene=("cafe",)))) == 1
    store.scrub_left()
    store.close()


def test_damage_is_found_after_an_unclean_end(tmp_path):
    store = Store(tmp_path / "hub.db")
    store.take([make() for _ in range(2000)])
    store.close()
    with (tmp_path / "hub.db").open("r+b") as file:
        file.seek(40 * 4096)
        file.write(b"\xff" * 20 * 4096)
    store = Store(tmp_path / "hub.db")
    with pytest.raises(WorkError, match="damaged"):
        store.check()
    store.close()


def test_a_scene_that_another_process_erased_is_found_when_it_is_heard_again(store):
    store.take([make()])
    other = Store(store.path)
    assert other.erase(condition(Filter(scene=("cafe",)))) == 1
    other.close()
    store.take([make()])
    with store.reading() as connection:
        assert pages.total(connection, Filter(text="cafe")) == (1, True)


def test_a_store_of_the_first_version_goes_over_whole(tmp_path):
    import json
    import zlib

    from hub.stores import rows, version1

    held = [
        make(),
        make(emotion="calm", scene=None),
        make(basis="none", place=None, origin="note", colour="red"),
        make(origin="mark", note="said by the shore"),
    ]
    path = tmp_path / "hub.db"
    with sqlite3.connect(path) as file:
        file.executescript(FIRST)
        for seq, moment in enumerate(held, 5):
            deflate = zlib.compressobj(6, zlib.DEFLATED, version1._WBITS, 5, 0, version1._DICTIONARY)
            body = deflate.compress(moment.to_json()[len('{"schema":1,"id":"') + 36 :]) + deflate.flush()
            values = (seq, rows.key(moment.id), 0, 0, 0, "pocket-1", "", "", None, "fear" if seq == 5 else None, body)
            file.execute("INSERT INTO moments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        file.execute("INSERT INTO notes(rowid, text) VALUES (6, 'by the sea')")
    file.close()
    store = Store(path)
    with store.reading() as connection:
        found = {item["id"]: item for item in pages.page(connection, Filter(), pages.Paging()).items}
        (at_sea,) = pages.page(connection, Filter(text="sea"), pages.Paging()).items
        (at_shore,) = pages.page(connection, Filter(text="shore"), pages.Paging()).items
        assert last_seq(connection) == 8
    for moment in held:
        item = found[moment.id]
        del item["note"], item["correction"]
        assert item == {name: value for name, value in json.loads(moment.to_json()).items() if name != "note"}
    assert [at_sea["id"], at_shore["id"]] == [held[1].id, held[3].id]
    assert checking.faults(store) == []
    store.close()


FIRST = """
CREATE TABLE moments (seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, id BLOB UNIQUE, start_ms INTEGER,
  offset_min INTEGER, seconds FLOAT, device TEXT, origin TEXT, basis TEXT, emotion TEXT, correction TEXT, body BLOB);
CREATE INDEX moments_start ON moments (start_ms);
CREATE INDEX moments_felt ON moments (coalesce(correction, emotion), start_ms);
CREATE TABLE erased (id BLOB PRIMARY KEY);
CREATE TABLE scenes (label TEXT PRIMARY KEY, words TEXT);
CREATE TABLE rollups (span_h INTEGER);
CREATE TABLE devices (id TEXT PRIMARY KEY, name TEXT, owner TEXT, status TEXT, health TEXT, seen_ms INTEGER);
CREATE VIRTUAL TABLE notes USING fts5(text, tokenize='unicode61 remove_diacritics 0');
CREATE VIRTUAL TABLE places USING rtree(seq, south, north, west, east);
INSERT INTO devices VALUES ('pocket-1', 'the one', 'Ann', NULL, NULL, 1);
PRAGMA user_version = 1;
"""


def test_nobody_else_reads_the_store_or_its_copy(tmp_path):
    made = Store(tmp_path / "new" / "hub.db")
    made.be_ready()
    made.take([make()])
    made.backup(tmp_path / "copy.db")
    files = [*(tmp_path / "new").iterdir(), tmp_path / "copy.db", tmp_path / "new"]
    assert [file.name for file in files if file.stat().st_mode & 0o077] == []
    made.close()
