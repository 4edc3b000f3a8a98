"""A hub that is told to end does so soon, whatever it is being asked; an answer that is broken off is no failure."""

import logging
import socket
import struct
import threading
import time
from datetime import timedelta
from itertools import chain, count, product

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DatabaseError, OperationalError
from starlette.responses import StreamingResponse
from starlette.routing import Route

from hub.api import operation
from hub.api.app import create_app
from hub.config import Broker, Http, Retention, Settings, StoreSettings
from hub.forgetting import without_broker
from hub.query.filter import Filter
from hub.query.pages import everything
from hub.records.sounds import Sounds
from hub.retention import Retainer
from hub.serve import run
from hub.stores.store import Ending, Store
from hub.stores.tables import moments
from tests.hub.conftest import heard, serving
from tests.hub.moments import START, make
from tests.parts import free_port, wait_until

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


@pytest.fixture
def much_that_is_old(store, monkeypatch):
    """A store whose old moments take a minute to erase; gives their retention."""
    monkeypatch.setattr("hub.stores.erasing._STRETCH", 1)
    store.take([make(start=START - timedelta(minutes=n)) for n in range(1000)])
    return Retention(speech_days=1)


def left(store):
    with store.reading() as connection:
        return connection.execute(select(func.count()).select_from(moments)).scalar_one()


def test_what_is_old_is_erased_no_further_when_the_hub_ends_and_further_at_its_next_start(
    store, much_that_is_old, tmp_path, monkeypatch, caplog
):
    retainer = Retainer(store, without_broker(store, Sounds(tmp_path / "sounds")), much_that_is_old)
    retainer.start()
    wait_until(lambda: left(store) < 1000)
    store.interrupt()
    retainer.close()
    assert left(store) > 500
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    monkeypatch.setattr("hub.stores.erasing._STRETCH", 2000)
    again = Store(store.path)
    retainer = Retainer(again, without_broker(again, Sounds(tmp_path / "sounds")), much_that_is_old)
    retainer.start()
    wait_until(lambda: left(again) == 0)
    retainer.close()
    again.close()


def test_a_hub_that_nobody_calls_ends_though_much_is_being_erased(store, much_that_is_old, monkeypatch):
    monkeypatch.setattr("hub.serve.signal.signal", lambda *_: None)
    monkeypatch.setattr("hub.serve.Server.run", lambda *_, **__: wait_until(lambda: left(store) < 1000))
    broker, http = Broker(port=free_port()), Http(port=free_port())
    at = StoreSettings(path=store.path)
    assert run(Settings(broker=broker, http=http, store=at, retention=much_that_is_old)) == 0
    assert left(store) > 500


def test_what_a_caller_has_erased_is_left_when_the_hub_ends_and_finished_at_its_next_start(
    store, much_that_is_old, tmp_path, monkeypatch
):
    answers = []
    with serving(create_app(store)) as client:
        url = f"{client.base_url}/api/moments?device=pocket-1"
        asking = threading.Thread(target=lambda: answers.append(httpx.delete(url, timeout=30)))
        asking.start()
        wait_until(lambda: left(store) < 1000)
        begun = time.monotonic()
    assert time.monotonic() - begun < 9  # the server's thread did not have to be left alone
    asking.join(5)
    assert [answer.status_code for answer in answers] == [503]
    assert left(store) > 500
    monkeypatch.setattr("hub.stores.erasing._STRETCH", 2000)
    again = Store(store.path)
    since = make()
    again.take([since])
    without_broker(again, Sounds(tmp_path / "sounds")).finish()
    assert [item["id"] for item in everything(again, Filter())] == [since.id]
    again.close()


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


@pytest.mark.parametrize("error", [OperationalError, DatabaseError])
def test_a_store_that_fails_in_the_middle_breaks_the_export_off_and_the_log_says_why(store, failures, caplog, error):
    def failing(*_args):
        yield b"{}\n" * 2000
        raise error("SELECT", {}, Exception("disk I/O error"))

    app = create_app(store)
    app.router.routes.insert(0, Route("/failing", lambda _request: StreamingResponse(failing())))
    with serving(app) as client, pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
        client.get("/failing")
    assert failures() == []
    assert [r.reason for r in caplog.records if "broken off" in r.message] == ["disk I/O error"]
