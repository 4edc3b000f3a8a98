"""A wearer's day is erased by the offset that each waiting moment carries, whatever stands in the way."""

import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge.outbox import erasing, span
from edge.outbox.queue import Outbox
from edge.outbox.span import Days, Span
from tests.edge.making import ids, moment
from tests.edge.outbox.breaking import broken, fill, harm, mended, wipe

DAY = date(2026, 6, 1)
INF = float("inf")
NEW_YORK, TOKYO, KIRITIMATI = (ZoneInfo(name) for name in ("America/New_York", "Asia/Tokyo", "Pacific/Kiritimati"))
BAKER = timezone(timedelta(hours=-12))


def instant(day, zone):
    return datetime.combine(day, time(), zone).timestamp()


def order(zone=TOKYO, *, first=DAY, last=DAY + timedelta(days=1), until=INF):
    """What a hub tells that knows the device in a zone alone."""
    return Span(instant(first, zone), instant(last, zone), Days(instant(first, UTC), instant(last, UTC), until))


def heard(at, zone, **more):
    there = datetime.fromisoformat(at).replace(tzinfo=zone)
    return moment(start=there.replace(tzinfo=timezone(there.utcoffset())), **more)


def journey(first, then):
    """Two days of the wearer around the one that is meant, first in one zone and then in another."""
    meant = [heard(f"2026-06-01T{at}", zone) for zone in (first, then) for at in ("00:00", "12:00", "23:59:59.999")]
    before = [heard(f"2026-05-31T{at}", first) for at in ("00:00", "23:59:59.999")]
    after = [heard(f"2026-06-02T{at}", then) for at in ("00:00", "23:59:59.999")]
    return meant, [*before, *after]


def placed(box, *groups):
    for group in groups:
        for each in group:
            box.put(each)


def left(box):
    return set(ids(box.after(0, 10_000)))


ZONES = [(NEW_YORK, TOKYO), (TOKYO, NEW_YORK), (NEW_YORK, KIRITIMATI), (KIRITIMATI, BAKER), (BAKER, KIRITIMATI)]


@pytest.mark.parametrize("known", [NEW_YORK, TOKYO, KIRITIMATI, BAKER])
@pytest.mark.parametrize(("first", "then"), ZONES)
def test_on_a_journey_the_day_goes_and_its_neighbours_stay(opened, first, then, known):
    box = opened()
    meant, others = journey(first, then)
    placed(box, meant, others)
    assert box.erase_between(*order(known)) == len(meant)
    assert left(box) == {each.id for each in others}


def test_an_order_without_days_is_of_its_instants(opened):
    box = opened()
    meant, others = journey(NEW_YORK, TOKYO)
    placed(box, meant, others)
    low, high = order()[:2]
    box.erase_between(low, high)
    assert left(box) == {each.id for each in [*meant, *others] if not low <= each.start.timestamp() < high}


def test_what_is_heard_on_the_day_after_the_order_was_given_stays(opened):
    box = opened()
    before, after = heard("2026-06-01T11:59", TOKYO), heard("2026-06-01T12:00", TOKYO)
    placed(box, [before, after])
    assert box.erase_between(*order(until=after.start.timestamp())) == 1
    assert left(box) == {after.id}


def test_what_has_no_known_time_goes_by_the_instants(opened):
    box = opened()
    in_day, in_instants = heard("2026-06-01T20", NEW_YORK, clock="free"), heard("2026-05-31T20", NEW_YORK, clock="free")
    placed(box, [in_day, in_instants])
    assert box.erase_between(*order()) == 1
    assert left(box) == {in_day.id}


def test_what_cannot_be_read_goes_by_the_instants(opened):
    box = opened()
    meant, others = journey(NEW_YORK, TOKYO)
    placed(box, meant, others)
    box._file.write(lambda db: db.execute("UPDATE outbox SET body = '{'"))
    low, high = order()[:2]
    erased = sum(low <= each.start.timestamp() < high for each in [*meant, *others])
    assert box.erase_between(*order()) == erased
    assert 0 < erased < len(meant)


def test_of_weeks_only_what_is_near_the_bounds_is_read(opened, monkeypatch):
    many = [heard(f"2026-05-{n:02}T{hour:02}", NEW_YORK) for n in range(1, 32) for hour in range(24)]
    fill(opened(), many)
    box = opened()
    read = []
    of = erasing.offset_of
    monkeypatch.setattr(erasing, "offset_of", lambda body: read.append(body) or of(body))
    sql = []
    box._file._db.set_trace_callback(sql.append)
    assert box.erase_between(*order(first=date(2026, 5, 3), last=date(2026, 5, 29))) == 26 * 24
    box._file._db.set_trace_callback(None)
    assert len(read) <= 4 * 24
    asked = [each for each in sql if "born >=" in each and "born <" in each]
    assert len(asked) == 2
    for each in asked:
        plan = box._file._db.execute(f"EXPLAIN QUERY PLAN {each}").fetchall()
        assert "USING INDEX dated (born>? AND born<?)" in plan[0][-1]


def test_on_a_disk_that_takes_nothing_the_day_is_not_sent_any_more(opened):
    box = opened()
    meant, others = journey(NEW_YORK, TOKYO)
    placed(box, meant[:3], others[:2])
    box._file._db.execute("PRAGMA query_only = 1")
    placed(box, meant[3:], others[2:])
    assert box.held_in_memory == len(meant[3:] + others[2:])
    assert box.erase_between(*order()) == len(meant)
    assert left(box) == {each.id for each in others}
    box._file._db.execute("PRAGMA query_only = 0")
    box._file.retry_now()
    box.tick(None)
    assert box.trouble is None
    assert left(box) == {each.id for each in others}


@pytest.fixture
def travelled(opened, path):
    """Leave a broken outbox of a journey, and give what it had."""
    filler = [heard("2026-05-20T12", NEW_YORK) for _ in range(1500)]
    meant, others = journey(NEW_YORK, TOKYO)
    fill(opened(), [*meant, *others, *filler])
    harm(path)
    return {each.id for each in meant}, {each.id for each in others}


def test_a_day_does_not_come_back_from_a_broken_file_and_its_neighbours_do(opened, path, travelled, steps, tmp_path):
    meant, others = travelled
    box = broken(opened())
    box.erase_between(*order())
    card = tmp_path / "card"
    shutil.copytree(path.parent, card)  # as a kill leaves it
    after = Outbox(card / path.name, max_mb=100, max_days=365)
    for each in (mended(box), mended(after)):
        assert not meant & set(each)
        assert others <= set(each)
    after.close()


def test_a_day_does_not_come_back_when_the_outbox_breaks_again_before_all_is_taken_over(opened, path, travelled, steps):
    meant, others = travelled
    box = broken(opened())
    box.erase_between(*order())
    for each in (newer := [heard("2026-06-09T12", TOKYO) for _ in range(40)]):
        box.put(each)
    box.close()
    wipe(path, newer[20])
    found = set(mended(broken(opened())))
    assert not meant & found
    assert others <= found


@pytest.mark.parametrize("written", [b"[" + b" " * 20, b"[1, 2, 3]" + b" " * 20, b'[0, 1, ["x", 1, null]]', b"x" * 40])
def test_an_erasing_that_a_card_has_changed_holds_nothing_up(opened, path, travelled, steps, written):
    box = broken(opened())
    box._file.write(lambda db: db.execute("INSERT INTO gone VALUES (?, NULL, NULL)", (written,)))
    assert len(mended(box)) > 1000


def test_a_span_is_read_as_it_was_written():
    for each in (
        order(),
        order(until=0.1),
        Span(-INF, INF, Days(None, 3.0, INF)),
        Span(1.5, INF, Days(2.0, None, INF)),
    ):
        assert span.read(each.written()) == each
        assert len(each.written()) > 16


_ERASES = """
import sys
from pathlib import Path
from edge.outbox.queue import Outbox
from edge.outbox.span import Days
box = Outbox(Path(sys.argv[1]), max_mb=100, max_days=365)
low, high, first, last = map(float, sys.argv[2:])
print("at it", flush=True)
box.erase_between(low, high, Days(first, last, high + 1e6))
print("erased", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("line", ["at it", "erased"])
def test_a_kill_leaves_the_day_or_none_of_it_and_always_its_neighbours(opened, path, line):
    meant, others = journey(NEW_YORK, TOKYO)
    box = opened()
    placed(box, meant, others)
    box.close()
    low, high, days = order()
    args = [sys.executable, "-c", _ERASES, str(path), *map(str, (low, high, days.first, days.last))]
    with subprocess.Popen(
        args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    ) as child:
        while child.stdout.readline().strip() != line:
            assert child.poll() is None
        os.kill(child.pid, signal.SIGKILL)
    box = opened()
    kept = {each.id for each in others}
    assert left(box) in ([kept] if line == "erased" else [kept, kept | {each.id for each in meant}])
    box.erase_between(*order())  # the order comes again
    assert left(box) == kept
