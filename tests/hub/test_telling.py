"""An order to erase is done when the device has done it and nothing of it came here meanwhile."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from hub.api.app import create_app
from hub.forgetting import without_broker
from hub.query.filter import Filter, parse
from hub.query.pages import everything
from hub.records.sounds import Sounds
from hub.stores.store import Report
from hub.telling import Telling
from tests.hub.conftest import serving
from tests.hub.moments import make
from tests.parts import wait_until

THEN = datetime(2024, 5, 22, 9, 30, tzinfo=UTC)
LISTENING = Report("a", "status", '{"state":"listening"}')
HEALTH = Report("a", "health", "{}")
HANGS = "what was just heard could not be forgotten, since a model hangs; ask again"


class Wire:
    def __init__(self):
        self.orders = []

    def __call__(self, device, kind, body, *, retain=False, expires_s=None):  # noqa: ARG002
        if kind == "command":
            self.orders.append(body)
        return True

    def take(self):
        """Give the orders since the last call."""
        found, self.orders = self.orders, []
        return found

    def span(self):
        """Give the last order that names a time, or all; None before there is one."""
        return next((order for order in self.orders[::-1] if "ids" not in order["args"]), None)


@pytest.fixture
def wire():
    return Wire()


def reply(order, *, ok, error=None, device="a"):
    return Report(device, "reply", json.dumps({"id": order["id"], "ok": ok, "error": error}))


def ids(store):
    return {item["id"] for item in everything(store, Filter())}


def test_a_device_that_could_not_erase_is_told_again_by_another_id_when_it_comes_back(telling, wire):
    telling.erase("a", {"from": "2024-05-22T00:00:00+09:00"})
    (first,) = wire.take()
    telling.reported(reply(first, ok=False, error=HANGS))
    telling.reported(HEALTH)
    telling.reported(LISTENING)
    (again,) = wait_until(wire.take)
    assert again["id"] != first["id"]
    assert again | {"id": first["id"]} == first
    telling.reported(reply(first, ok=False, error=HANGS))  # delivered twice
    telling.reported(reply(again, ok=True))
    telling.reported(LISTENING)
    telling.close()
    assert wire.take() == []


def test_a_device_that_could_not_erase_and_stays_is_told_again_after_a_while(telling, wire, monkeypatch):
    monkeypatch.setattr("hub.telling._AGAIN_S", 0.0)
    telling.erase("a", {"ids": ["x"]})
    (first,) = wire.take()
    telling.reported(reply(first, ok=False, error="the disk refuses: No space left on device"))
    telling.reported(Report("b", "health", "{}"))
    telling.reported(HEALTH)
    (again,) = wait_until(wire.take)
    assert again["args"] == first["args"]
    telling.reported(HEALTH)
    telling.close()
    assert wire.take() == [], "once, until it has answered"


def test_what_a_person_asked_a_device_ends_with_its_answer_and_erases_nothing_here(store, wire):
    moment = make(device="a", start=THEN)
    store.take([moment])
    app = create_app(store, send=wire)
    with serving(app) as client:
        telling = app.state.parts.telling
        for ok in (False, True):
            asked = client.post("/api/devices/a/command", json={"do": "erase"}).json()["id"]
            (order,) = wire.take()
            telling.reported(reply(order, ok=ok, error=None if ok else HANGS))
            shown = client.get(f"/api/devices/a/commands/{asked}").json()["reply"]
            assert shown == {"ok": ok, "error": None if ok else HANGS}
        telling.reported(LISTENING)
    assert wire.take() == []
    assert ids(store) == {moment.id}


@pytest.mark.parametrize("query", [{}, {"from": "2024-05-22", "to": "2024-05-23"}, {"to": "2300-01-01"}])
def test_what_a_device_sent_before_it_heard_is_erased_here_as_well(store, wire, tmp_path, query):
    store.take([make(device="a", start=THEN)])
    erased = parse([("device", "a"), *query.items()])[0]
    without_broker(store, Sounds(tmp_path / "sounds")).matching(erased)
    backlog = [make(device="a", start=THEN + timedelta(minutes=n)) for n in range(5)]
    later = make(device="a", start=datetime.now(UTC) + timedelta(days=1))
    others = make(device="b", start=THEN)
    app = create_app(store, send=wire)
    with serving(app):
        telling = app.state.parts.telling
        telling.connected()
        span = wait_until(wire.span)
        store.take([*backlog, later, others])
        telling.reported(reply(span, ok=False, error=HANGS))
        assert len(ids(store)) == 7
        wire.take()
        telling.reported(LISTENING)
        span = wait_until(wire.span)
        telling.reported(reply(span, ok=True))
    assert ids(store) == {later.id, others.id}


def test_a_time_that_was_not_named_keeps_what_comes_of_it(store, wire, tmp_path):
    store.take([make(device="a", start=THEN)])
    erased = parse([("device", "a"), ("from", "2024-05-22"), ("to", "2024-05-23")])[0]
    without_broker(store, Sounds(tmp_path / "sounds")).matching(erased)
    before, after = (make(device="a", start=THEN + timedelta(days=n)) for n in (-1, 1))
    app = create_app(store, send=wire)
    with serving(app):
        telling = app.state.parts.telling
        telling.connected()
        span = wait_until(wire.span)
        store.take([before, after])
        telling.reported(reply(span, ok=True))
    assert ids(store) == {before.id, after.id}


def test_a_hub_that_ends_before_it_erased_that_does_it_at_its_next_connection(store, wire):
    ended = Telling(store, wire)
    ended.erase("a", {})
    (order,) = wire.take()
    store.take([make(device="a", start=THEN)])
    ended.reported(reply(order, ok=True))
    app = create_app(store, send=wire)
    with serving(app):
        app.state.parts.telling.connected()
    assert ids(store) == set()
    assert all("ids" in order["args"] for order in wire.take())


def test_an_order_of_another_process_reaches_a_device_that_stays_connected(store, wire, monkeypatch):
    monkeypatch.setattr("hub.telling._LOOK_S", 0.05)
    here = Telling(store, wire)
    here.start()
    here.erase("a", {"ids": ["of this process"]})
    assert len(wire.take()) == 1
    Telling(store, lambda *_, **__: False).erase("a", {})
    order = wait_until(wire.span)
    assert order["do"] == "erase"
    assert [told["args"] for told in wire.take()] == [{}], "its own it has told already"
    here.reported(reply(order, ok=True))
    here.close()
    assert wire.take() == []
