"""A store of its own, and a real server over it."""

import threading
from contextlib import contextmanager

import httpx
import pytest
import uvicorn

from hub.api.app import create_app
from hub.serve import Server
from hub.stores.store import Store
from tests.parts import wait_until


@contextmanager
def serving(app):
    """A real server in a thread; gives a client of it."""
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=2)
    server = Server(config, app.state.parts.feed)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "hub.db")
    yield made
    made.close()


@pytest.fixture
def client(store):
    """Calls of the hub, as the page of this machine makes them."""
    with serving(create_app(store)) as made:
        yield made


@pytest.fixture
def locked(store):
    """Calls of a hub that wants tokens."""
    with serving(create_app(store, tokenless=False)) as made:
        yield made
