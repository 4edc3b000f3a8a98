"""Moments as they arrive."""

import json
import threading
import time

import httpx
import pytest

from hub import tokens
from hub.api import feed
from hub.api.app import create_app
from tests.hub.api.test_door import bearer
from tests.hub.conftest import serving
from tests.hub.moments import make
from tests.parts import wait_until


class Follower:
    """Reads a stream in a thread, as a page does."""

    def __init__(self, client, query="", last=None, headers=None):
        self.events = []
        self.ended = None
        self._headers = ({"Last-Event-ID": str(last)} if last is not None else {}) | (headers or {})
        self._url = f"{client.base_url}/api/stream{query}".replace("//api", "/api")
        self.open = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        assert self.open.wait(5)

    def _read(self):
        try:
            with httpx.stream("GET", self._url, headers=self._headers, timeout=20) as answer:
                event = {}
                for line in answer.iter_lines():
                    self.open.set()
                    if not line:
                        if "data" in event:
                            self.events.append((int(event["id"]), json.loads(event["data"])["id"]))
                        event = {}
                    else:
                        name, _, value = line.partition(": ")
                        event[name] = value
        except httpx.RemoteProtocolError:
            pass
        self.ended = time.monotonic()

    @property
    def ids(self):
        return [moment_id for _, moment_id in self.events]

    def wait(self):
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def served(store):
    with serving(create_app(store)) as client:
        yield client


def test_what_is_committed_is_heard_in_order_and_only_from_now_on(store):
    store.take([make()])
    with serving(create_app(store)) as client:
        follower = Follower(client)
        held = [make() for _ in range(20)]
        for moment in held:
            store.take([moment])
        wait_until(lambda: len(follower.events) == 20)
        assert follower.ids == [moment.id for moment in held]
        begun = time.monotonic()
    follower.wait()
    assert follower.ended - begun < 3  # the end of the hub ends its streams, at once


def test_a_stream_resumes_after_the_last_event(store):
    held = [make() for _ in range(1200)]
    store.take(held)
    with serving(create_app(store)) as client:
        follower = Follower(client, last=3)
        wait_until(lambda: len(follower.events) == 1197)
        assert follower.ids == [moment.id for moment in held[3:]]
        late = make()
        store.take([late])
        wait_until(lambda: follower.ids[-1] == late.id)
    follower.wait()


def test_what_a_long_replay_was_answered_is_not_kept(store):
    store.take([make() for _ in range(1200)])
    app = create_app(store)
    with serving(app) as client:
        followers = [Follower(client, query, last=0) for query in ("", "?device=pocket-1")]
        wait_until(lambda: all(len(follower.events) == 1200 for follower in followers))
        wait_until(lambda: not app.state.parts.feed._shared, 2)
    for follower in followers:
        follower.wait()


def test_a_number_from_another_store_begins_now(store):
    with serving(create_app(store)) as client:
        follower = Follower(client, last=10**15)
        moment = make()
        store.take([moment])
        wait_until(lambda: follower.ids == [moment.id])
        assert client.get("/api/stream", headers={"Last-Event-ID": "x"}).status_code == 422
    follower.wait()


def test_the_filter_applies(store):
    with serving(create_app(store)) as client:
        follower = Follower(client, "?emotion=calm&device=a")
        store.take([make(device="a"), make(emotion="calm", device="b")])
        wanted = make(emotion="calm", device="a")
        store.take([wanted])
        wait_until(lambda: follower.events)
        assert follower.ids == [wanted.id]
    follower.wait()


def test_every_one_of_many_subscribers_hears_all_and_the_store_is_asked_once(store, monkeypatch):
    from hub.api.feed import Feed

    asked = []
    earnest = Feed._read
    monkeypatch.setattr(Feed, "_read", lambda self, filter_, at: asked.append(at) or earnest(self, filter_, at))
    with serving(create_app(store)) as client:
        followers = [Follower(client) for _ in range(20)]
        held = [make() for _ in range(100)]
        for moment in held:
            store.take([moment])
        wait_until(lambda: all(len(follower.events) == 100 for follower in followers))
        for follower in followers:
            assert follower.ids == [moment.id for moment in held]
        assert len(asked) < 20 * 100 / 4
        text = client.get("/metrics").text
        assert "\nmoodscape_stream_subscribers 20\n" in text
    for follower in followers:
        follower.wait()


@pytest.mark.parametrize("by_call", [True, False], ids=["by a call", "beside the hub"])
def test_a_stream_ends_with_its_token(store, monkeypatch, by_call):
    monkeypatch.setattr(feed, "_BEAT_S", 60.0 if by_call else 0.1)
    read, admin = bearer(store), bearer(store, "admin")
    with serving(create_app(store, tokenless=False)) as client:
        follower, other = Follower(client, headers=read), Follower(client, headers=admin)
        if by_call:
            assert client.delete("/api/tokens/1", headers=admin).status_code == 204
        else:
            tokens.revoke(store, 1)
        follower.wait()
        late = make()
        store.take([late])
        wait_until(lambda: other.ids == [late.id])
        assert follower.ids == []
    other.wait()
