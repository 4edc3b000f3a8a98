"""What is sent while the outbox' disk is away or takes nothing."""

import sqlite3

import pytest

from tests.edge.making import moment, moments
from tests.parts import wait_until

pytestmark = pytest.mark.needs("mosquitto")


def take_the_disk_away(outbox):
    outbox._file._fail(OSError("no such disk"))
    outbox._file._retry_at = float("inf")


def bring_the_disk_back(outbox):
    outbox._file.retry_now()
    outbox.tick(None)
    assert outbox.trouble is None


def test_what_is_under_way_while_its_disk_is_away_is_sent_again_when_it_is_back(hub, outbox, publishing):
    hub.silent_about = {(first := moment()).id, (second := moment()).id}
    outbox.put(first)
    publisher = publishing(resend_s=0.2)
    wait_until(lambda: hub.heard == [first.id])
    take_the_disk_away(outbox)
    outbox.put(second)
    publisher.wake()
    wait_until(lambda: hub.heard.count(second.id) >= 2)  # so the first was due as well and could not be read
    hub.silent_about = set()
    bring_the_disk_back(outbox)
    wait_until(lambda: outbox.depth == 0)
    assert set(hub.heard) == {first.id, second.id}


def test_a_backlog_on_a_disk_that_is_away_is_sent_when_it_is_back(hub, outbox, publishing):
    for each in (waiting := moments(3)):
        outbox.put(each)
    take_the_disk_away(outbox)
    outbox.put(held := moment())
    publishing()
    wait_until(lambda: hub.heard == [held.id])
    bring_the_disk_back(outbox)
    wait_until(lambda: outbox.depth == 0)
    assert hub.heard == [held.id, *(each.id for each in waiting)]


def make_the_disk_read_only(outbox):
    outbox._file._fail(sqlite3.OperationalError("attempt to write a readonly database"))
    outbox._file._retry_at = float("inf")
    assert outbox._file.readable


def test_what_was_stored_and_a_read_only_disk_keeps_is_not_looked_through_again(hub, outbox, publishing, monkeypatch):
    for each in (waiting := moments(30)):
        outbox.put(each)
    make_the_disk_read_only(outbox)
    after, asked = outbox.after, []
    monkeypatch.setattr(outbox, "after", lambda seq, limit: asked.append(seq) or after(seq, limit))
    publisher = publishing()
    wait_until(lambda: publisher.counts["stored"] == 30)
    wait_until(lambda: asked[-1] == outbox.last)
    before = asked.count(0)
    publisher.look_again()
    wait_until(lambda: asked.count(0) == before + 1)
    wait_until(lambda: asked[-1] == outbox.last)
    outbox.put(late := moment())
    publisher.wake()
    wait_until(lambda: late.id in hub.heard)
    assert hub.heard == [each.id for each in [*waiting, late]]


def test_what_is_erased_under_way_on_a_read_only_disk_is_not_waited_for(hub, outbox, publishing):
    hub.silent_about = {(first := moment()).id}
    outbox.put(first)
    make_the_disk_read_only(outbox)
    publisher = publishing(resend_s=0.2)
    wait_until(lambda: first.id in hub.heard)
    outbox.erase([first.id])
    wait_until(lambda: not publisher._sent)
