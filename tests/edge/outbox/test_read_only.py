"""A card that turns read-only is still read, so that what is on it is sent."""

import errno
import os
import sqlite3
import subprocess
import sys
from math import inf
from pathlib import Path

import pytest

from edge.outbox.file import OutboxFile
from tests.edge.making import ids, moment, moments


class Aborted:
    """A connection whose disk refuses each write, as one that was mounted again for reading only."""

    def __init__(self, db):
        self._db = db

    def execute(self, sql, *values):
        if sql == "COMMIT":
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
            raise error
        return self._db.execute(sql, *values)

    def __getattr__(self, name):
        return getattr(self._db, name)


@pytest.fixture
def read_only(monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    def go(box):
        box._file._db = Aborted(box._file._db)
        monkeypatch.setattr(Path, "touch", refuse)

    return go


def test_what_is_on_a_disk_that_has_become_read_only_is_sent(opened, read_only, monkeypatch):
    box = opened()
    box.put(first := moment())
    read_only(box)
    box.put(second := moment())
    assert "I/O error" in box.trouble
    assert ids(box.after(0, 10)) == [first.id, second.id]
    for _ in range(2):
        box._file.retry_now()
        box.tick(None)
        assert "held in memory" in box.trouble
        assert ids(box.after(0, 10)) == [first.id, second.id], "also after a retry"
    monkeypatch.undo()
    box._file.retry_now()
    box.tick(None)
    assert box.trouble is None
    assert box.held_in_memory == 0
    assert ids(box.after(0, 10)) == [first.id, second.id]


def test_what_is_heard_while_a_disk_was_away_from_the_start_comes_after_what_is_on_it(opened, path, tmp_path):
    box = opened()
    for each in (kept := moments(3)):
        box.put(each)
    box.close()
    away = path.parent.rename(tmp_path / "away")
    path.parent.write_text("in the way")
    box = opened()
    for each in (heard := moments(2)):
        box.put(each)
    assert box.held_in_memory == 2
    path.parent.unlink()
    away.rename(path.parent)
    box._file.retry_now()
    box.tick(None)
    assert box.trouble is None
    assert ids(box.after(0, 10)) == [each.id for each in [*kept, *heard]]
    box.put(last := moment())
    assert ids(box.after(0, 10))[-1] == last.id


@pytest.fixture
def stored(opened):
    """Give an outbox on a disk that takes nothing any more, of which the hub has stored the first 900 of 1000."""
    box = opened()
    for each in (many := moments(1000)):
        box.put(each)
    box._file._fail(sqlite3.OperationalError("attempt to write a readonly database"))
    box._file._retry_at = inf
    box.stored([each.id for each in many[:900]])
    return box, many


@pytest.fixture
def read(monkeypatch):
    """Keep how many rows each query reads."""
    sizes, real = [], OutboxFile.read

    def counting(self, *args):
        rows = real(self, *args)
        sizes.append(len(rows))
        return rows

    monkeypatch.setattr(OutboxFile, "read", counting)
    return sizes


def test_of_what_is_on_a_read_only_disk_no_more_is_read_than_is_asked_for(stored, read):
    box, many = stored
    last_stored = box.rows([many[899].id, many[900].id])[0].seq - 1
    read.clear()
    assert ids(box.after(last_stored, 10)) == [each.id for each in many[900:910]]
    assert sum(read) == 10


def test_what_was_stored_and_cannot_be_deleted_is_not_read_again_and_again(stored, read):
    box, many = stored
    assert ids(box.after(0, 10)) == [each.id for each in many[900:910]]
    read.clear()
    assert ids(box.after(0, 10)) == [each.id for each in many[900:910]]
    assert sum(read) <= 500
    box.erase([many[900].id])
    box._file.retry_now()
    box.tick(None)
    assert box.trouble is None
    assert ids(box.after(0, 10)) == [each.id for each in many[901:911]]


def test_what_was_stored_and_cannot_be_deleted_is_not_gone_through_for_each_that_is_stored(stored):
    box, many = stored

    class Watched(dict):
        def __iter__(self):
            pytest.fail("gone through")

    box._done = Watched(box._done)
    box.stored([many[901].id])
    assert many[901].id not in ids(box.after(0, 1000))
    box._done = {}


START = """
import sys
from pathlib import Path
from edge.outbox.queue import Outbox
from tests.edge.making import moment
box = Outbox(Path(sys.argv[1]), max_mb=100, max_days=365)
box.put(moment())
rows = box.after(0, 10)
print(len(rows), [row.seq for row in rows] == sorted({row.seq for row in rows}), box.held_in_memory, box.trouble)
box.close()
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0,
    reason="left out: mounts of its own need root",
)
@pytest.mark.parametrize("end", ["in order", "killed"])
def test_what_is_on_a_disk_that_is_read_only_at_the_start_is_sent(opened, path, tmp_path, end):
    box = opened()
    for each in moments(3):
        box.put(each)
    folder = path.parent
    if end == "in order":
        box.close()
    else:
        folder = tmp_path / "card"
        folder.mkdir()
        for tail in ("", "-wal", "-shm"):
            (folder / f"{path.name}{tail}").write_bytes(Path(f"{path}{tail}").read_bytes())
    script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && exec "$2" -c "$3" "$1/$4"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", folder, sys.executable, START, path.name]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.stdout.startswith("4 True 1 "), told
    assert "held in memory" in told.stdout
