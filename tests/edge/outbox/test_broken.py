"""A card damages the outbox: what can be read goes on waiting, through kills, full disks and erasures."""

import os
import shutil
import subprocess
import sys
import time
import uuid
from datetime import timedelta

import pytest

from edge.outbox import broken as broken_files
from edge.outbox import queue as outboxes
from edge.outbox.file import INSERT
from edge.outbox.queue import Outbox
from moments import Moment, uuid7
from tests.edge.making import NOON, ids, moment, moments


def harm(path, pages=4):
    """Overwrite some pages in the middle."""
    content = bytearray(path.read_bytes())
    begin = len(content) // 8192 * 4096
    content[begin : begin + pages * 4096] = os.urandom(pages * 4096)
    path.write_bytes(content)


def fill(box, many):
    keep = {each.id: 3 if each.record else 1 for each in many}
    rows = [
        (n, uuid.UUID(each.id).bytes, each.to_json(), keep[each.id], each.start.timestamp(), None, None)
        for n, each in enumerate(many, start=1)
    ]
    box._file.write(lambda db: db.executemany(INSERT, rows))
    box.close()


@pytest.fixture
def many():
    record = uuid7()
    return [
        each.model_copy(update={"record": record}) if n % 100 == 0 else each for n, each in enumerate(moments(1500))
    ]


@pytest.fixture
def damaged(opened, path, many):
    """Write an outbox of which the middle is broken."""
    fill(opened(), many)
    harm(path)
    return opened


@pytest.fixture
def steps(monkeypatch):
    """Let a tick take over one batch only."""
    monkeypatch.setattr(outboxes, "_TAKE_OVER_SECONDS", -1.0)


def broken(box):
    """Let it find out that its file is broken."""
    box.erase(None, NOON - timedelta(days=2), NOON - timedelta(days=1))
    assert box.dropped["corrupt"] == 1
    return box


def mended(box, ticks=100):
    for _ in range(ticks):
        box.tick(None)
        if box.trouble is None:
            return ids(box.after(0, 10_000))
    pytest.fail(f"it is not mended: {box.trouble}")


def in_order(found, many):
    place = {each.id: n for n, each in enumerate(many)}
    return [place[each] for each in found] == sorted(place[each] for each in found)


@pytest.mark.parametrize("damage", ["header", "middle", "empty"])
def test_of_a_broken_file_all_that_can_be_read_waits_in_the_new_one(opened, path, damage):
    many = moments(200)
    fill(opened(), many)
    if damage == "header":
        path.write_bytes(b"x" * 100 + path.read_bytes()[100:])
    elif damage == "middle":
        harm(path)
    else:
        path.write_bytes(b"")
    box = opened()
    box.after(0, 1000)
    kept = mended(box)
    box.put(late := moment())
    assert box.trouble is None
    assert ids(box.after(0, 1000)) == [*kept, late.id]
    assert box.dropped["corrupt"] == (damage != "empty")
    if damage == "middle":
        assert len(kept) > 150, "both ends of the file can be read"
        assert in_order(kept, many)


def test_what_is_put_while_a_broken_file_is_taken_over_is_on_the_disk_and_comes_after_it(damaged, many, steps):
    box = broken(damaged())
    box.put(late := moment())
    assert box.held_in_memory == 0
    assert "is being taken over" in box.trouble
    found = mended(box)
    assert found[-1] == late.id
    assert len(found) > 1400
    assert in_order(found[:-1], many)


def test_one_tick_takes_over_a_part_so_that_the_watchdog_is_fed(damaged, many, steps):
    box = broken(damaged())
    box.tick(None)
    assert box.depth == 200
    box.tick(None)
    assert box.depth == 400


@pytest.mark.parametrize("ticks", [0, 1, 3])
def test_a_kill_while_a_broken_file_is_taken_over_costs_nothing(damaged, path, many, steps, tmp_path, ticks):
    box = broken(damaged())
    for _ in range(ticks):
        box.tick(None)
    card = tmp_path / "card"
    shutil.copytree(path.parent, card)
    expected = mended(box)
    after = Outbox(card / path.name, max_mb=100, max_days=365)
    assert mended(after) == expected
    after.put(late := moment())
    assert ids(after.after(0, 10_000)) == [*expected, late.id]
    after.close()


def test_a_kill_between_setting_aside_the_file_and_its_log_costs_nothing(damaged, path):
    box = damaged()
    box.put(late := moment())
    card = path.with_name("card")
    card.mkdir()
    shutil.copy(path, card / f"{path.name}.corrupt")
    shutil.copy(f"{path}-wal", card)
    after = Outbox(card / path.name, max_mb=100, max_days=365)
    found = mended(after)
    assert len(found) > 1400
    assert late.id in found, "it stood in the log only"
    after.close()


def test_a_full_disk_leaves_a_broken_file_as_it_is_until_there_is_room(damaged, path, many):
    box = broken(damaged())
    pages = int(box._file.number("PRAGMA page_count"))
    box._file._db.execute(f"PRAGMA max_page_count = {pages + 20}")
    aside = path.with_name(f"{path.name}.corrupt")
    size = aside.stat().st_size
    for _ in range(3):
        box._file.retry_now()
        box.tick(None)
    assert "full" in box.trouble
    box.put(late := moment())
    assert box.held_in_memory <= 1
    assert aside.stat().st_size == size
    box._file._db.execute("PRAGMA max_page_count = 1000000")
    box._file.retry_now()
    found = mended(box)
    assert len(found) > 1400
    assert late.id in found


def test_a_file_that_breaks_while_another_is_taken_over_is_taken_over_too(damaged, path, steps):
    box = broken(damaged())
    for _ in range(4):
        box.tick(None)
    newer = moments(30)
    for each in newer:
        box.put(each)
    before = set(ids(box.after(0, 10_000)))
    box.close()
    harm(path, pages=1)
    box = damaged()
    found = set(mended(broken(box)))
    assert len(found & before) > 750
    assert len(found) > 1400
    assert newer[-1].id in found


def test_nothing_is_left_of_a_broken_file_once_it_was_taken_over(damaged, path):
    box = damaged()
    found = mended(broken(box))
    assert found
    assert [each.name for each in path.parent.iterdir() if ".corrupt" in each.name] == []
    assert box.erase(None) == len(found)
    box.close()
    assert damaged().depth == 0


def test_a_broken_file_that_somebody_took_away_is_not_waited_for(damaged, path, steps):
    box = broken(damaged())
    path.with_name(f"{path.name}.corrupt").unlink()
    assert mended(box) == []


def test_the_log_of_a_broken_file_that_somebody_took_away_harms_no_other(damaged, path, steps):
    box = broken(damaged())
    box.put(late := moment())
    box.close()
    path.with_name(f"{path.name}.corrupt").unlink()
    log = path.with_name(f"{path.name}.corrupt-wal")
    log.write_bytes(b"x" * 4000)
    assert mended(damaged()) == [late.id]
    assert not log.exists()


def test_a_broken_file_is_overwritten_before_it_is_deleted(tmp_path, monkeypatch):
    monkeypatch.setattr(broken_files, "_CHUNK_BYTES", 3)
    aside = tmp_path / "outbox.corrupt"
    aside.write_bytes(b"secretsecret")
    other = tmp_path / "the same bytes"
    other.hardlink_to(aside)
    file = broken_files.Broken(aside)
    assert not file.remove(until=time.monotonic() - 1)
    assert other.read_bytes() == bytes(9), "a piece a time"
    assert file.remove(until=time.monotonic() + 60)
    assert not aside.exists()


def test_what_is_erased_while_a_broken_file_is_taken_over_does_not_come_back(damaged, path, many, steps, tmp_path):
    box = broken(damaged())
    box.erase(None, NOON, NOON + timedelta(seconds=600))
    box.erase([many[-1].id])
    box.erase(records := box.of_records([many[0].record]))
    assert many[1400].id in records
    box.tick(None)
    box.stored([many[-2].id])
    box._flush()
    card = tmp_path / "card"
    shutil.copytree(path.parent, card)
    after = Outbox(card / path.name, max_mb=100, max_days=365)
    for each in (mended(box), mended(after)):
        assert many[-3].id in each
        assert not {many[-1].id, many[-2].id, many[300].id, *records} & set(each)
    after.close()


def test_what_is_taken_over_goes_under_the_name_that_the_device_has(damaged, steps):
    box = broken(damaged())
    box.rename("pocket-2")
    mended(box)
    assert {Moment.from_json(row.body).device for row in box.after(0, 10_000)} == {"pocket-2"}


def test_a_moment_that_is_none_any_more_does_not_end_the_taking_over(opened, path, many):
    box = opened()
    fill(box, many)
    box = opened()
    box._file.write(lambda db: db.execute("UPDATE outbox SET body = ? WHERE seq = 700", (b"{",)).rowcount)
    box.close()
    harm(path)
    found = mended(broken(opened()))
    assert many[701].id in found or many[699].id in found
    assert len(found) > 1400


def test_moments_of_a_file_whose_newest_cannot_be_read_come_before_what_is_put_then(damaged, path, monkeypatch, steps):
    real = broken_files.to_read
    monkeypatch.setattr(broken_files, "to_read", lambda path, how: _NoMax(real(path, how)))
    box = broken(damaged())
    box.close()
    box = damaged()
    box.put(late := moment())
    found = mended(box)
    assert found[-1] == late.id
    assert len(found) > 1400


class _NoMax:
    """A file whose newest rows are broken for who asks for the newest only."""

    def __init__(self, db):
        self._db = db

    def execute(self, sql, *values):
        return self._db.execute("SELECT broken" if "max(seq)" in sql else sql, *values)

    def close(self):
        self._db.close()


WEEKS = """
import resource, sys, time
from pathlib import Path
from edge.outbox.queue import Outbox
box = Outbox(Path(sys.argv[1]), max_mb=256, max_days=365)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
box.erase(["0196f3c2-8f0e-7c1a-9a52-6d0f4f1e2b33"])
list(box.after(0, 400))
box.rows([])
seq = 0
while box.dropped["corrupt"] == 0:
    rows = box.after(seq, 400)
    seq = rows[-1].seq if rows else seq
longest = 0
while box.trouble is not None:
    began = time.monotonic()
    box.tick(None)
    longest = max(longest, time.monotonic() - began)
print(box.depth, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1000, longest)
box.close()
"""


@pytest.mark.slow
def test_weeks_of_moments_are_taken_over_in_little_memory_and_short_ticks(opened, path):
    many = [moment().model_copy(update={"id": uuid7()}) for _ in range(10)] * 3000
    fill(opened(), [each.model_copy(update={"id": uuid7()}) for each in many])
    harm(path)
    told = subprocess.run([sys.executable, "-c", WEEKS, str(path)], capture_output=True, text=True, check=True).stdout
    depth, megabytes, longest = told.split()
    assert int(depth) > 29_000
    assert int(megabytes) < 15
    assert float(longest) < 5
