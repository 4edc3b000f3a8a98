"""Against a real broker: what is published is committed once, then answered, then acknowledged."""

import base64
import json
import random
import threading
import time

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy.exc import OperationalError

from hub.config import Broker
from hub.ingest.subscriber import Subscriber
from hub.metrics import Metrics
from hub.query.filter import Filter
from hub.query.pages import everything
from hub.stores.store import Store
from moments import Models, Place
from moments.topics import topic
from tests.hub.moments import make
from tests.parts import wait_until

pytestmark = pytest.mark.needs("mosquitto")


class Device:
    """Publishes, and gathers the ids that the hub says it has stored."""

    def __init__(self, broker, name="pocket-1"):
        self.name = name
        self.stored = []
        self.ready = threading.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, f"test-{name}", protocol=mqtt.MQTTv5)
        self.client.on_connect = lambda client, *_: client.subscribe(topic(name, "stored"), 1)
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_message = lambda _c, _d, message: self.stored.extend(json.loads(message.payload)["ids"])
        self.client.connect(broker.host, broker.port)
        self.client.loop_start()
        assert self.ready.wait(5)

    def publish(self, payload, kind="moment", *, retain=False):
        self.client.publish(topic(self.name, kind), payload, 1, retain=retain)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def device(mosquitto):
    made = Device(mosquitto)
    yield made
    made.close()


@pytest.fixture
def hub(mosquitto, store):
    metrics = Metrics()
    made = Subscriber(Broker(host=mosquitto.host, port=mosquitto.port), store, metrics)
    made.metrics = metrics
    made.start()
    wait_until(lambda: metrics.value("moodscape_broker_connected") == 1)
    time.sleep(0.1)  # the subscription follows the connection
    yield made
    made.close()


def ids(store):
    return [item["id"] for item in everything(store, Filter())]


def letters(store):
    from sqlalchemy import select

    from hub.stores.tables import letters as table

    with store.reading() as connection:
        return connection.execute(select(table.c.topic, table.c.reason, table.c.payload)).all()


def test_a_moment_is_stored_and_answered(hub, device, store):
    moment = make()
    device.publish(moment.to_json())
    wait_until(lambda: device.stored)
    assert device.stored == [moment.id]
    assert ids(store) == [moment.id]


def test_a_moment_that_comes_again_is_answered_again_and_stored_once(hub, device, store):
    moment = make()
    for _ in range(3):
        device.publish(moment.to_json())
    wait_until(lambda: len(device.stored) == 3)
    assert ids(store) == [moment.id]


def test_an_erased_moment_is_answered_and_does_not_come_back(hub, device, store):
    from hub.query.sql import condition

    moment = make()
    store.take([moment])
    assert store.erase(condition(Filter(device=("pocket-1",)))) == 1
    device.publish(moment.to_json())
    wait_until(lambda: device.stored)
    assert ids(store) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"device": "other"}, "device is other, but the topic belongs to pocket-1"),
        ({"schema": 2}, "schema 2 is newer than 1"),
        ({"confidence": 7}, "confidence: Input should be less than or equal to 1"),
        ({"start": "2026-05-22T09:32:10"}, "start: "),
    ],
)
def test_what_is_no_moment_is_kept_with_its_reason_and_answered(hub, device, store, change, why):
    said = json.loads(make().to_json()) | change
    device.publish(json.dumps(said))
    wait_until(lambda: device.stored)
    assert device.stored == [said["id"]]
    assert ids(store) == []
    ((where, reason, payload),) = letters(store)
    assert where == topic("pocket-1", "moment")
    assert why in reason
    assert json.loads(payload) == said


@pytest.mark.parametrize("payload", [b"", b"\xff\xfe", b"[" * 5000, b"null", b'{"id": 7}', b'{"id": "\\ud800"}'])
def test_bytes_that_mean_nothing_are_kept_and_what_follows_is_taken(hub, device, store, payload):
    device.publish(payload)
    moment = make()
    device.publish(moment.to_json())
    wait_until(lambda: moment.id in device.stored)
    assert [kept for _, _, kept in letters(store)] == [payload]


def test_the_last_word_of_a_device_is_kept_across_the_hubs_absence(mosquitto, device, store):
    device.publish(json.dumps({"state": "paused", "since": "2026-05-22T09:00:00+09:00"}), "status", retain=True)
    metrics = Metrics()
    hub = Subscriber(Broker(host=mosquitto.host, port=mosquitto.port), store, metrics)
    hub.start()
    try:
        wait_until(lambda: metrics.value("moodscape_batches_total"))
    finally:
        hub.close()
    from sqlalchemy import select

    from hub.stores.tables import devices

    with store.reading() as connection:
        (status,) = connection.execute(select(devices.c.status).where(devices.c.id == "pocket-1")).scalars()
    assert json.loads(status)["state"] == "paused"


def test_what_is_published_while_the_hub_is_away_is_there_when_it_is_back(mosquitto, store):
    settings = Broker(host=mosquitto.host, port=mosquitto.port)
    metrics = Metrics()
    first = Subscriber(settings, store, metrics)
    first.start()
    wait_until(lambda: metrics.value("moodscape_broker_connected") == 1)
    time.sleep(0.2)
    first.close()
    device = Device(mosquitto)
    sent = [make() for _ in range(50)]
    for moment in sent:
        device.publish(moment.to_json())
    second = Subscriber(settings, store, Metrics())
    second.start()
    try:
        wait_until(lambda: len(device.stored) == 50)
    finally:
        second.close()
        device.close()
    assert sorted(ids(store)) == sorted(moment.id for moment in sent)


def test_the_hub_comes_back_after_the_broker_was_killed(hub, mosquitto, device, store):
    mosquitto.kill()
    wait_until(lambda: hub.metrics.value("moodscape_broker_connected") == 0)
    mosquitto.start()
    wait_until(lambda: hub.metrics.value("moodscape_broker_connected") == 1)
    moment = make()

    def stored():
        device.publish(moment.to_json())  # as an outbox does: again, until it is answered
        time.sleep(0.2)
        return device.stored

    wait_until(stored)
    assert ids(store) == [moment.id]


def test_a_store_that_cannot_be_written_delays_the_answer_and_loses_nothing(hub, device, store, monkeypatch):
    monkeypatch.setattr("hub.ingest.subscriber._AFTER_FAILURE_S", 0.1)
    earnest, calls = store.take, []

    def full_at_first(*batch):
        calls.append(batch)
        if len(calls) < 3:
            raise OperationalError("INSERT", {}, Exception("database or disk is full"))
        return earnest(*batch)

    monkeypatch.setattr(store, "take", full_at_first)
    moment = make()
    device.publish(moment.to_json())
    wait_until(lambda: device.stored)
    assert len(calls) == 3
    assert ids(store) == [moment.id]


@pytest.mark.needs("initdb")
def test_what_is_too_large_for_the_store_becomes_a_dead_letter_and_holds_up_no_other(mosquitto, postgres, monkeypatch):
    monkeypatch.setattr("hub.stores.rows._LONGEST_KEY", 1 << 20)  # so that PostgreSQL's index has to say no
    store, device, metrics = Store(postgres.new()), Device(mosquitto), Metrics()
    large = make(models=Models(gate="g", build=base64.b64encode(random.Random(1).randbytes(9000)).decode()))
    others = [make(), make()]
    hub = Subscriber(Broker(host=mosquitto.host, port=mosquitto.port), store, metrics)
    hub.start()
    try:
        wait_until(lambda: metrics.value("moodscape_broker_connected") == 1)
        time.sleep(0.1)  # the subscription follows the connection
        for moment in (others[0], large, others[1]):
            device.publish(moment.to_json())
        wait_until(lambda: len(device.stored) == 3)
        assert sorted(ids(store)) == sorted(moment.id for moment in others)
        ((where, reason, payload),) = letters(store)
        assert (where, payload) == (topic("pocket-1", "moment"), large.to_json())
        assert reason.startswith("the store refuses it: index row")
    finally:
        hub.close()
        device.close()
        store.close()


def test_a_number_that_fits_no_column_is_kept_as_it_is(hub, device, store):
    moment = make(place=Place(lat=1, lon=2, accuracy_m=1e306, altitude_m=-1e306))
    device.publish(moment.to_json())
    wait_until(lambda: device.stored)
    (item,) = everything(store, Filter())
    assert (item["place"]["accuracy_m"], item["place"]["altitude_m"]) == (1e306, -1e306)


@pytest.mark.parametrize("kind", ["reply", "health", "status"])
def test_what_json_cannot_tell_is_a_dead_letter(hub, device, store, kind):
    device.publish(b'{"id": "\\ud800", "ok": true}', kind)
    device.publish(b'{"id": "1", "ok": 1e999}', kind)
    wait_until(lambda: len(letters(store)) == 2)
    assert {letter.reason for letter in letters(store)} == {f"{kind} holds a number or a text that JSON cannot tell"}


def test_a_message_that_nothing_can_be_done_with_holds_up_no_other(hub, device, store, caplog):
    def fail(report):
        raise ZeroDivisionError(report.body)

    hub.on_report.append(fail)
    moment = make()
    device.publish(b'{"secret": 1}', "health")
    device.publish(moment.to_json())
    wait_until(lambda: device.stored)
    assert ids(store) == [moment.id]
    assert wait_until(lambda: letters(store))[0].reason == "it cannot be stored: ZeroDivisionError"
    assert "secret" not in caplog.text


def test_a_device_is_sent_what_it_is_asked(hub, mosquitto, device):
    got = []
    device.client.on_message = lambda _c, _d, message: got.append((message.topic, json.loads(message.payload)))
    device.ready.clear()
    device.client.subscribe(topic("pocket-1", "command"), 1)
    assert device.ready.wait(5)
    assert hub.send("pocket-1", "command", {"id": "1", "do": "ping"})
    wait_until(lambda: got)
    assert got == [(topic("pocket-1", "command"), {"id": "1", "do": "ping"})]
