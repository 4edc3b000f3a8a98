"""A card damages the outbox: what can be read goes on waiting, through kills, full disks and erasures."""

import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from math import inf

import pytest

from edge.outbox import broken as broken_files
from edge.outbox.queue import Outbox
from moments import Moment, uuid7
from tests.edge.making import ids, moment, moments
from tests.edge.outbox.breaking import NOON_S, broken, fill, harm, in_order, mended, wipe


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
    shutil.copy(path, card / f"{path.name}.broken")
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
    aside = path.with_name(f"{path.name}.broken")
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
    harm(path, pages=2)
    box = damaged()
    found = set(mended(broken(box)))
    assert len(found & before) > 750
    assert len(found) > 1400
    assert newer[-1].id in found


def test_nothing_is_left_of_a_broken_file_once_it_was_taken_over(damaged, path):
    box = damaged()
    found = mended(broken(box))
    assert found
    assert [each.name for each in path.parent.iterdir() if ".broken" in each.name] == []
    assert box.erase_between(-inf, inf) == len(found)
    box.close()
    assert damaged().depth == 0


def test_a_broken_file_that_somebody_took_away_is_not_waited_for(damaged, path, steps):
    box = broken(damaged())
    path.with_name(f"{path.name}.broken").unlink()
    assert mended(box) == []


def test_the_log_of_a_broken_file_that_somebody_took_away_harms_no_other(damaged, path, steps):
    box = broken(damaged())
    box.put(late := moment())
    box.close()
    path.with_name(f"{path.name}.broken").unlink()
    log = path.with_name(f"{path.name}.broken-wal")
    log.write_bytes(b"x" * 4000)
    assert mended(damaged()) == [late.id]
    assert not log.exists()


def test_a_broken_file_of_which_a_column_has_lost_its_name_holds_nothing_up(damaged, path):
    box = broken(damaged())
    aside = path.with_name(f"{path.name}.broken")
    aside.write_bytes(aside.read_bytes().replace(b"born REAL", b"b\xffrn REAL"))
    box.put(late := moment())
    assert box.of_records([]) == []
    assert mended(box) == [late.id]


def test_a_broken_file_is_overwritten_before_it_is_deleted(tmp_path, monkeypatch):
    monkeypatch.setattr(broken_files, "_CHUNK_BYTES", 3)
    aside = tmp_path / "outbox.broken"
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
    box.erase_between(NOON_S, NOON_S + 600)
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


def test_what_was_erased_does_not_come_back_when_the_outbox_breaks_before_all_is_taken_over(damaged, path, many, steps):
    box = broken(damaged())
    for _ in range(2):
        box.tick(None)
    box.erase([many[0].id])
    assert box.erase_between(-inf, inf) == 399
    for each in (newer := moments(40)):
        box.put(each)
    box.close()
    wipe(path, newer[20])
    box = broken(damaged())
    found = mended(box)
    assert set(found) <= {each.id for each in newer}, "nothing of what was erased"
    assert len(found) > 20, "what is put after an erasure is not erased by it"


def test_what_a_broken_outbox_cannot_tell_of_erasures_is_said_and_holds_nothing_up(damaged, path, steps, caplog):
    box = broken(damaged())
    box.tick(None)
    box.close()
    harm(path, pages=2)
    box = broken(damaged())
    with closing(sqlite3.connect(path.with_name("outbox.sqlite.broken1"))) as db:
        db.execute("DROP TABLE gone")
    assert len(mended(box)) > 1400
    assert "what was erased may come back" in caplog.text


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
    monkeypatch.setattr(broken_files, "to_read", lambda path: _NoMax(real(path)))
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
        return self._db.execute("SELECT broken FROM outbox" if "max(seq)" in sql else sql, *values)

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
