"""A hub that is told to end does so soon, whatever it is being asked; an answer that is broken off is no failure."""

import logging
import socket
import struct
import threading
import time
from itertools import chain, count, product

import httpx
import pytest
from sqlalchemy.exc import OperationalError
from starlette.responses import StreamingResponse
from starlette.routing import Route

from hub.api import operation
from hub.api.app import create_app
from hub.query.filter import Filter
from hub.query.pages import everything
from hub.stores.store import Ending
from tests.hub.conftest import heard, serving
from tests.hub.moments import make

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
"""Without the limit that a question of the hub has, so it ends when it is broken off and not before."""


def test_a_question_that_takes_long_is_broken_off_and_what_is_written_is_not(any_store):
    asked, told = threading.Event(), []

    def ask():
        with any_store.reading() as connection:
            asked.set()
            try:
                connection.exec_driver_sql(ENDLESS).all()
            except OperationalError as error:
                told.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert asked.wait(10)
    while asking.is_alive():
        any_store.interrupt()
        asking.join(0.05)
    assert len(told) == 1
    held = make()
    assert any_store.take([held]) == {held.id}
    with pytest.raises(Ending):
        next(everything(any_store, Filter()))


def test_a_server_that_ends_answers_who_waits_and_leaves(store):
    app, answers = create_app(store), []

    def endless(_request):
        with store.reading() as connection:
            connection.exec_driver_sql(ENDLESS).all()

    app.router.routes.insert(0, Route("/endless", endless))
    with serving(app) as client:
        url = f"{client.base_url}/endless"
        asking = threading.Thread(target=lambda: answers.append(httpx.get(url, timeout=30)))
        asking.start()
        time.sleep(0.3)
        begun = time.monotonic()
    assert time.monotonic() - begun < 9  # the server's thread did not have to be left alone
    asking.join(5)
    assert [answer.status_code for answer in answers] == [503]


EXPORT = b"GET /api/export HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture
def failures(caplog):
    """What the log tells of failures in answers."""
    caplog.set_level(logging.INFO)
    return lambda: [record.message for record in caplog.records if record.exc_info or "ASGI" in record.message]


@pytest.mark.parametrize("reads", [True, False])
def test_an_export_that_the_hubs_end_breaks_off_leaves_no_traceback_and_is_not_taken_for_whole(
    store, failures, reads, monkeypatch
):
    def endless(*asked):
        return chain.from_iterable(everything(*asked) for _ in count())

    monkeypatch.setattr(operation, "everything", endless)
    store.take([make() for _ in range(1000)])
    call = socket.socket()
    call.settimeout(20)
    with call:
        with serving(create_app(store)) as client:
            call.connect(("127.0.0.1", client.base_url.port))
            call.sendall(EXPORT)
            found = [call.recv(1000)]
            reading = threading.Thread(target=lambda: found.append(heard(call)))
            if reads:
                reading.start()
        if reads:
            reading.join()
    assert found[0].startswith(b"HTTP/1.1 200")
    assert not found[-1].endswith(b"\r\n0\r\n\r\n")
    assert failures() == []


def test_a_caller_that_leaves_in_the_middle_leaves_no_traceback(store, failures):
    store.take([make() for _ in range(2000)])
    with serving(create_app(store)) as client:
        for path, resets in product([b"/api/export", b"/api/export?format=parquet", b"/api/stream"], [True, False]):
            with socket.create_connection(("127.0.0.1", client.base_url.port)) as call:
                if resets:
                    call.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                call.sendall(EXPORT.replace(b"/api/export", path))
                assert call.recv(1000).startswith(b"HTTP/1.1 200")
        assert client.get("/healthz").status_code == 200
    assert failures() == []


def test_a_store_that_fails_in_the_middle_breaks_the_export_off_and_the_log_says_why(store, failures, caplog):
    def failing(*_args):
        yield b"{}\n" * 2000
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    app = create_app(store)
    app.router.routes.insert(0, Route("/failing", lambda _request: StreamingResponse(failing())))
    with serving(app) as client, pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
        client.get("/failing")
    assert failures() == []
    assert [r.reason for r in caplog.records if "broken off" in r.message] == ["disk I/O error"]
