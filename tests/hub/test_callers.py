"""Strangers, however many connect, keep neither callers with a token out nor moments."""

import json
import resource
import socket
import ssl
import subprocess
import sys
import tracemalloc
import urllib.request
from contextlib import ExitStack, suppress

import httpx
import pytest
from paho.mqtt import publish

from hub import ca, serve
from hub.api.app import create_app
from tests.e2e.processes import COMMAND, settings
from tests.hub.api.test_door import bearer
from tests.hub.conftest import heard, serving
from tests.hub.moments import make
from tests.parts import Broker, free_port, wait_until

FEW = 4
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture
def few(store):
    """Calls of a hub that wants tokens and has room for few callers."""
    with serving(create_app(store, tokenless=False), most=FEW) as made:
        yield made


@pytest.fixture
def connect(few):
    """Connects, and says something; closed at the end."""
    with ExitStack() as open_:

        def connected(said=b""):
            made = open_.enter_context(socket.create_connection(("127.0.0.1", few.base_url.port), timeout=10))
            made.sendall(said)
            return made

        yield connected


def asked(path, token):
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {token['Authorization']}\r\n\r\n".encode()


def until(call, said):
    found = b""
    while said not in found:
        piece = call.recv(65_536)
        assert piece, found
        found += piece


def test_who_waits_longest_leaves_for_who_comes_and_who_is_being_answered_stays(connect, few, store):
    stream = connect(asked("/api/stream", bearer(store)))
    assert stream.recv(65_536).startswith(b"HTTP/1.1 200")
    silent = [connect() for _ in range(10 * FEW)]
    for call in silent[: -(FEW - 1)]:
        assert heard(call) == b""
    with httpx.Client(base_url=few.base_url) as caller:
        assert caller.get("/healthz").status_code == 200
    moment = make()
    store.take([moment])
    until(stream, moment.id.encode())


@pytest.mark.parametrize("known", [True, False])
def test_who_was_answered_waits_like_all_others_with_a_token_and_without(connect, store, known):
    call = connect(asked("/api/places", bearer(store)) if known else HEALTH)
    until(call, b"}")
    for _ in range(FEW):
        connect()
    assert heard(call) == b""


def test_who_comes_while_all_are_being_answered_is_turned_away(connect, store):
    streams = [connect(asked("/api/stream", bearer(store))) for _ in range(FEW)]
    for stream in streams:
        assert stream.recv(65_536).startswith(b"HTTP/1.1 200")
    assert heard(connect()) == b""
    streams.pop().close()
    wait_until(lambda: heard_of(connect(HEALTH)))


def heard_of(call):
    try:
        return call.recv(65_536).startswith(b"HTTP/1.1 200")
    except ConnectionResetError:
        return False


def test_who_does_not_end_the_handshake_is_cut_off(store, tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "_HANDSHAKE_S", 0.3)
    ca.prepare(tmp_path, ["localhost"])
    with serving(create_app(store), tmp_path) as client:
        with socket.create_connection(("127.0.0.1", client.base_url.port), timeout=20) as call:
            assert heard(call) == b""
        assert client.get("/healthz").status_code == 200


def test_who_does_not_end_the_handshake_takes_little_memory(store, tmp_path):
    ca.prepare(tmp_path, ["localhost"])
    callers = 100
    with ExitStack() as open_:
        client = open_.enter_context(serving(create_app(store), tmp_path))
        assert client.get("/healthz").status_code == 200
        open_.callback(tracemalloc.stop)
        tracemalloc.start()
        for _ in range(callers):
            call = open_.enter_context(socket.create_connection(("127.0.0.1", client.base_url.port), timeout=20))
            said = ssl.MemoryBIO()
            with suppress(ssl.SSLWantReadError):
                ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), said, server_hostname="localhost").do_handshake()
            call.sendall(said.read())
            assert call.recv(1)
        assert tracemalloc.get_traced_memory()[0] < callers * 131_072


@pytest.mark.parametrize(("soft", "hard", "most"), [(100, 4096, 512), (256, 256, 128), (4096, 4096, 512)])
def test_half_of_the_descriptors_are_for_callers_and_more_are_asked_for_where_they_are_few(soft, hard, most):
    told = subprocess.run(
        [sys.executable, "-c", "from hub.callers import most_callers; print(most_callers())"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),
        capture_output=True,
        check=True,
    )
    assert int(told.stdout) == most


@pytest.mark.needs("mosquitto")
def test_a_flood_of_strangers_keeps_no_caller_and_no_moment_out(tmp_path):
    ca.prepare(tmp_path / "ca", ["localhost"])
    trust = ssl.create_default_context(cafile=str(tmp_path / "ca" / "ca.crt"))
    broker, port = Broker(tmp_path).start(), free_port()
    values = {"http__port": port, "http__cert_file": tmp_path / "ca/hub.crt", "http__key_file": tmp_path / "ca/hub.key"}
    values |= {"broker__port": broker.port, "store__path": tmp_path / "hub.db"}

    def answer(path="/healthz"):
        try:
            with urllib.request.urlopen(f"https://localhost:{port}{path}", timeout=5, context=trust) as given:
                return json.load(given)
        except OSError:
            return None

    with ExitStack() as open_, (tmp_path / "hub.log").open("wb") as log:
        open_.callback(broker.kill)
        hub = open_.enter_context(
            subprocess.Popen(
                ["sh", "-c", 'ulimit -n 256; exec "$@"', "sh", *COMMAND, "hub", "run", *settings(**values)],
                stdout=log,
                stderr=log,
            )
        )
        open_.callback(hub.kill)
        wait_until(answer, 30)
        for _ in range(400):
            open_.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
        assert answer() == {"ok": True}
        broker.kill()
        broker.start()
        wait_until(lambda: (answer("/readyz") or {}).get("broker"), 20)
        moment = make()
        publish.single("moodscape/v1/pocket-1/moment", moment.to_json(), qos=1, port=broker.port, hostname=broker.host)
        wait_until(lambda: (answer(f"/api/moments/{moment.id}") or {}).get("id") == moment.id)
    assert "Traceback" not in (tmp_path / "hub.log").read_text()
