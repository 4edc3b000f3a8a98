"""What waits survives kills, power cuts and disks that are full or away; and what that writes."""

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from math import inf
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.outbox import queue as outboxes
from edge.outbox.queue import Outbox
from tests.edge.making import NOON, ids, moment, moments
from tests.edge.outbox.breaking import NOON_S


def test_while_the_disk_takes_nothing_moments_are_held_in_memory_and_written_later(opened, path):
    box = opened()
    box.put(first := moment())
    box._file._db.execute("PRAGMA max_page_count = 1")  # what a full disk answers, without one
    box.put(second := moment())
    while box.trouble is None:  # room in the last page is still used
        box.put(second := moment())
    assert "full" in box.trouble
    assert box.held_in_memory == 1
    assert second.id in ids(box.after(0, 1000)), "it can be sent from memory"
    box.stored([second.id])
    assert box.held_in_memory == 0
    box.put(third := moment())
    box._file._retry_at = 0.0
    box.tick(None)
    assert "full" in box.trouble, "it still is"
    assert {first.id, third.id} <= set(ids(box.after(0, 1000))), "what is on the disk can be sent all the while"
    box._file._db.execute("PRAGMA max_page_count = 1000000")
    box._file._retry_at = 0.0
    box.tick(None)
    assert box.trouble is None
    assert box.held_in_memory == 0
    box.close()
    left = ids(opened().after(0, 1000))
    assert left[0] == first.id
    assert left[-1] == third.id
    assert second.id not in left


def test_a_folder_that_cannot_be_made_is_no_end(tmp_path):
    (tmp_path / "file").write_text("in the way")
    box = Outbox(tmp_path / "file" / "outbox.sqlite", max_mb=10, max_days=10)
    box.put(first := moment())
    assert "held in memory" in box.trouble
    assert ids(box.after(0, 10)) == [first.id]
    box.stored([first.id])
    assert box.depth == 0
    box.close()


def test_memory_is_bounded_and_what_it_costs_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(outboxes, "_MEMORY_ROWS", 10)
    (tmp_path / "file").write_text("in the way")
    box = Outbox(tmp_path / "file" / "outbox.sqlite", max_mb=10, max_days=10)
    box.put(sure := moment(confidence=0.9))
    for each in moments(30, confidence=0.3):
        box.put(each)
    assert box.depth == 10
    assert sure.id in ids(box.after(0, 100))
    assert box.dropped["memory"] == 21
    box.close()


def test_what_is_erased_while_its_disk_is_away_is_gone_when_it_is_back(opened):
    box = opened()
    box.put(first := moment())
    box.put(second := moment())
    box._file._fail(OSError("no such disk"))
    box._file._retry_at = float("inf")
    box.put(third := moment())
    assert box.erase([first.id, third.id]) == 1, "what cannot be read is not counted"
    box._file.retry_now()
    box.tick(None)
    assert box.trouble is None
    assert ids(box.after(0, 10)) == [second.id]


def test_what_is_erased_by_time_on_a_full_disk_is_not_sent(opened):
    box = opened()
    box.put(first := moment())
    box._file._db.execute("PRAGMA max_page_count = 1")
    while box.trouble is None:
        box.put(moment())
    assert box.erase_between(-inf, inf) >= 2
    assert box.after(0, 1000) == []
    box.put(after := moment())
    box._file._db.execute("PRAGMA max_page_count = 1000000")
    box._file.retry_now()
    box.tick(None)
    assert first.id not in ids(box.after(0, 1000))
    assert ids(box.after(0, 1000)) == [after.id]


def test_what_is_erased_by_time_while_its_disk_is_away_is_gone_when_it_is_back(opened):
    box = opened()
    early, late = moment(), moment(start=NOON + timedelta(days=1))
    box.put(early)
    box.put(late)
    box._file._fail(OSError("no such disk"))
    box._file._retry_at = float("inf")
    box.put(held := moment())
    assert box.erase_between(NOON_S - 3600, NOON_S + 3600) == 1, "what cannot be read is not counted"
    box.put(after := moment())
    box._file.retry_now()
    box.tick(None)
    assert box.trouble is None
    assert held.id not in ids(box.after(0, 10))
    assert ids(box.after(0, 10)) == [late.id, after.id]


CHILD = """
import sys
from pathlib import Path
from edge.outbox.queue import Outbox
from tests.edge.making import moment
box = Outbox(Path(sys.argv[1]), max_mb=100, max_days=365)
waiting = []
while True:
    box.put(each := moment())
    print("kept", each.id, flush=True)
    waiting.append(each.id)
    if len(waiting) > 5:
        box.stored([waiting.pop(0)])
"""


def test_every_moment_that_was_put_and_not_answered_survives_sigkill(path, opened):
    unanswered = []
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True)
        with child:
            kept = [child.stdout.readline() for _ in range(60)]
            child.send_signal(signal.SIGKILL)
            kept += [line for line in child.stdout if line.endswith("\n")]
        unanswered += [line.split()[1] for line in kept[-5:]]
    there = ids(opened().after(0, 100_000))
    assert len(there) == len(set(there))
    assert set(unanswered) <= set(there)


@pytest.mark.parametrize("torn", range(0, 4200, 300))
def test_a_power_cut_in_the_middle_of_a_commit_costs_that_commit_only(opened, path, torn):
    """The card has all that was synced, and of what was not any part: here the first `torn` bytes, then garbage."""
    box = opened()
    kept = moments(10)
    for each in kept:
        box.put(each)
    wal = Path(f"{path}-wal")
    synced = wal.stat().st_size
    box.put(moment())
    card = path.with_name("card")
    card.mkdir()
    shutil.copy(path, card / path.name)
    rest = bytearray(wal.read_bytes())
    rest[synced + torn :] = os.urandom(len(rest) - synced - torn)
    (card / wal.name).write_bytes(rest)
    after = Outbox(card / path.name, max_mb=100, max_days=365)
    assert ids(after.after(0, 100))[:10] == [each.id for each in kept]
    after.put(late := moment())
    assert late.id in ids(after.after(0, 100))
    assert after.trouble is None
    after.close()


@given(share=st.floats(0, 1), tail=st.sampled_from(["nothing", "zeros", "noise", "old"]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_card_that_has_the_log_up_to_any_byte_has_the_moments_up_to_there(tmp_path, share, tail):
    """Also where the rest is what an earlier round of the log left there, as after a checkpoint."""
    folder = tmp_path / f"{time.monotonic_ns()}"
    box = Outbox(folder / "outbox", max_mb=100, max_days=365)
    wal = folder / "outbox-wal"
    for each in moments(3):
        box.put(each)
    old = wal.read_bytes()
    box._file._db.execute("PRAGMA wal_checkpoint(RESTART)")
    before = ids(box.after(0, 10))
    kept, sizes = [], []
    for each in moments(6):
        box.put(each)
        kept.append(each.id)
        sizes.append(_log_end(box, wal))
    whole = wal.read_bytes()
    cut = round(share * sizes[-1])
    rest = {"nothing": b"", "zeros": bytes(len(whole)), "noise": os.urandom(len(whole)), "old": old[cut:]}[tail]
    card = folder / "card"
    card.mkdir()
    shutil.copy(folder / "outbox", card / "outbox")
    (card / "outbox-wal").write_bytes(whole[:cut] + rest)
    after = Outbox(card / "outbox", max_mb=100, max_days=365)
    found = ids(after.after(0, 100))
    synced = sum(size <= cut for size in sizes)
    assert found[:3] == before
    assert found[3:] == kept[: len(found) - 3], "in order, without a gap"
    assert len(found) - 3 >= synced
    assert after.trouble is None
    after.close()
    box.close()


def _log_end(box, wal):
    """Give the byte up to which the log holds frames of this round: they carry the salt of its header."""
    content = wal.read_bytes()
    page = int.from_bytes(content[8:12], "big")
    at = 32
    while content[at + 8 : at + 16] == content[16:24] and at < len(content):
        at += 24 + page
    return at


def test_every_commit_is_synced_before_it_returns(opened):
    box = opened()
    assert box._file._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert box._file._db.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"


def test_a_moment_is_one_durable_commit_and_its_deletion_none_of_its_own(opened):
    box = opened()
    commits = []
    box._file._db.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
    for each in moments(50):
        box.put(each)
        box.stored([each.id])
    box.close()
    assert len(commits) == 51, "one a moment, and the last deletion"


def test_two_thousand_moments_write_less_than_forty_megabytes(opened, path):
    before = written()
    box = opened()
    for each in moments(200):
        box.put(each)
        box.stored([each.id])
    box.close()
    assert (written() - before) * 10 < 40e6


def written():
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])
