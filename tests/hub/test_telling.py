"""An order to erase is done when the device has done it and nothing of it came here meanwhile."""

import json
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import event, inspect, select

from hub import commanded
from hub.api.app import create_app
from hub.forgetting import without_broker
from hub.query.filter import parse
from hub.records.sounds import Sounds
from hub.settings.keep import write
from hub.settings.shapes import Settings
from hub.stores.beside import UNANSWERED, commands
from hub.stores.rows import key
from hub.stores.store import Report, now_ms
from hub.stores.tables import moments
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
        self.orders, self.devices, self.configs = [], [], []

    def __call__(self, device, kind, body, *, retain=False, expires_s=None):  # noqa: ARG002
        if kind == "command":
            self.orders.append(body)
            self.devices.append(device)
        else:
            self.configs.append((device, body))
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


def test_the_words_of_a_mark_go_to_its_device_and_are_not_kept_beside(telling, wire, store):
    order = {"id": "1", "do": "mark", "until": None, "args": {"note": "xylophone"}}
    assert telling.command("a", order)
    assert wire.take() == [order]
    with store.reading() as connection:
        assert "xylophone" not in connection.execute(select(commands.c.body)).scalar()
    assert commanded.find(store, "a", "1")["do"] == "mark"


def test_what_fails_for_one_device_does_not_end_the_telling_of_the_others(telling, wire, monkeypatch):
    monkeypatch.setattr("hub.telling.configs", lambda *_, **__: 1 / 0)
    telling.connected()
    telling.erase("a", {"ids": ["x"]})
    wire.take()
    telling.reported(LISTENING)
    assert wait_until(wire.take)


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
    with store.reading() as connection:
        assert connection.execute(select(moments.c.id)).scalars().all() == [key(moment.id)]


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


def test_what_others_order_is_looked_for_also_while_much_else_is_due(store, wire, monkeypatch):
    monkeypatch.setattr("hub.telling._LOOK_S", 0.5)
    here, ended = Telling(store, wire), threading.Event()
    here.start()

    def come_and_go():
        while not ended.wait(0.01):
            here.reported(Report("b", "status", '{"state":"listening"}'))

    others = threading.Thread(target=come_and_go)
    others.start()
    try:
        Telling(store, nobody).erase("a", {})
        assert wait_until(wire.span)
    finally:
        ended.set()
        others.join()
        here.close()


def nobody(*_, **__):
    """A broker that is not reached."""
    return False


def test_all_of_many_silent_devices_are_told_what_another_process_ordered(any_store, wire):
    here, many = Telling(any_store, wire), [f"d{n:03}" for n in range(250)]
    for device in many:
        Telling(any_store, nobody).erase(device, {})
    here._look()
    assert sorted(wire.devices) == many
    here._look()
    assert len(wire.devices) == len(many), "once"


def test_a_device_that_was_away_for_long_is_told_all_that_is_due_and_what_has_a_time_first(any_store, wire):
    elsewhere, day = (
        Telling(any_store, nobody),
        {"from": "2024-05-22T00:00:00+09:00", "to": "2024-05-23T00:00:00+09:00"},
    )
    for number in range(230):
        elsewhere.erase("a", {"ids": [str(number)]})
    elsewhere.erase("a", day)
    here = Telling(any_store, wire)
    here.reported(LISTENING)
    here._tell_awake()
    first, *others = [order["args"] for order in wire.take()]
    assert first == day
    assert sorted(int(args["ids"][0]) for args in others) == list(range(230))


def test_a_device_that_refuses_is_not_told_again_by_the_next_look(store, wire):
    here = Telling(store, wire)
    Telling(store, nobody).erase("a", {"ids": ["x"]})
    here._look()
    (order,) = wire.take()
    here.reported(reply(order, ok=False, error=HANGS))
    here._look()
    assert wire.take() == []


def test_devices_of_an_owner_that_another_process_erases_are_told_what_nobodys_are(
    any_store, wire, tmp_path, monkeypatch
):
    any_store.take([make(device="a", start=THEN), make(device="b", start=THEN)])
    any_store.describe_device("a", name=None, owner="Ann")
    home, office = ({"name": name, "lat": 35.1, "lon": 129.1, "radius_m": 100.0} for name in ("home", "office"))
    write(any_store, "Ann", settings=Settings.model_validate({"zones": [home]}))
    write(any_store, "", settings=Settings.model_validate({"zones": [office]}))
    here, erase = Telling(any_store, wire), any_store.erase
    here._tell_all()
    wire.configs.clear()

    def looked_at(found):
        here._look()
        return erase(found)

    monkeypatch.setattr(any_store, "erase", looked_at)
    without_broker(any_store, Sounds(tmp_path / "sounds")).matching(parse([("owner", "Ann")])[0])
    for _ in range(2):
        here._look()
    assert [(device, body["zones"]) for device, body in wire.configs] == [("a", [office | {"pause": False}])]


def test_a_device_whose_owner_this_process_changed_is_told_once(store, wire):
    store.take([make(device="a", start=THEN)])
    here = Telling(store, wire)
    here._tell_all()
    wire.configs.clear()
    store.describe_device("a", name=None, owner="Ann")
    here._tell_settings(device="a")
    here._look()
    assert len(wire.configs) == 1


def test_a_look_reads_no_command_that_was_answered(store, wire):
    plans = []

    def explain(_connection, cursor, statement, parameters, *_):
        if "FROM commands" in statement:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[-1] for row in cursor.fetchall())

    here = Telling(store, wire)
    event.listen(store._at.engine, "before_cursor_execute", explain)
    here._look()
    assert plans
    assert [plan for plan in plans if "commands_unanswered" not in plan] == []


def test_a_store_that_lacks_the_index_of_unanswered_commands_gets_it(any_store):
    with any_store.writing() as connection:
        UNANSWERED.drop(connection)
    any_store._open()
    with any_store.reading() as connection:
        assert UNANSWERED.name in {index["name"] for index in inspect(connection).get_indexes("commands")}


def test_commands_are_kept_for_90_days_and_what_is_left_to_erase_longer(any_store, wire):
    here, day_ms = Telling(any_store, wire), 86_400_000
    for args in ({"ids": ["x"]}, {"ids": ["y"]}, {}):
        here.erase("a", args)
    done, _, late = wire.take()
    for order in (done, late):
        here.reported(reply(order, ok=True))
    commanded.drop_old(any_store, now_ms() + 89 * day_ms)
    assert len(held(any_store)) == 3
    commanded.drop_old(any_store, now_ms() + 91 * day_ms)
    assert held(any_store) == [late["id"]]


def held(store):
    with store.reading() as connection:
        return list(connection.execute(select(commands.c.id)).scalars())
