"""Several hubs over one PostgreSQL that share a subscription at a real broker."""

import json
import time

import httpx
import pytest
from sqlalchemy import func, select

from hub.api.app import create_app
from hub.config import Broker
from hub.ingest.subscriber import Subscriber
from hub.metrics import Metrics
from hub.stores.store import Store
from hub.stores.tables import devices, moments
from hub.stores.watch import Watcher
from tests.e2e.processes import kill, moodscape, settings
from tests.hub.api.test_stream import Follower
from tests.hub.conftest import serving
from tests.hub.ingest.test_subscriber import Device
from tests.hub.moments import make
from tests.parts import free_port, wait_until

pytestmark = pytest.mark.needs("mosquitto", "initdb")

SHARED = "hubs"


class Worker:
    """One of the hubs, in this process: a store's connections, a subscription and a watch of its own."""

    def __init__(self, url, broker, name):
        self.store = Store(url)
        self.metrics = Metrics()
        self.watcher = Watcher(self.store)
        shared = Broker(host=broker.host, port=broker.port, client_id=name, share_group=SHARED)
        self.subscriber = Subscriber(shared, self.store, self.metrics)
        self.watcher.start()
        self.subscriber.start()
        wait_until(lambda: self.metrics.value("moodscape_broker_connected") == 1)
        time.sleep(0.1)  # the subscription follows the connection

    @property
    def stored(self):
        return self.metrics.value("moodscape_moments_stored_total")

    def close(self):
        self.subscriber.close()
        self.watcher.close()
        self.store.close()


@pytest.fixture
def url(postgres):
    return postgres.new()


@pytest.fixture
def workers(url, mosquitto):
    made = [Worker(url, mosquitto, f"hub-{n}") for n in range(3)]
    yield made
    for worker in made:
        worker.close()


@pytest.fixture
def device(mosquitto):
    made = Device(mosquitto)
    yield made
    made.close()


def kept(store):
    with store.reading() as connection:
        return connection.execute(select(func.count(), func.count(moments.c.id.distinct()))).one()


def test_each_moment_is_stored_by_one_of_them_and_answered_once(workers, device):
    sent = [make() for _ in range(60)]
    for moment in sent:
        device.publish(moment.to_json())
    wait_until(lambda: len(device.stored) == 60)
    assert sorted(device.stored) == sorted(moment.id for moment in sent)
    assert kept(workers[0].store) == (60, 60)
    assert sum(worker.stored for worker in workers) == 60
    assert all(worker.stored for worker in workers)


def test_a_moment_that_reaches_all_of_them_is_stored_once(workers, device):
    moment = make()
    for _ in range(9):
        device.publish(moment.to_json())
    wait_until(lambda: len(device.stored) == 9)
    assert kept(workers[0].store) == (1, 1)
    assert sum(worker.stored for worker in workers) == 1


def test_the_stream_of_each_shows_what_any_of_them_stored(workers, device):
    with (
        serving(create_app(workers[0].store)) as one,
        serving(create_app(workers[1].store)) as other,
    ):
        followers = [Follower(one), Follower(other)]
        sent = [make() for _ in range(30)]
        for moment in sent:
            device.publish(moment.to_json())
        wait_until(lambda: all(len(follower.events) == 30 for follower in followers))
        assert followers[0].events == followers[1].events
        assert sorted(followers[0].ids) == sorted(moment.id for moment in sent)
    for follower in followers:
        follower.wait()


def test_a_stream_goes_on_at_another_hub_where_it_was_broken_off(workers, device):
    sent = [make() for _ in range(4)]
    with serving(create_app(workers[0].store)) as one:
        follower = Follower(one)
        device.publish(sent[0].to_json())
        wait_until(lambda: follower.events)
    follower.wait()
    for moment in sent[1:]:
        device.publish(moment.to_json())
    wait_until(lambda: len(device.stored) == 4)
    with serving(create_app(workers[1].store)) as other:
        resumed = Follower(other, last=follower.events[-1][0])
        wait_until(lambda: len(resumed.events) == 3)
        assert sorted(resumed.ids) == sorted(moment.id for moment in sent[1:])
    resumed.wait()


def test_the_others_take_over_at_once_from_one_that_is_killed(url, mosquitto, device, tmp_path):
    port = free_port()
    values = settings(http__port=port, broker__port=mosquitto.port, store__url=url, store__path=tmp_path / "hub.db")
    values += settings(broker__share_group=SHARED, broker__client_id="killed")
    victim = moodscape("hub", "run", *values, log=tmp_path / "hub.log")
    other = Worker(url, mosquitto, "other")
    try:
        wait_until(lambda: _ready(port), 30)

        def both_take():
            before = other.stored
            for _ in range(2):
                device.publish(make().to_json())
            time.sleep(0.2)
            return other.stored == before + 1

        wait_until(both_take, 20)
        kill(victim)
        time.sleep(0.2)  # the broker notices
        before = len(device.stored)
        sent = [make() for _ in range(20)]
        for moment in sent:
            device.publish(moment.to_json())  # once each: none waits to be sent again
        wait_until(lambda: {moment.id for moment in sent} <= set(device.stored))
        assert len(device.stored) == before + 20
    finally:
        kill(victim)
        other.close()


def test_what_devices_said_while_no_hub_was_there_is_known_to_the_one_that_comes(url, mosquitto, device):
    device.publish(json.dumps({"state": "paused", "since": "2026-05-22T09:00:00+09:00"}), "status", retain=True)
    worker = Worker(url, mosquitto, "late")
    try:
        status = select(devices.c.status).where(devices.c.id == "pocket-1")

        def said():
            with worker.store.reading() as connection:
                return connection.execute(status).scalar()

        assert json.loads(wait_until(said))["state"] == "paused"
    finally:
        worker.close()


def _ready(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False
