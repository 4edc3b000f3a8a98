"""What waits, in which order, what it waits for, and what goes when there is too much."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from math import inf

import pytest

from edge.clock import Reading
from edge.outbox.queue import Outbox
from edge.outbox.row import start_of
from moments import Moment, Scene, uuid7
from tests.edge.making import CLIP, NOON, ids, moment, moments
from tests.edge.outbox.breaking import NOON_S, fill


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


def test_what_is_asked_every_few_seconds_does_not_read_the_whole_outbox(opened):
    box = opened()
    box.put(moment())
    asked = []
    box._file._db.set_trace_callback(asked.append)
    box.settle(lambda s: Reading(NOON, "synced", s), "this")
    box.release("this", heard_before=2000.0)
    box.oldest_age_s(NOON_S)
    box.tick(NOON_S)
    box.erase_between(0.0, NOON_S)
    box._file._db.set_trace_callback(None)
    queries = [sql for sql in asked if "outbox" in sql]
    plans = [step[3] for sql in queries for step in box._file._db.execute(f"EXPLAIN QUERY PLAN {sql}")]
    of_time = [plan for plan in plans if "INDEX dated" in plan]
    assert len(of_time) == 5, "the oldest, those that are too old, those of a span, and twice those of no time"
    assert [plan for plan in plans if plan.startswith("SCAN") and "USING INDEX waits" not in plan] == []


def test_moments_that_the_disk_did_not_take_are_stamped_and_let_go_too(tmp_path):
    (tmp_path / "file").write_text("in the way")
    box = Outbox(tmp_path / "file" / "outbox.sqlite", max_mb=10, max_days=10)
    early, late, other = moments(3, clock="free")
    box.put(early, heard=100.0, boot="this")
    box.put(late, heard=3000.0, boot="this")
    box.put(other, heard=5000.0, boot="before")
    assert box.after(0, 10) == []
    assert box.release("this", heard_before=2000.0) == 2
    assert ids(box.after(0, 10)) == [early.id, other.id]
    right = NOON + timedelta(days=3)
    assert box.settle(lambda boot_s: Reading(right + timedelta(seconds=boot_s), "gps", boot_s), "this") == 1
    stamped = Moment.from_json(box.after(0, 10)[1].body)
    assert (stamped.id, stamped.start, stamped.clock) == (late.id, right + timedelta(seconds=3000), "gps")
    box.close()


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


def test_surroundings_that_were_named_surely_stay_before_those_that_nobody_could_name(opened):
    box = opened(max_mb=0.2)
    sure, unclear = (
        Scene(label="alarm", group="signals", confidence=0.95),
        Scene(label="x", group="x", confidence=0.2),
    )
    named = moments(20, basis="scene", scene=sure, confidence=0.48)
    for each in [*named, *moments(300, basis="scene", scene=unclear, confidence=0.9)]:
        box.put(each)
    assert {each.id for each in named} <= set(ids(box.after(0, 1000)))


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
    assert box.erase_between(NOON_S + 1, NOON_S + 3) == 2
    assert ids(box.after(0, 10)) == [five[3].id, five[4].id]
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM outbox").fetchone() == (2,), "at once, not with the next commit"
    db.close()


@pytest.fixture
def starts_read(monkeypatch):
    """Keep of which moments the start is read from the body."""
    bodies = []
    for module in ("edge.outbox.row", "edge.outbox.erasing"):
        monkeypatch.setattr(f"{module}.start_of", lambda body: bodies.append(body) or start_of(body))
    return bodies


def test_erasing_by_time_reads_no_moment_whose_time_was_known(opened, starts_read):
    fill(opened(), moments(1200))
    box = opened()
    assert box.erase_between(0.0, 1.0) == 0
    assert box.erase_between(NOON_S + 100, NOON_S + 1200) == 1100
    assert starts_read == []
    assert box.depth == 100


def test_erasing_by_time_reads_each_moment_whose_time_was_not_known_once(opened, starts_read):
    box = opened()
    waiting = moments(3, clock="free")
    for n, each in enumerate([*waiting, moment()]):
        box.put(each, heard=1.0 if n == 0 else None, boot="this" if n == 0 else None)
    assert box.erase_between(NOON_S + 1, NOON_S + 2) == 1
    assert starts_read == [each.to_json() for each in waiting]
    assert [row.body for row in box.rows([each.id for each in waiting])] == [waiting[0].to_json(), waiting[2].to_json()]


@pytest.mark.parametrize("known", [True, False])
def test_what_began_at_the_end_of_a_span_is_not_of_it(opened, known):
    box = opened()
    half = NOON + timedelta(microseconds=700)  # a moment's start is told in whole milliseconds
    box.put(early := moment(clock="free"), heard=1.0, boot="this")
    if known:
        box.settle(lambda _: Reading(half, "synced", 1.0), "this")
    assert Moment.from_json(box.rows([early.id])[0].body).start == NOON
    assert box.erase_between(NOON_S - 1, NOON_S) == 0
    assert box.erase_between(NOON_S + 0.0005, NOON_S + 1) == 0
    assert box.erase_between(NOON_S, NOON_S + 0.0005) == 1


def test_a_moment_whose_time_is_known_after_an_erasure_is_not_of_it(opened):
    box = opened()
    box.put(early := moment(clock="free", start=NOON - timedelta(days=300)), heard=1.0, boot="this")
    assert box.erase_between(NOON_S, NOON_S + 100) == 0
    box.settle(lambda _: Reading(NOON, "synced", 1.0), "this")
    box.put(other := moment())
    assert ids(box.after(0, 10)) == [early.id, other.id]


def test_a_moment_whose_bytes_the_card_has_changed_holds_nothing_up(opened, tmp_path):
    box = opened()
    box.put(moment(device="pocket-1"))
    box.put(moment(device="pocket-1", clock="free"), heard=1.0, boot="now")
    box.put(moment(device="pocket-1", start=NOON + timedelta(hours=1)))
    with closing(sqlite3.connect(box.path, isolation_level=None)) as other:
        other.execute("UPDATE outbox SET body = ? WHERE seq <= 2", (b'{"schema": 1, "id": "?"',))
    box.rename("pocket-2")
    assert box.settle(lambda _: Reading(NOON, "synced", 1.0), "now") == 1
    rows = box.after(0, 10)
    assert rows[1].born == NOON.timestamp(), "so that it goes with its age at the latest"
    assert [row.body[:9] for row in rows[:2]] == [b'{"schema"'] * 2, "the hub is told of them"
    assert Moment.from_json(rows[2].body).device == "pocket-2"
    assert box.of_records(["x"]) == []
    box.put(other := moment(clock="free"))
    with closing(sqlite3.connect(box.path, isolation_level=None)) as others:
        others.execute("UPDATE outbox SET body = ? WHERE seq = 4", (b'{"schema": 1, "id": "?"',))
    assert box.erase_between(NOON_S, inf) == 3, "of a time that is named only what is known to be of it"
    assert ids(box.after(0, 10)) == [other.id]
    assert box.erase_between(-inf, inf) == 1
