"""What older versions left is gone on with.

They had no index of times. They set a broken file aside as `.corrupt`: the newest of them to go on with it, the others
for good.
"""

import shutil
import sqlite3
import uuid
from contextlib import closing
from functools import partial

import pytest

from moments import Moment
from tests.edge.making import ids, moment, moments
from tests.edge.outbox.breaking import NOON_S, fill, mended


@pytest.fixture
def left(opened, path):
    """Leave an outbox with one moment, and beside it a file that was set aside, with its log."""
    old = moments(30)
    fill(opened(), old)
    writing = opened()
    writing.put(logged := moment())
    for tail in ("", "-wal"):
        shutil.copy(f"{path}{tail}", f"{path}.corrupt{tail}")
    writing.erase([*(each.id for each in old), logged.id])
    writing.put(waiting := moment())
    writing.close()

    def go(*sql):
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            for each in sql:
                db.execute(*each)
        return [each.id for each in [*old, logged]], waiting.id

    return go


def names(path):
    return {each.name for each in path.parent.iterdir()} - {f"{path.name}{tail}" for tail in ("", "-wal", "-shm")}


@pytest.mark.parametrize("starts", [1, 3])
def test_nothing_comes_back_of_what_an_older_version_had_taken_over(opened, path, left, starts):
    _, waiting = left(["DROP TABLE gone"])
    for _ in range(starts):
        box = opened()
        assert box.of_records([]) == []
        assert ids(box.after(0, 100)) == [waiting]
        box.close()
    assert mended(opened()) == [waiting]
    assert names(path) == set()


def test_what_the_version_before_was_taking_over_is_gone_on_with(opened, path, left):
    old, waiting = left()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("INSERT INTO gone VALUES (?, NULL, NULL)", (uuid.UUID(old[3]).bytes,))
    assert mended(opened()) == [*old[:3], *old[4:], waiting]
    assert names(path) == set()


def test_a_kill_between_two_names_costs_nothing_of_what_is_gone_on_with(opened, path, left):
    old, _ = left()
    path.with_name(f"{path.name}.corrupt").rename(path.with_name(f"{path.name}.broken"))
    assert old[-1] in mended(opened()), "it stands in the log only"


def test_what_an_older_version_left_goes_under_the_name_that_the_device_got_with_the_upgrade(opened, path, left, steps):
    old, waiting = left(["DROP INDEX dated"])
    box = opened()
    box.rename("pocket-9")
    assert mended(box) == [*old, waiting]
    assert {Moment.from_json(row.body).device for row in box.after(0, 100)} == {"pocket-9"}


class Full(sqlite3.Connection):
    """A disk that has no room for an index."""

    def execute(self, sql, *values):
        if sql.startswith("CREATE INDEX IF NOT EXISTS dated"):
            raise sqlite3.OperationalError("database or disk is full")
        return super().execute(sql, *values)


@pytest.mark.parametrize("room", [True, False])
def test_an_outbox_that_has_no_index_of_times_gets_it_where_there_is_room(opened, path, monkeypatch, room):
    fill(opened(), many := moments(30))
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("DROP INDEX dated")
    if not room:
        monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Full))
    box = opened()
    assert box.trouble is None
    assert ids(box.after(0, 100)) == [each.id for each in many]
    assert box.oldest_age_s(NOON_S + 5) == 5.0
    assert box.erase_between(NOON_S, NOON_S + 10) == 10
    assert box._file.number("SELECT count(*) FROM sqlite_master WHERE name = 'dated'") == room
