import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from edge.clock import Reading
from edge.outbox import queue as outboxes
from edge.outbox.queue import Outbox
from moments import Clip, Moment, uuid7
from tests.edge.making import NOON, moment, moments


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "outbox.sqlite"


@pytest.fixture
def opened(path):
    boxes = []

    def go(**bounds):
        box = Outbox(path, **({"max_mb": 100, "max_days": 365} | bounds))
        boxes.append(box)
        return box

    yield go
    for box in boxes:
        box.close()


def ids(rows):
    return [row.id for row in rows]


def test_a_moment_waits_until_it_is_stored(opened):
    box = opened()
    first, second = moments(2)
    box.put(first)
    box.put(second)
    assert ids(box.after(0, 10)) == [first.id, second.id]
    assert box.after(0, 1)[0].body == first.to_json()
    box.stored([first.id, "0196f3c2-8f0e-7c1a-9a52-6d0f4f1e2b33"])
    assert ids(box.after(0, 10)) == [second.id]
    assert box.depth == 1


def test_the_order_is_that_of_arrival_also_after_a_restart(opened):
    box = opened()
    three = moments(3)
    for each in reversed(three):
        box.put(each)
    box.close()
    box = opened()
    late = moment()
    box.put(late)
    assert ids(box.after(0, 10)) == [*(each.id for each in reversed(three)), late.id]


def test_what_the_hub_stored_is_not_there_after_a_restart(opened):
    box = opened()
    box.put(first := moment())
    box.stored([first.id])
    box.close()
    assert opened().depth == 0


def test_only_its_owner_may_read_the_file(opened, path):
    opened().put(moment())
    assert path.stat().st_mode & 0o077 == 0


def test_a_moment_of_unknown_time_waits_and_is_stamped_once_it_is_known(opened):
    box = opened()
    early = moment(clock="free")
    box.put(early, heard=100.0, boot="this")
    box.put(ready := moment())
    assert ids(box.after(0, 10)) == [ready.id]
    right = NOON + timedelta(days=3)
    assert box.settle(lambda boot_s: Reading(right + timedelta(seconds=boot_s), "gps", boot_s), "this") == 1
    (row,) = box.rows([early.id])
    stamped = type(early).from_json(row.body)
    assert (stamped.start, stamped.clock) == (right + timedelta(seconds=100), "gps")
    assert ids(box.after(0, 10)) == [early.id, ready.id]
    assert stamped == early.model_copy(update={"start": stamped.start, "clock": "gps"})


def test_a_moment_whose_time_never_comes_leaves_as_free(opened):
    box = opened()
    box.put(another_boot := moment(clock="free"), heard=5000.0, boot="before")
    box.put(too_long := moment(clock="free"), heard=100.0, boot="this")
    box.put(moment(clock="free"), heard=3000.0, boot="this")
    assert box.release("this", heard_before=2000.0) == 2
    assert ids(box.after(0, 10)) == [another_boot.id, too_long.id]
    assert type(too_long).from_json(box.rows([too_long.id])[0].body).clock == "free"


CLIP = Clip(sha256="a" * 64, seconds=3.0, media_type="audio/flac")


def test_a_moment_that_is_held_waits_for_its_clip_and_holds_up_no_other(opened):
    box = opened()
    held, other, alike = moments(3)
    box.put(held, hold="r")
    box.put(other)
    box.put(alike, hold="s")
    assert ids(box.after(0, 10)) == [other.id]
    assert box.depth == 3
    box.attach("r", CLIP)
    found = box.after(0, 10)
    assert ids(found) == [held.id, other.id]
    assert Moment.from_json(found[0].body) == held.model_copy(update={"clip": CLIP})
    box.attach("s", None)
    assert Moment.from_json(box.after(0, 10)[2].body) == alike
    box.attach("r", CLIP)


def test_a_clip_reaches_moments_that_the_disk_did_not_take(opened, path, monkeypatch):
    box = opened()
    held = moments(1)[0]
    monkeypatch.setattr(box._file, "write", lambda _: None)
    box.put(held, hold="r")
    box.attach("r", CLIP)
    assert Moment.from_json(box.after(0, 1)[0].body).clip == CLIP


def test_a_restart_lets_held_moments_go_without_a_clip(opened):
    box = opened()
    held = moments(1)[0]
    box.put(held, hold="r")
    box.close()
    assert Moment.from_json(opened().after(0, 1)[0].body) == held


def test_the_moments_of_a_record_are_found(opened):
    box = opened()
    records = [uuid7(), uuid7()]
    first, second, third = moments(3)
    for each, record in ((first, records[0]), (second, records[1]), (third, None)):
        box.put(each.model_copy(update={"record": record}))
    assert box.of_records(records[:1]) == [first.id]


def test_beyond_its_size_the_least_sure_go_first_and_records_last(opened, caplog):
    box = opened(max_mb=0.2)
    record = moment(confidence=0.2, record="0196f3c2-8f0e-7c1a-9a52-6d0f4f1e2b33")
    box.put(record)
    sure = moments(20, confidence=0.9)
    unsure = moments(300, confidence=0.3)
    for each in [*sure, *unsure]:
        box.put(each)
    kept = set(ids(box.after(0, 1000)))
    assert record.id in kept
    assert {each.id for each in sure} <= kept
    assert unsure[-1].id in kept, "the oldest of the unsure go first"
    assert 0 < len(kept) < 321
    assert box.dropped["size"] == 321 - len(kept), "each is counted"
    assert "moments dropped" in caplog.text


def test_beyond_its_age_a_moment_goes_unless_it_is_a_record_or_its_time_is_unknown(opened):
    box = opened(max_days=10)
    box.put(moment())
    box.put(record := moment(record="0196f3c2-8f0e-7c1a-9a52-6d0f4f1e2b33"))
    box.put(free := moment(clock="free"))
    box.put(fresh := moment(start=NOON + timedelta(days=11)))
    box.tick(None)
    assert box.depth == 4
    box.tick((NOON + timedelta(days=11)).timestamp())
    assert ids(box.after(0, 10)) == [record.id, free.id, fresh.id]
    assert box.dropped["age"] == 1
    assert box.oldest_age_s((NOON + timedelta(days=11)).timestamp()) == pytest.approx(11 * 86_400)


def test_erasing_reaches_what_waits(opened, path):
    box = opened()
    five = moments(5)
    for each in five:
        box.put(each)
    assert box.erase([five[0].id, "0196f3c2-8f0e-7c1a-9a52-6d0f4f1e2b33"]) == 1
    assert box.erase(None, NOON + timedelta(seconds=1), NOON + timedelta(seconds=3)) == 2
    assert ids(box.after(0, 10)) == [five[3].id, five[4].id]
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM outbox").fetchone() == (2,), "at once, not with the next commit"
    db.close()


@pytest.mark.parametrize("damage", ["header", "middle", "empty"])
def test_a_broken_file_is_set_aside_and_what_can_be_read_is_saved(opened, path, damage):
    box = opened()
    many = moments(200)
    for each in many:
        box.put(each)
    box.close()
    content = bytearray(path.read_bytes())
    if damage == "header":
        content[:100] = b"x" * 100
    elif damage == "middle":
        for page in range(10, 14):
            content[page * 4096 : (page + 1) * 4096] = os.urandom(4096)
    else:
        content = bytearray()
    path.write_bytes(content)
    box = opened()
    kept = box.after(0, 1000)
    late = moment()
    box.put(late)
    assert box.trouble is None
    assert late.id in ids(box.after(0, 1000))
    if damage == "middle":
        assert len(kept) > 50, "both ends of the file can be read"
    if damage != "empty":
        assert box.dropped["corrupt"] == 1
        assert Path(f"{path}.corrupt").exists()


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
    box._file._retry_at = time.monotonic() + 60  # still full
    box.put(third := moment())
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


def test_a_disk_that_has_become_read_only_is_no_end(opened):
    box = opened()
    box.put(first := moment())
    box._file._db.execute("PRAGMA query_only = ON")  # answers as a read-only mount does
    box.put(second := moment())
    assert "readonly" in box.trouble
    assert second.id in ids(box.after(0, 10))
    box._file._retry_at = 0.0
    box.tick(None)
    assert box.trouble is None
    assert ids(box.after(0, 10)) == [first.id, second.id]


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


class Life(RuleBasedStateMachine):
    """An outbox against a plain dictionary, through stores, erasures, kills and restarts."""

    put_ids = Bundle("put_ids")

    def __init__(self):
        super().__init__()
        self.folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"outbox-{os.getpid()}-{time.monotonic_ns()}"
        self.path = self.folder / "outbox.sqlite"
        self.box = Outbox(self.path, max_mb=100, max_days=365)
        self.model: dict[str, bool] = {}
        self.answered: set[str] = set()
        self.held: set[str] = set()

    @rule(target=put_ids, free=st.booleans())
    def put(self, free):
        each = moment(clock="free" if free else "synced")
        self.box.put(each, heard=1.0 if free else None, boot="b" if free else None)
        self.model[each.id] = free
        return each.id

    @rule(target=put_ids)
    def put_held(self):
        each = moment()
        self.box.put(each, hold=each.id)
        self.model[each.id] = True
        self.held.add(each.id)
        return each.id

    @rule(each=put_ids, clip=st.sampled_from([CLIP, None]))
    def the_clip_is_there(self, each, clip):
        self.box.attach(each, clip)
        if each in self.held and each in self.model:
            self.model[each] = False
            assert Moment.from_json(self.box.rows([each])[0].body).clip == clip
        self.held.discard(each)

    @rule(each=consumes(put_ids))
    def stored(self, each):
        self.box.stored([each])
        self.model.pop(each, None)
        self.answered.add(each)

    @rule(each=put_ids)
    def erase(self, each):
        assert self.box.erase([each]) == (each in self.model)
        self.model.pop(each, None)

    @rule()
    def learn_the_time(self):
        waiting = sum(free for each, free in self.model.items() if each not in self.held)
        assert self.box.settle(lambda s: Reading(NOON, "synced", s), "b") == waiting
        self.model = {each: each in self.held for each in self.model}

    @rule()
    def tick(self):
        self.box.tick(NOON.timestamp())

    @rule()
    def restart(self):
        self.box.close()
        self.open_again()

    def open_again(self):
        """Whoever held a moment is gone."""
        self.box = Outbox(self.path, max_mb=100, max_days=365)
        self.model |= dict.fromkeys(self.held & set(self.model), False)
        self.held.clear()

    @rule()
    def die(self):
        """A kill forgets what was in memory: answers whose deletion had not been written come back."""
        self.box._file._db.close()
        self.open_again()
        back = {row.id for row in self.box.after(0, 10_000)} - set(self.model)
        assert back <= self.answered
        self.model |= dict.fromkeys(back, False)

    @invariant()
    def what_may_be_sent_is_what_waits(self):
        sendable = ids(self.box.after(0, 10_000))
        assert sendable == [each for each in self.sorted() if not self.model[each]]
        assert self.box.depth == len(self.model)
        assert self.box.trouble is None

    def sorted(self):
        rows = {row.id: row.seq for row in self.box.rows(self.model)}
        return sorted(self.model, key=lambda each: rows[each])

    def teardown(self):
        self.box.close()
        shutil.rmtree(self.folder)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
