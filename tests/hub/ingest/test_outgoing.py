"""What the hub publishes, at a broker that ends the connection of who sends more than it carries."""

import json
import threading
import time

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from hub.config import Broker as Settings
from hub.ingest.judge import readable_id
from hub.ingest.outgoing import written
from hub.ingest.subscriber import Subscriber
from hub.metrics import Metrics
from tests.hub.ingest.test_subscriber import Device
from tests.hub.moments import make
from tests.parts import Broker, wait_until

UUID = "0196f3c2-8f0e-7c1a-9a52-6d0f4f1e2b33"
REAL = pytest.mark.needs("mosquitto")


class Bounded(Broker):
    largest = 262_144  # as deploy/mosquitto says

    def bounds(self):
        return [*super().bounds(), f"max_packet_size {self.largest}"]


class Narrow(Bounded):
    largest = 20_000


@pytest.fixture(params=[Bounded])
def mosquitto(request, tmp_path):
    made = request.param(tmp_path).start()
    yield made
    made.kill()


@pytest.fixture
def hub(mosquitto, store):
    metrics = Metrics()
    made = Subscriber(Settings(host=mosquitto.host, port=mosquitto.port), store, metrics)
    made.metrics = metrics
    made.start()
    wait_until(lambda: metrics.value("moodscape_broker_connected") == 1)
    yield made
    made.close()


@pytest.fixture
def device(mosquitto):
    made = Device(mosquitto)
    yield made
    made.close()


def commanded(broker, heard):
    """Connect as a device that the broker keeps messages for while it is away."""
    ready = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "pocket-1", protocol=mqtt.MQTTv5)
    client.on_connect = lambda client, *_: client.subscribe("moodscape/v1/pocket-1/command", 1)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda _c, _d, message: heard.append(json.loads(message.payload))
    session = Properties(PacketTypes.CONNECT)
    session.SessionExpiryInterval = 600
    client.connect(broker.host, broker.port, clean_start=False, properties=session)
    client.loop_start()
    assert ready.wait(5)
    return client


def answered(device):
    moment = make()
    device.publish(moment.to_json())
    return wait_until(lambda: moment.id in device.stored)


def order(size):
    return {"id": "1", "do": "ping", "args": {"x": "x" * size}}


@REAL
@pytest.mark.slow
def test_what_holds_for_a_while_is_not_delivered_after_it(hub, mosquitto):
    commanded(mosquitto, []).disconnect()
    assert hub.send("pocket-1", "command", order(1) | {"id": "soon over"}, expires_s=1)
    assert hub.send("pocket-1", "command", order(1) | {"id": "holds"})
    time.sleep(2.5)  # the broker counts whole seconds
    heard = []
    back = commanded(mosquitto, heard)
    wait_until(lambda: heard)
    assert [command["id"] for command in heard] == ["holds"]
    back.disconnect()


@REAL
def test_what_is_larger_than_the_broker_carries_is_refused_and_holds_up_no_answer(hub, device):
    assert answered(device)
    assert not hub.send("pocket-1", "command", order(300_000))
    assert hub.send("pocket-1", "command", order(261_000))
    assert answered(device)
    assert hub.metrics.value("moodscape_broker_connected") == 1


@REAL
@pytest.mark.parametrize("mosquitto", [Narrow], indirect=True)
def test_a_broker_that_carries_less_is_sent_no_more_than_that(hub, device):
    assert answered(device)
    assert not hub.send("pocket-1", "command", order(20_000))
    assert hub.send("pocket-1", "command", order(19_000))
    assert answered(device)


@REAL
def test_answers_that_go_out_together_are_divided(hub, device, store, monkeypatch):
    monkeypatch.setattr("hub.ingest.subscriber._TOGETHER", 2)
    take, go_on, told = store.take, threading.Event(), []

    def when_all_wait(*batch):
        assert go_on.wait(10)
        return take(*batch)

    monkeypatch.setattr(store, "take", when_all_wait)
    device.client.on_message = lambda _c, _d, message: told.append(json.loads(message.payload)["ids"])
    sent = [make() for _ in range(6)]
    device.publish(sent[0].to_json())
    for moment in sent[1:]:
        device.publish(moment.to_json())
    wait_until(lambda: hub.metrics.value("moodscape_queue_messages") == 6)
    go_on.set()
    wait_until(lambda: sum(map(len, told)) == 6)
    assert {id_ for ids in told for id_ in ids} == {moment.id for moment in sent}
    assert max(map(len, told)) == 2


@REAL
def test_a_burst_of_what_is_no_moment_holds_up_no_answer(hub, mosquitto, device, store, monkeypatch):
    """As many as are taken at once, each with an id that would take a hundred times an id's bytes."""
    take, go_on = store.take, threading.Event()

    def when_all_wait(*batch):
        assert go_on.wait(30)
        return take(*batch)

    monkeypatch.setattr(store, "take", when_all_wait)
    other = Device(mosquitto, "other")
    try:
        for n in range(600):
            device.publish(json.dumps({"id": f"{n:06d}" + "\N{GRINNING FACE}" * 94}))
        wait_until(lambda: hub.metrics.value("moodscape_queue_messages") == 600)
        go_on.set()
        moment = make(device="other")
        other.publish(moment.to_json())
        wait_until(lambda: moment.id in other.stored)
    finally:
        other.close()
    assert device.stored == []


@pytest.mark.parametrize(
    "written_id",
    [UUID, UUID.upper(), f"{{{UUID}}}", f"urn:uuid:{UUID}", UUID.replace("-", "")],
)
def test_an_id_is_answered_in_every_form_that_is_read_as_one(written_id):
    assert make(id=written_id).id == UUID
    assert readable_id(json.dumps({"id": written_id}).encode()) == written_id


@pytest.mark.parametrize("no_id", ["x" * 65, "가" * 20, "\N{GRINNING FACE}", "a\n", "\ud800", "", 7, None])
def test_what_is_no_id_of_an_outbox_is_not_answered(no_id):
    assert readable_id(json.dumps({"id": no_id}).encode()) is None


def test_text_goes_out_as_utf_8():
    assert written({"because": "조용한 밤"}) == '{"because":"조용한 밤"}'.encode()


@pytest.mark.parametrize("value", [float("nan"), "\ud800"])
def test_what_json_cannot_tell_is_not_written(value):
    with pytest.raises(ValueError, match="JSON cannot tell"):
        written({"x": value})
