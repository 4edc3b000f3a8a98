"""One row that a card has changed costs that row at most."""

import sqlite3
from contextlib import closing
from math import inf

import pytest

from edge.clock import Clock
from moments import Moment
from tests.edge.making import NOON, ids, moment, moments
from tests.edge.outbox.breaking import fill, harm, mended

NO_ROW = {
    "an id that is too short": "id = x'000102030405060708090a0b0c0d0e'",
    "an id that is text": "id = CAST(x'ff00feff00feff00feff00feff00feff' AS TEXT)",
    "a start that is text": "born = 'noon'",
    "a start since boot that is text": "heard = 'noon', boot = 'now'",
    "a start since boot that no boot lasts to": "heard = 1e300, boot = 'now'",
    "a start before its boot": "heard = -1e300, boot = 'now'",
    "a boot that is none": "boot = x'00ff'",
    "a rank that is text": "keep = 'sure'",
}
A_ROW = {
    "a body that is broken text": "body = CAST(x'ff00fe' AS TEXT)",
    "a body that is a number": "body = 5",
    "a boot that is broken text": "boot = CAST(x'ff00fe' AS TEXT)",
}


def change(path, what):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"UPDATE outbox SET {what} WHERE seq = 2")  # noqa: S608 (fixed words)


@pytest.mark.parametrize("what", NO_ROW.values(), ids=NO_ROW)
def test_a_row_that_is_none_is_deleted_and_counted_and_all_others_go(opened, path, what):
    box = opened()
    first, _, *others = moments(4)
    for each in (first, moment(), *others):
        box.put(each)
    change(path, what)
    box.close()
    box = opened()
    assert box.oldest_age_s(NOON.timestamp()) == 0.0
    assert box.settle(Clock().at_boot, "now") == 0
    box.rename("pocket-9")
    assert ids(box.after(0, 10)) == [first.id, *(each.id for each in others)]
    assert {Moment.from_json(row.body).device for row in box.after(0, 10)} == {"pocket-9"}
    assert box.dropped == {"corrupt": 1}
    assert box.depth == 3


def test_where_the_first_row_is_none_the_others_still_get_the_name_of_the_device(opened, path):
    box = opened()
    box.put(moment())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE outbox SET id = x'00'")
    box.put(moment())
    box.rename("pocket-9")
    assert [Moment.from_json(row.body).device for row in box.after(0, 10)] == ["pocket-9"]


@pytest.mark.parametrize("what", A_ROW.values(), ids=A_ROW)
def test_a_row_that_can_be_told_of_is_sent_and_holds_nothing_up(opened, path, what):
    box = opened()
    for each in (three := moments(3)):
        box.put(each)
    change(path, what)
    assert ids(box.after(0, 10)) == [each.id for each in three]
    box.rename("pocket-9")
    assert ids(box.after(0, 10)) == [each.id for each in three]
    assert box.trouble is None


def test_a_row_that_is_none_on_a_disk_that_takes_nothing_is_passed_over(opened, path):
    box = opened()
    first, second, third = moments(3)
    for each in (first, second, third):
        box.put(each)
    change(path, "id = x'00'")
    box._file._fail(sqlite3.OperationalError("attempt to write a readonly database"))
    box._file._retry_at = inf
    assert ids(box.after(0, 10)) == [first.id, third.id]
    assert box.dropped == {}


def test_a_row_that_is_none_in_a_broken_file_costs_no_other(opened, path):
    fill(opened(), many := moments(400))
    change(path, "boot = CAST(x'ff00fe' AS TEXT), born = 'noon'")
    harm(path)
    box = opened()
    box.after(0, 1000)
    found = mended(box)
    assert found[:2] == [many[0].id, many[2].id]
    assert many[-1].id in found


def test_erasing_reaches_a_row_whose_id_the_card_has_changed(opened, path):
    fill(opened(), many := moments(3))
    content = bytearray(path.read_bytes())
    at = content.index(many[1].to_json()) - 1
    content[at] ^= 1
    path.write_bytes(content)
    box = opened()
    assert len(box.after(0, 10)) == 3
    box.erase_between(-inf, inf)
    assert box.after(0, 10) == []
    box.close()
    assert mended(opened()) == []


@pytest.mark.parametrize("born", ["'noon'", "x'00'", "NULL"])
def test_erasing_reaches_a_row_whose_time_the_card_has_changed(opened, path, born):
    box = opened()
    for each in moments(3):
        box.put(each)
    change(path, f"born = {born}")
    assert box.erase_between(NOON.timestamp() + 1, NOON.timestamp() + 2) == 1, "its body tells it"
    assert box.dropped == {}
    assert box.depth == 2
