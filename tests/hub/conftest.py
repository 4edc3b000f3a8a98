"""A store of its own, and a real server over it."""

import socket
import ssl
import threading
from contextlib import contextmanager

import httpx
import pytest
import uvicorn
from sqlalchemy import text

from hub.api.app import create_app
from hub.api.patience import Patience
from hub.callers import Listening
from hub.explore.place_days import PlaceDays
from hub.forgetting import Forgetting
from hub.records.sounds import Sounds
from hub.serve import Server
from hub.stores.store import Store
from hub.telling import Telling
from tests.hub.forgetting import Wire
from tests.parts import wait_until
from tests.postgres import Cluster


@contextmanager
def serving(app, certificates=None, most=500):
    """A real server in a thread, over HTTPS with the certificates of a folder, for so many callers; gives a client."""
    tls, trust, url = {}, True, "http://127.0.0.1"
    if certificates is not None:
        tls = {"ssl_certfile": certificates / "hub.crt", "ssl_keyfile": certificates / "hub.key"}
        trust, url = ssl.create_default_context(cafile=str(certificates / "ca.crt")), "https://localhost"
    config = uvicorn.Config(app, http=Patience, log_config=None, access_log=False, **tls)
    server = Server(config, app.state.parts.feed, app.state.parts.store)
    listening = Listening(socket.create_server(("127.0.0.1", 0)), most)
    port = listening.getsockname()[1]
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        wait_until(lambda: server.started)
        with httpx.Client(base_url=f"{url}:{port}", timeout=10, verify=trust) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(10)


def heard(call):
    """Give what comes by a connection until it ends."""
    found = b""
    try:
        while piece := call.recv(65_536):
            found += piece
    except ConnectionResetError:
        pass
    return found


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL cluster that this process's tests share."""
    cluster = Cluster().start()
    yield cluster
    cluster.stop()


_EMPTY = """DO $$ BEGIN EXECUTE (SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') FROM pg_tables
WHERE schemaname = current_schema() AND tablename <> 'counters');
DELETE FROM counters WHERE name <> 'version'; END $$"""

BOTH = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgres", id="postgres", marks=pytest.mark.needs("initdb")),
]
"""Where the contract of the store is tested."""


@pytest.fixture(params=BOTH)
def new_store(request, tmp_path):
    """Gives an empty store, of each kind in turn; the one given before is closed or emptied."""
    made = []

    def make():
        if request.param == "sqlite":
            for store in made:
                store.close()
            made.append(Store(tmp_path / f"{len(made)}" / "hub.db"))
        elif made:
            with made[0].writing() as connection:
                connection.execute(text(_EMPTY))
        else:
            made.append(Store(request.getfixturevalue("postgres").new()))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def any_store(new_store):
    """An empty store, of each kind in turn."""
    return new_store()


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


@pytest.fixture
def telling(store, wire):
    """What tells devices, over the `wire` of a test."""
    made = Telling(store, wire)
    made.start()
    yield made
    made.close()


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def sounds(tmp_path):
    return Sounds(tmp_path / "sounds")


@pytest.fixture
def forgetting(store, sounds, telling):
    return Forgetting(store, sounds, telling, PlaceDays(store))
