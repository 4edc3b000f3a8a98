"""A caller that sends in drops is cut off; one that is merely slow is served."""

import socket
import time

import pytest

from hub.api import guard, patience
from hub.api.app import create_app
from tests.hub.conftest import heard, serving

HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
NOTE = b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\nby the sea\r\n--x--\r\n'
FORM = (
    b"POST /api/records HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    b"Content-Length: %d\r\n\r\n" % len(NOTE)
)


@pytest.fixture
def call(store):
    with serving(create_app(store)) as client, socket.create_connection(("127.0.0.1", client.base_url.port)) as made:
        made.settimeout(20)
        yield made


def drop(call, data, pause_s):
    """Send byte by byte until all is sent or the other end has left; gives whether all was sent."""
    for byte in data:
        try:
            call.sendall(bytes([byte]))
        except OSError:
            return False
        time.sleep(pause_s)
    return True


def test_a_head_that_comes_in_drops_is_cut_off(call, monkeypatch):
    monkeypatch.setattr(patience, "_HEAD_S", 0.5)
    call.sendall(HEAD)  # the wait begins anew with each answer
    answer = b""
    while not answer.endswith(b'{"ok":true}'):
        answer += call.recv(65_536)
    begun = time.monotonic()
    assert not drop(call, HEAD * 10, 0.05)
    assert heard(call) == b""
    assert time.monotonic() - begun < 15  # ten heads would take longer


def test_a_caller_that_says_nothing_at_all_is_cut_off(store, monkeypatch):
    monkeypatch.setattr(patience, "_HEAD_S", 0.3)
    with serving(create_app(store)) as client, socket.create_connection(("127.0.0.1", client.base_url.port)) as call:
        call.settimeout(20)
        assert heard(call) == b""


def test_a_body_that_comes_in_drops_is_cut_off(call, monkeypatch):
    monkeypatch.setattr(guard, "_BODY_PAUSE_S", 0.5)
    call.sendall(FORM)
    drop(call, NOTE[:-1], 0.05)
    answer = heard(call)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in answer.lower()


def test_a_body_that_stops_coming_is_cut_off(call, monkeypatch):
    monkeypatch.setattr(guard, "_BODY_PAUSE_S", 0.3)
    call.sendall(FORM + NOTE[:20])
    assert heard(call).startswith(b"HTTP/1.1 408")


def test_a_slow_body_that_goes_on_is_taken(call, monkeypatch):
    monkeypatch.setattr(guard, "_BODY_PAUSE_S", 2.0)
    call.sendall(FORM)
    for at in range(0, len(NOTE), 10):
        call.sendall(NOTE[at : at + 10])
        time.sleep(0.02)
    assert call.recv(65_536).startswith(b"HTTP/1.1 202")
