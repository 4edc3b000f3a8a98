"""A device that gets another name: what waits from before goes under it, a little at a time."""

import shutil
import sqlite3
from contextlib import closing
from math import inf

import pytest

from edge.outbox.queue import Outbox
from moments import Moment
from tests.edge.making import ids, moment, moments
from tests.edge.outbox.breaking import fill


def names(box):
    """Give the names of all that waits, the oldest first."""
    with closing(sqlite3.connect(box.path)) as db:
        return [Moment.from_json(body).device for (body,) in db.execute("SELECT body FROM outbox ORDER BY seq")]


def sent(box):
    return [Moment.from_json(row.body).device for row in box.after(0, 10_000)]


def written(box, do):
    """Give how many rows each commit names anew while `do` is done."""
    said, db = [], box._file._db
    db.set_trace_callback(said.append)
    do()
    db.set_trace_callback(None)
    commits = " ".join(each.split()[0] for each in said).split("COMMIT")
    return [count for commit in commits if (count := commit.count("UPDATE"))]


def test_what_waits_when_the_device_gets_another_name_goes_under_that_name(opened):
    box = opened()
    waiting = moments(3)
    for each in waiting:
        box.put(each)
    box.put(early := moment(clock="free"), heard=1.0, boot="this")
    assert written(box, lambda: box.rename("pocket-1")) == []
    assert written(box, lambda: box.rename("pocket-9")) == [4]
    assert written(box, lambda: box.rename("pocket-9")) == []
    found = [Moment.from_json(row.body) for row in box.rows([each.id for each in [*waiting, early]])]
    assert {each.device for each in found} == {"pocket-9"}
    assert [each.model_copy(update={"device": "pocket-1"}) for each in found[:3]] == waiting
    box.close()
    box = opened()
    assert written(box, lambda: box.rename("pocket-9")) == []
    assert len(sent(box)) == 3


def test_a_tick_names_a_part_anew_and_only_what_has_the_name_is_sent(opened, steps):
    fill(opened(), moments(1200))
    box = opened()
    assert written(box, lambda: box.rename("pocket-9")) == [500]
    assert sent(box) == ["pocket-9"] * 500
    assert not box.all_readable, "there is more before them"
    box.put(late := moment(device="pocket-9"))
    assert ids(box.after(0, 10_000))[-1] == late.id
    assert written(box, lambda: box.tick(None)) == [500]
    assert sent(box) == ["pocket-9"] * 1001
    for _ in range(2):
        box.tick(None)
    assert box.all_readable
    assert sent(box) == ["pocket-9"] * 1201


@pytest.mark.parametrize("name", ["pocket-9", "pocket-8", "pocket-1"])
def test_a_kill_while_what_waits_gets_another_name_leaves_nothing_under_an_old_one(opened, path, steps, tmp_path, name):
    fill(opened(), moments(1200))
    opened().rename("pocket-9")
    card = tmp_path / "card"
    shutil.copytree(path.parent, card)
    after = Outbox(card / path.name, max_mb=100, max_days=365)
    assert names(after) == ["pocket-1"] * 700 + ["pocket-9"] * 500
    after.rename(name)
    while not after.all_readable:
        assert set(sent(after)) <= {name}
        after.tick(None)
    assert sent(after) == names(after) == [name] * 1200
    after.close()


def test_what_is_on_a_read_only_disk_is_sent_if_it_has_the_name_and_else_waits(opened):
    box = opened()
    box.put(moment())
    box._file._fail(sqlite3.OperationalError("attempt to write a readonly database"))
    box._file._retry_at = inf
    box.rename("pocket-9")
    assert box.after(0, 10) == []
    box.rename("pocket-1")
    assert sent(box) == ["pocket-1"]
    assert box.all_readable


def test_what_was_away_when_the_device_got_another_name_gets_it_when_it_is_back(opened, path, tmp_path):
    box = opened()
    box.put(moment())
    box.close()
    away = path.parent.rename(tmp_path / "away")
    path.parent.write_text("in the way")
    box = opened()
    box.rename("pocket-9")
    box.put(moment(device="pocket-9"))
    assert sent(box) == ["pocket-9"], "from memory"
    path.parent.unlink()
    away.rename(path.parent)
    box._file.retry_now()
    box.tick(None)
    assert sent(box) == names(box) == ["pocket-9"] * 2


def test_what_is_taken_over_does_not_hide_that_there_is_more_under_another_name(opened, path, steps):
    fill(opened(), moments(300, device="pocket-9"))
    path.rename(f"{path}.broken")
    box = opened()
    box.put(moment(device="pocket-1"))
    box._file._fail(sqlite3.OperationalError("disk I/O error"))
    box.rename("pocket-9")
    box._file.retry_now()
    while not box.all_readable:
        box.tick(None)
    assert sent(box) == names(box) == ["pocket-9"] * 301
