"""A recording or a note is given, read, found and erased."""

import threading
import uuid

import pytest
from sqlalchemy.exc import OperationalError

from hub import tokens
from hub.api import records
from hub.api.app import create_app
from hub.records import keep, reader
from hub.stores.store import Store
from moments import Place, uuid7
from moodscape.demo.run import RECORDING
from tests.hub.api.test_door import bearer
from tests.hub.conftest import serving
from tests.hub.moments import clip, make
from tests.hub.records.making import recording
from tests.parts import wait_until

START = "2026-05-22T09:32:10.250+09:00"


def give(client, audio=None, media_type="audio/wav", headers=None, **fields):
    parts = {name: (None, value) for name, value in fields.items()}
    if audio is not None:
        parts["audio"] = ("a", audio, media_type)
    return client.post("/api/records", files=parts, headers=headers or {})


def read(client, answer):
    """Wait until a record is read; gives it."""
    assert answer.status_code == 202, answer.text
    path = answer.headers["location"]
    return wait_until(lambda: (found := client.get(path).json())["state"] in {"done", "failed"} and found, 100)


def test_a_note_alone_is_a_moment_without_sound(client):
    made = give(client, note=" by the sea ", start=START, lat="35.1341", lon="129.1032").json()
    assert (made["state"], made["origin"], made["note"], made["error"]) == ("done", "note", "by the sea", None)
    (item,) = client.get("/api/moments?text=sea").json()["items"]
    assert made["moments"] == [item["id"]]
    assert (item["basis"], item["origin"], item["emotion"]) == ("none", "note", None)
    assert (item["start"], item["note"], item["record"]) == (START, "by the sea", made["id"])
    assert item["place"]["lat"] == 35.1341


def test_a_recording_becomes_moments_with_its_clip_place_and_note(client):
    sound = recording("webm", 11.0)
    given = give(client, sound, "audio/webm;codecs=opus", note="rain", start=START, lat="35.1", lon="129.1")
    assert given.json()["state"] == "waiting"
    done = read(client, given)
    assert (done["state"], done["error"], done["progress"], done["start"]) == ("done", None, 1.0, START)
    assert done["seconds"] == pytest.approx(11, abs=0.1)
    assert done["clip"]["media_type"] == "audio/webm"
    items = [client.get(f"/api/moments/{one}").json() for one in done["moments"]]
    assert items
    assert items[0]["start"].startswith("2026-05-22T09:32:1")
    assert [item["note"] for item in items] == ["rain"] + [None] * (len(items) - 1)
    for item in items:
        assert (item["origin"], item["record"], item["clip"]) == ("upload", done["id"], done["clip"])
        assert item["place"]["lon"] == 129.1
    assert client.get(f"/api/clips/{done['clip']['sha256']}").content == sound
    assert client.get("/api/records").json()["items"] == [done]


def test_progress_is_told_until_it_is_read(client):
    location = give(client, recording("wav", 30.0)).headers["location"]
    told = []
    with client.stream("GET", location, headers={"Accept": "text/event-stream"}, timeout=100) as answer:
        told += [line for line in answer.iter_lines() if line.startswith("data: ")]
    assert '"state":"done"' in told[-1]
    assert '"state":"done"' not in told[0]
    assert any('"state":"reading"' in line for line in told)


def test_the_stream_of_a_record_ends_with_its_token(locked, store, monkeypatch):
    monkeypatch.setattr(records, "_BEAT_S", 0.1)
    store.take([make(device="a")])
    record = str(uuid.UUID(bytes=keep.make(store, None, keep.New(device="a", note="waits to be read"))))
    headers = bearer(store) | {"Accept": "text/event-stream"}
    with locked.stream("GET", f"/api/records/{record}", headers=headers, timeout=10) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "event: record"
        tokens.revoke(store, 1)
        assert '"state":"done"' not in "".join(lines), "it ends, and not for the record's sake"


def test_what_cannot_be_read_says_why_and_keeps_the_note(client):
    done = read(client, give(client, b"not a sound" * 50, note="lost"))
    assert done["state"] == "failed"
    assert done["error"] == "The file holds no sound that can be read; give WAV, M4A, WebM, MP3, FLAC or Ogg."
    assert client.get("/api/moments?text=lost").json()["total"] == 1


def test_a_reader_that_ends_is_told_in_a_sentence(client, monkeypatch):
    monkeypatch.setattr(reader, "_COMMAND", ["false"])
    done = read(client, give(client, recording("wav", 1.0)))
    assert done["state"] == "failed"
    assert done["error"].startswith("The recording could not be read")


def test_a_call_that_is_repeated_makes_one_record(client):
    key = {"Idempotency-Key": "k1"}
    first = give(client, note="once", headers=key).json()
    assert give(client, note="once", headers=key).json() == first
    assert give(client, note="once").json()["id"] != first["id"]
    together = []
    threads = [
        threading.Thread(
            target=lambda: together.append(give(client, note="x", headers={"Idempotency-Key": "k2"}).json()["id"])
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(together)) == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "audio"),
        ({"note": " "}, "audio"),
        ({"note": "x", "start": "yesterday"}, "start"),
        ({"note": "x", "start": "2026-05-22"}, "start"),
        ({"note": "x", "lat": "1"}, "lon"),
        ({"note": "x", "lat": "91", "lon": "0"}, "lat"),
        ({"note": "x" * 10_001}, "note"),
        ({"note": "x", "device": "nobodys"}, "device"),
        ({"note": "x", "colour": "red"}, "colour"),
    ],
)
def test_a_field_without_meaning_is_named(client, fields, field):
    answer = give(client, **fields) if fields else client.post("/api/records", files={"note": (None, "")})
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert client.get("/api/records").json()["items"] == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\nbreaks off'),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\n\xff\r\n--x--\r\n',
        ),
    ],
)
def test_a_body_that_is_no_form_is_refused(client, kind, body):
    answer = client.post("/api/records", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["field"] in {"body", "note"}) == (422, True)


def test_records_are_listed_newest_first_page_by_page(client):
    ids = [give(client, note=str(n)).json()["id"] for n in range(5)]
    first = client.get("/api/records?limit=3").json()
    rest = client.get("/api/records", params={"limit": 3, "cursor": first["next"]}).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == ids[::-1]
    assert rest["next"] is None


def test_a_mark_of_a_device_is_a_record_too(client, store):
    record, sound = uuid7(), clip()
    marked = [
        make(origin="mark", record=record, clip=sound, device="a"),
        make(origin="mark", record=record, device="a"),
    ]
    store.take(marked)
    (found,) = client.get("/api/records").json()["items"]
    assert (found["id"], found["origin"], found["state"], found["device"]) == (record, "mark", "done", "a")
    assert sorted(found["moments"]) == sorted(one.id for one in marked)
    assert found["place"] == {"lat": 35.1341, "lon": 129.1032}


def test_an_erased_record_leaves_nothing_and_does_not_come_back(client, store):
    done = read(client, give(client, recording("wav", 6.0), note="secret", start=START))
    assert client.delete(f"/api/records/{done['id']}").status_code == 204
    assert client.get(f"/api/records/{done['id']}").status_code == 404
    assert client.get(f"/api/clips/{done['clip']['sha256']}").status_code == 404
    assert client.get("/api/moments").json()["total"] == 0
    assert not list((store.path.parent / "sounds").glob("??/*"))
    late = make(origin="upload", record=done["id"])
    assert store.take([late]) == set()


def test_a_record_goes_with_the_last_of_its_moments(client, store):
    record = uuid7()
    first, second = make(origin="mark", record=record), make(origin="mark", record=record)
    store.take([first, second])
    client.delete(f"/api/moments/{first.id}")
    assert client.get(f"/api/records/{record}").json()["moments"] == [second.id]
    client.delete(f"/api/moments/{second.id}")
    assert client.get(f"/api/records/{record}").status_code == 404


def test_a_recording_that_was_being_read_when_the_hub_ended_is_read_after_its_start(tmp_path):
    store = Store(tmp_path / "hub.db")
    with serving(create_app(store)) as client:
        location = give(client, RECORDING.read_bytes(), "audio/ogg").headers["location"]
        wait_until(lambda: client.get(location).json()["progress"] > 0, 60)
    with serving(create_app(store)) as client:
        done = wait_until(lambda: (found := client.get(location).json())["state"] == "done" and found, 100)
        assert len(set(done["moments"])) == len(done["moments"]) > 5
        assert client.get("/api/moments").json()["total"] == len(done["moments"])
    store.close()


def test_an_owners_uploads_are_that_owners(locked, store):
    ann, bob = bearer(store, "write", owner="Ann"), bearer(store, "write", owner="Bob")
    made = give(locked, note="mine", headers=ann).json()
    assert made["owner"] == "Ann"
    assert locked.get(f"/api/records/{made['id']}", headers=bob).status_code == 404
    assert locked.delete(f"/api/records/{made['id']}", headers=bob).status_code == 404
    assert locked.get("/api/records", headers=bob).json()["items"] == []
    assert locked.get("/api/moments", headers=bob).json()["total"] == 0
    assert give(locked, note="x", device=made["device"], headers=bob).json()["field"] == "device"
    assert locked.get("/api/moments?owner=Ann", headers=ann).json()["total"] == 1


def test_nothing_is_kept_for_a_device_that_another_owner_has_by_now(locked, store):
    store.describe_device("a", name=None, owner="Ann")
    ann, bob = bearer(store, "write", device="a", owner="Ann"), bearer(store, owner="Bob")
    assert give(locked, note="mine", headers=ann).status_code == 202
    store.describe_device("a", name=None, owner="Bob")
    for fields in ({}, {"device": "a"}):
        refused = give(locked, recording("wav", 1.0), note="planted", headers=ann, **fields)
        assert (refused.status_code, refused.json()["detail"]) == (
            403,
            "The device a is not Ann's, so nothing was kept: an admin says whose it is.",
        )
    assert [item["note"] for item in locked.get("/api/records", headers=bob).json()["items"]] == ["mine"]
    assert [path for path in (store.path.parent / "sounds").rglob("*") if path.is_file()] == []


def test_what_stands_for_an_owners_uploads_is_given_to_nobody_else(locked, store):
    ann, admin = bearer(store, "write", owner="Ann"), bearer(store, "admin")
    device = give(locked, note="before", headers=ann).json()["device"]
    give(locked, note="nobody's", headers=admin)
    for name, owner in ((device, "Bob"), (device, None), ("upload", "Bob")):
        refused = locked.put(f"/api/devices/{name}", json={"owner": owner}, headers=admin)
        assert (refused.status_code, refused.json()["field"]) == (422, "owner")
    for name, owner in ((device, "Ann"), ("upload", None), ("upload-1", "Bob")):
        named = locked.put(f"/api/devices/{name}", json={"name": "letters", "owner": owner}, headers=admin)
        assert (named.status_code, named.json()["name"]) == (200, "letters")
    assert give(locked, note="after", headers=ann).json()["owner"] == "Ann"


def test_uploads_that_an_older_hub_gave_to_another_are_not_kept_there(locked, store):
    ann, bob = bearer(store, "write", owner="Ann"), bearer(store, owner="Bob")
    store.describe_device(give(locked, note="before", headers=ann).json()["device"], name=None, owner="Bob")
    assert give(locked, note="after", headers=ann).status_code == 403
    assert [item["note"] for item in locked.get("/api/records", headers=bob).json()["items"]] == ["before"]


def test_place_of_a_moment_is_the_records(client):
    made = give(client, note="x", lat="0", lon="0").json()
    item = client.get(f"/api/moments/{made['moments'][0]}").json()
    assert Place.model_validate(item["place"]) == Place(lat=0, lon=0)


def test_a_device_that_was_never_heard_may_give_a_note(locked, store):
    mine = bearer(store, "write", device="new")
    answer = give(locked, note="x", headers=mine)
    assert (answer.status_code, answer.json()["device"]) == (202, "new")
    assert locked.get(answer.headers["location"], headers=mine).json()["note"] == "x"


def test_a_recording_that_the_store_does_not_take_leaves_no_sound(client, store, monkeypatch):
    def locked(*_args):
        raise OperationalError("", None, Exception("database is locked"))

    give(client, note="so that the device is known")
    with monkeypatch.context() as patch:
        patch.setattr("hub.records.keep.insert", locked)
        assert give(client, recording("wav", 1.0)).status_code == 503
    assert [path for path in (store.path.parent / "sounds").rglob("*") if path.is_file()] == []


def test_an_owner_who_was_erased_and_is_back_finds_what_is_uploaded_then(locked, store):
    mine, anyone = bearer(store, "write", owner="Ann"), bearer(store, "admin")
    give(locked, note="before", headers=mine)
    assert locked.delete("/api/moments?owner=Ann", headers=anyone).json() == {"erased": 1}
    mine = bearer(store, "write", owner="Ann")
    made = give(locked, note="after", headers=mine)
    assert (made.status_code, made.json()["owner"]) == (202, "Ann")
    assert locked.get("/api/moments", headers=mine).json()["total"] == 1
