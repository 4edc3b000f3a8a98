"""A disk that does not answer, or has no room, says nothing of what a broken file holds."""

import sqlite3

import pytest

from edge.outbox import broken as broken_files
from moments import uuid7
from tests.edge.making import ids, moment
from tests.edge.outbox.breaking import broken, in_order, mended

READ = sqlite3.SQLITE_IOERR_READ
NO_ROOM = sqlite3.SQLITE_IOERR_SHMSIZE
OPENING = sqlite3.SQLITE_IOERR_CORRUPTFS
"""What SQLite says of a read that failed while it opens a file; of one later it says CORRUPT."""
AWAY = sqlite3.SQLITE_CANTOPEN


class Silent:
    """A file of which the disk gives nothing."""

    def __init__(self, code):
        self._error = sqlite3.OperationalError("disk I/O error")
        self._error.sqlite_errorcode = code

    def execute(self, *_):
        raise self._error

    def close(self):
        pass


@pytest.fixture
def silent(monkeypatch):
    """Let broken files give nothing but an error, until `monkeypatch.undo`."""

    def go(code):
        monkeypatch.setattr(broken_files, "to_read", lambda _: Silent(code))

    return go


@pytest.mark.parametrize("code", [READ, NO_ROOM, OPENING, sqlite3.SQLITE_CORRUPT])
@pytest.mark.parametrize("ticks", [0, 2])
def test_a_disk_that_does_not_answer_for_a_moment_costs_nothing(
    damaged, path, many, silent, monkeypatch, code, ticks, steps
):
    box = broken(damaged())
    for _ in range(ticks):
        box.tick(None)
    silent(code)
    for _ in range(broken_files._TRIES - 1):
        box.tick(None)
    assert path.with_name("outbox.sqlite.broken").stat().st_size > 0
    monkeypatch.undo()
    found = mended(box)
    assert len(found) > 1400
    assert in_order(found, many)


@pytest.mark.parametrize("code", [READ, NO_ROOM, OPENING])
def test_a_file_of_which_a_disk_gave_nothing_is_never_deleted(damaged, path, silent, monkeypatch, code):
    box = broken(damaged())
    before = path.with_name("outbox.sqlite.broken").read_bytes()
    silent(code)
    for _ in range(50):
        box.tick(None)
    assert "is being taken over" in box.trouble
    assert path.with_name("outbox.sqlite.broken").read_bytes() == before
    monkeypatch.undo()
    assert len(mended(box)) > 1400


@pytest.mark.parametrize("code", [READ, NO_ROOM, OPENING])
def test_an_order_to_erase_a_record_does_not_wait_for_a_disk_that_does_not_answer(damaged, silent, code):
    box = broken(damaged())
    silent(code)
    assert box.of_records([uuid7()]) == []


def test_a_place_that_a_disk_never_gives_is_given_up(damaged, monkeypatch):
    real = broken_files.to_read
    box = broken(damaged())
    monkeypatch.setattr(broken_files, "to_read", lambda path: Hole(real(path)))
    assert len(mended(box)) == 400


class Hole:
    """A file whose moments from the 201st on up to the last 200 cannot be read."""

    def __init__(self, db):
        self._db = db

    def execute(self, sql, values=()):
        if len(values) == 3 and (values[0] >= 200 if "ASC" in sql else values[1] <= 1301):
            return Silent(READ).execute()
        return self._db.execute(sql, values)

    def close(self):
        self._db.close()


@pytest.mark.parametrize("code", [READ, NO_ROOM, OPENING, AWAY])
def test_what_is_put_while_a_disk_gives_nothing_of_a_broken_file_comes_after_it(
    damaged, many, silent, monkeypatch, code
):
    box = broken(damaged())
    box.close()
    silent(code)
    box = damaged()
    box.put(late := moment())
    assert box.held_in_memory == 0
    monkeypatch.undo()
    found = mended(box)
    assert found[-1] == late.id
    assert in_order(found[:-1], many)


def test_a_broken_file_that_cannot_be_opened_closes_no_healthy_outbox(damaged, silent, steps):
    box = broken(damaged())
    box.tick(None)
    waiting = ids(box.after(0, 1000))
    assert len(waiting) == 200
    silent(AWAY)
    for _ in range(2):
        box.close()
        box = damaged()
        assert ids(box.after(0, 1000)) == waiting
        box.put(late := moment())
        assert box.held_in_memory == 0
        waiting.append(late.id)


def test_a_broken_file_that_cannot_be_opened_moves_the_numbers_once(damaged, silent, steps):
    box = broken(damaged())
    box.close()
    silent(AWAY)
    box = damaged()
    box.put(moment())
    assert box.held_in_memory == 0
    before = box.last
    box._file._open()
    box.put(moment())
    assert box.last == before + 1


def test_a_broken_file_is_read_without_room_for_another_beside_it(damaged, path, steps):
    box = broken(damaged())
    box.tick(None)
    assert box.depth == 200
    assert [each.name for each in path.parent.glob("*.broken*")] == ["outbox.sqlite.broken"]


def test_of_a_read_that_fails_it_is_not_taken_that_nothing_waits(opened):
    box = opened()
    box.put(first := moment())
    box._file._db = Deaf(box._file._db)
    assert box.after(0, 10) == []
    assert not box.all_readable
    box._file.retry_now()
    box.tick(None)
    assert box.all_readable
    assert ids(box.after(0, 10)) == [first.id]


class Deaf:
    """An outbox whose moments cannot be read now, although it answers."""

    def __init__(self, db):
        self._db = db

    def execute(self, sql, values=()):
        return Silent(READ).execute() if sql.startswith("SELECT *") else self._db.execute(sql, values)

    def __getattr__(self, name):
        return getattr(self._db, name)
