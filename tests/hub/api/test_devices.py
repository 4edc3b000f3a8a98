"""The calls about devices, dead letters and the hub itself."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from hub.api.app import create_app
from hub.stores.store import Letter, Report, Store
from tests.hub.conftest import serving
from tests.hub.moments import make
from tests.parts import wait_until


def test_a_device_is_shown_with_its_last_words(client, store):
    store.take(
        [make()], reports=[Report("pocket-1", "status", '{"state":"deaf"}'), Report("b", "health", '{"cpu":0.1}')]
    )
    store.take([], reports=[Report("pocket-1", "status", '{"state":"listening"}')])
    named = client.put("/api/devices/pocket-1", json={"name": "Coat", "owner": "Ann"}).json()
    assert (named["name"], named["owner"], named["status"]) == ("Coat", "Ann", {"state": "listening"})
    other, first = client.get("/api/devices").json()["items"]
    assert (other["id"], other["health"], other["status"]) == ("b", {"cpu": 0.1}, None)
    assert first == named
    assert client.get("/api/moments", params={"owner": "Ann"}).json()["total"] == 1


def test_a_command_is_published_to_its_device(store):
    store.take([make()])
    sent = []
    with serving(create_app(store, send=lambda *what, **_: sent.append(what) or True)) as client:
        answer = client.post(
            "/api/devices/pocket-1/command", json={"do": "pause", "until": "2026-05-22T10:00:00+09:00"}
        )
        assert answer.status_code == 202
        order = {"id": answer.json()["id"], "do": "pause", "until": "2026-05-22T10:00:00+09:00", "args": {}}
        assert sent == [("pocket-1", "command", order)]
        client.post("/api/devices/pocket-1/command", json={"do": "mark"})
        until = datetime.fromisoformat(sent[1][2]["until"])
        assert timedelta(0) < until - datetime.now(UTC) <= timedelta(minutes=1)
        assert client.post("/api/devices/nobody/command", json={"do": "ping"}).status_code == 404
        assert client.post("/api/devices/pocket-1/command", json={"do": "explode"}).json()["field"] == "do"


@pytest.mark.parametrize("args", ['{"x":"' + "a" * 300_000 + '"}', '{"x":NaN}', '{"x":"\\ud800"}'])
def test_a_command_that_the_broker_cannot_carry_is_refused(store, args):
    store.take([make()])
    sent = []
    with serving(create_app(store, send=lambda *what, **_: sent.append(what) or True)) as client:
        body = f'{{"do":"ping","args":{args}}}'
        answer = client.post(
            "/api/devices/pocket-1/command", content=body, headers={"Content-Type": "application/json"}
        )
    assert (answer.status_code, answer.json()["field"]) == (422, "args")
    assert sent == []


def test_a_command_without_a_broker_is_said_to_be_impossible(client, store):
    store.take([make()])
    assert client.post("/api/devices/pocket-1/command", json={"do": "ping"}).status_code == 503


def test_dead_letters_are_listed_and_replayed(client, store):
    good = make()
    topic = "moodscape/v1/pocket-1/moment"
    store.take([], [Letter(topic, "of no use", b"\xff{"), Letter(topic, "too new", good.to_json())])
    listed = client.get("/api/dead-letters").json()
    assert [item["reason"] for item in listed["items"]] == ["too new", "of no use"]
    assert client.post("/api/dead-letters/replay").json() == {"taken": 1, "left": 1}
    assert client.get("/api/moments").json()["items"][0]["id"] == good.id


def test_readiness_says_what_is_missing(client):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"store": True, "broker": False})


def test_metrics_are_what_prometheus_reads(client):
    text = client.get("/metrics").text
    assert "# TYPE moodscape_moments_stored_total counter\nmoodscape_moments_stored_total 0\n" in text


@pytest.mark.parametrize("path", ["/api/moments", "/api/summary", "/api/stream", "/api/export"])
def test_the_documents_name_each_parameter_of_the_filter(client, path):
    from hub.query.filter import PARAMETERS

    document = client.get("/openapi.json").json()
    assert set(PARAMETERS) <= {one["name"] for one in document["paths"][path]["get"]["parameters"]}
    assert f"GET {path}</code>" in client.get("/docs").text


def test_a_store_that_cannot_be_written_is_said_to_be(client, store, monkeypatch):
    def full(*_):
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    moment = make()
    store.take([moment])
    monkeypatch.setattr(store, "write_note", full)
    answer = client.put(f"/api/moments/{moment.id}/note", json={"text": "x"})
    assert answer.status_code == 503
    assert answer.json()["detail"] == "The store cannot be used now: database or disk is full."


def test_a_store_that_is_damaged_is_said_to_be_without_a_word_of_a_note_in_the_log(tmp_path, caplog):
    moment, path = make(), tmp_path / "hub.db"
    sound = Store(path)
    sound.take([moment])
    sound.write_note(moment.id, "by the sea")
    sound.close()
    with closing(sqlite3.connect(path)) as connection:
        asked = "SELECT rootpage, page_size FROM sqlite_master, pragma_page_size WHERE name = 'note_words_data'"
        page, size = connection.execute(asked).fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with closing(Store(path)) as damaged, serving(create_app(damaged)) as client:
        answer = client.put(f"/api/moments/{moment.id}/note", json={"text": "in therapy"})
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("The store cannot be used now: ")
    assert "the store cannot be used" in caplog.text
    assert "therapy" not in caplog.text


def test_a_mistake_of_the_hubs_own_is_logged_with_where_it_was_made(client, store, monkeypatch, caplog):
    def wrong(*_):
        raise IntegrityError("INSERT", {}, Exception("UNIQUE constraint failed: notes.seq"))

    moment = make()
    store.take([moment])
    monkeypatch.setattr(store, "write_note", wrong)
    answer = client.put(f"/api/moments/{moment.id}/note", json={"text": "x"})
    assert (answer.status_code, answer.json()["title"]) == (500, "Internal Server Error")
    wait_until(lambda: "Traceback" in caplog.text)
