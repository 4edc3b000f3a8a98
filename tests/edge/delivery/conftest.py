"""A hub that answers as it is told to, and publishers that send to it through a real broker."""

import json
import threading

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.config import Broker
from edge.delivery.publisher import Publisher
from edge.outbox.queue import Outbox
from tests.parts import wait_until

DEVICE = "pocket-1"
KINDS = ("moment", "status", "health", "reply")


class FakeHub:
    """Subscribes as the hub does, keeps what it hears, and answers `stored` as it is told to."""

    def __init__(self, broker):
        self.heard, self.said, self.silent_about, self.answering = [], {}, set(), True
        self.batch: list[str] = []
        self.lock = threading.Lock()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, "hub", protocol=mqtt.MQTTv5)
        self.client.on_message = self.on_message
        self.client.on_connect = lambda client, *_: client.subscribe([(f"moodscape/v1/+/{kind}", 1) for kind in KINDS])
        self.client.reconnect_delay_set(1, 1)
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 3600
        self.client.connect(broker.host, broker.port, clean_start=False, properties=session)
        self.client.loop_start()
        self.closing = threading.Event()
        self.answerer = threading.Thread(target=self.answer)
        self.answerer.start()
        wait_until(self.client.is_connected)

    def on_message(self, _client, _, message):
        kind = message.topic.rpartition("/")[2]
        if kind == "moment":
            each = json.loads(message.payload)["id"]
            self.heard.append(each)
            if each not in self.silent_about:
                with self.lock:
                    self.batch.append(each)
        else:
            self.said.setdefault(kind, []).append(json.loads(message.payload))

    def answer(self):
        while not self.closing.wait(0.02):
            with self.lock:
                batch, self.batch = (self.batch, []) if self.answering else ([], self.batch)
            for at in range(0, len(batch), 500):
                self.send("stored", {"ids": batch[at : at + 500]})

    def send(self, kind, values, retain=False):
        payload = values if isinstance(values, bytes) else json.dumps(values)
        self.client.publish(f"moodscape/v1/{DEVICE}/{kind}", payload, qos=1, retain=retain)

    def close(self):
        self.closing.set()
        self.answerer.join()
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def hub(mosquitto):
    hub = FakeHub(mosquitto)
    yield hub
    hub.close()


@pytest.fixture
def outbox(tmp_path):
    box = Outbox(tmp_path / "outbox.sqlite", max_mb=500, max_days=365)
    yield box
    box.close()


@pytest.fixture
def publishing(mosquitto, outbox):
    started = []

    def go(**more):
        publisher = Publisher(DEVICE, Broker(host=mosquitto.host, port=mosquitto.port), outbox, **more)
        publisher.status("listening", "2026-05-22T09:00:00+09:00")
        publisher.start()
        started.append(publisher)
        return publisher

    yield go
    for publisher in started:
        publisher.close("2026-05-22T10:00:00+09:00")
