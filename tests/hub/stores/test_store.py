"""The store keeps each moment once, and forgets completely."""

import sqlite3
import threading

import pytest

from hub.query import pages
from hub.query.filter import Filter
from hub.query.sql import condition
from hub.stores.store import Letter, Report, Store
from moments import Models, Moment, Rule, Scene, uuid7
from moments.errors import UserError, WorkError
from tests.hub.moments import make


def ids(store):
    return [item["id"] for item in pages.everything(store, Filter())]


def test_a_moment_is_stored_once_however_often_it_comes(store):
    moment = make()
    assert store.take([moment, moment]) == {moment.id}
    assert store.take([moment]) == set()
    assert ids(store) == [moment.id]


def test_what_was_taken_is_there_after_a_restart(tmp_path):
    moments = [make() for _ in range(3)]
    first = Store(tmp_path / "a" / "hub.db")
    first.take(moments)
    first.close()
    second = Store(tmp_path / "a" / "hub.db")
    assert sorted(ids(second)) == sorted(moment.id for moment in moments)
    assert second.take(moments) == set()
    second.close()


def test_unknown_fields_survive(store):
    wire = make().to_json()[:-1] + b',"mood_ring":{"colour":"\xed\x8c\x8c\xeb\x9e\x91"}}'
    store.take([Moment.from_json(wire)])
    (item,) = pages.everything(store, Filter())
    assert item["mood_ring"] == {"colour": "파랑"}


def test_a_batch_that_fails_leaves_nothing(store):
    moment = make()
    with pytest.raises(Exception, match="kind_that_is_none"):
        store.take([moment], reports=[Report("pocket-1", "kind_that_is_none", "{}")])
    assert ids(store) == []


def test_a_place_in_the_order_of_arrival_is_never_used_twice(store):
    store.take([make(), make()])
    with store.reading() as connection:
        before = pages.newest(connection)
    store.erase(condition(Filter(device=("pocket-1",))))
    store.take([make()])
    with store.reading() as connection:
        assert pages.newest(connection) > before


def test_readers_are_served_while_devices_are_heard(store):
    store.take([make()])
    with store.reading() as connection:
        assert len(pages.page(connection, Filter(), pages.Paging()).items) == 1
        writer = threading.Thread(target=store.take, args=([make()],))
        writer.start()
        writer.join(5)
        assert not writer.is_alive()
        assert len(pages.page(connection, Filter(), pages.Paging()).items) == 1  # as it was when the reading began
    assert len(ids(store)) == 2


MARK = "Zyzzogeton"


def test_nothing_of_an_erased_moment_is_left_in_any_file(store):
    marked = [
        make(
            id=uuid7(),
            scene=Scene(label=f"{MARK}-{n}", group=MARK, confidence=0.5),
            rule=Rule(id=MARK, because=MARK),
            models=Models(gate=MARK),
        )
        for n in range(300)
    ]
    other = make()
    store.take([*marked, other])
    for moment in marked:
        store.write_note(moment.id, f"{MARK} was here, {moment.id}")
        store.correct(moment.id, "calm")
    store.write_note(other.id, "stays")
    assert contains(store, MARK.encode()) or contains(store, MARK.lower().encode())
    assert store.erase(condition(Filter(text=MARK))) == 300
    assert not contains(store, MARK.encode())
    assert not contains(store, MARK.lower().encode())
    assert store.take(marked) == set()
    assert ids(store) == [other.id]
    with store.reading() as connection:
        assert pages.total(connection, Filter(text="stays")) == (1, True)


def contains(store, mark):
    """Whether the bytes are in any file of the store."""
    return any(mark in file.read_bytes() for file in store.path.parent.iterdir())


def test_erasing_leaves_what_arrives_meanwhile(store, monkeypatch):
    from hub.stores import erasing

    monkeypatch.setattr(erasing, "_STRETCH", 2)
    first, late = [make() for _ in range(5)], make()
    store.take(first)
    earnest = erasing.erase_some

    def and_one_arrives(connection, asked):
        if not arrived:
            arrived.append(True)
            store._insert(connection, [late], {"pocket-1": 1})
        return earnest(connection, asked)

    arrived = []
    monkeypatch.setattr("hub.stores.store.erase_some", and_one_arrives)
    assert store.erase(condition(Filter(device=("pocket-1",)))) == 5
    assert ids(store) == [late.id]


def test_a_dead_letter_is_kept_once_and_becomes_a_moment_when_it_can_be_read(store):
    good, bad = make(), Letter("moodscape/v1/pocket-1/moment", "of no use", b"{}")
    held = Letter("moodscape/v1/pocket-1/moment", "schema 2 is newer", good.to_json())
    store.take([], [bad, held])
    store.take([], [bad, held])
    from hub.ingest import judge

    assert store.replay(judge.moment) == (1, 1)
    assert store.replay(judge.moment) == (0, 1)
    assert ids(store) == [good.id]


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
