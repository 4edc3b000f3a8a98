"""The calls about moments, over a real server."""

import codecs
import csv
import io
import json
from datetime import datetime, timedelta, timezone

import pytest

from hub.api.app import create_app
from tests.hub.conftest import serving
from tests.hub.moments import START, make


def test_a_page_has_items_total_and_sentence(client, store):
    store.take([make(emotion="sadness"), make(emotion="calm"), make(emotion="sadness")])
    answer = client.get("/api/moments", params={"emotion": "sadness", "limit": 1}).json()
    assert [item["emotion"] for item in answer["items"]] == ["sadness"]
    assert (answer["total"], answer["total_is"], answer["describes"]) == (2, "exact", "sad moments")
    rest = client.get("/api/moments", params={"emotion": "sadness", "limit": 1, "cursor": answer["next"]}).json()
    assert rest["next"] is None
    assert rest["items"][0]["id"] != answer["items"][0]["id"]


def test_the_newest_comes_first_unless_asked(client, store):
    early, late = make(), make(start=START + timedelta(hours=1))
    store.take([late, early])
    assert [item["id"] for item in client.get("/api/moments").json()["items"]] == [late.id, early.id]
    oldest = client.get("/api/moments", params={"order": "oldest"}).json()["items"]
    assert [item["id"] for item in oldest] == [early.id, late.id]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"emotion": "joy"}, "emotion"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "٣"}, "limit"),
        ({"order": "random"}, "order"),
        ({"cursor": "zzz"}, "cursor"),
        ({"cursor": "WzFlOTk5LDFd"}, "cursor"),
        ({"lang": "fr"}, "lang"),
        ({"page": "2"}, "page"),
    ],
)
def test_a_wrong_value_is_answered_with_a_problem_that_names_the_field(client, query, field):
    answer = client.get("/api/moments", params=query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["field"], problem["status"]) == (field, 422)
    assert problem["detail"].startswith(field)


def test_a_note_is_written_changed_found_and_taken_away(client, store):
    moment = make()
    store.take([moment])
    where = f"/api/moments/{moment.id}"
    assert client.put(f"{where}/note", json={"text": " 바다 보며 커피 "}).json()["note"] == "바다 보며 커피"
    assert client.get("/api/moments", params={"text": "커피"}).json()["total"] == 1
    client.put(f"{where}/note", json={"text": "tea instead"})
    assert client.get("/api/moments", params={"text": "커피"}).json()["total"] == 0
    assert client.get("/api/moments", params={"has": "note"}).json()["total"] == 1
    client.put(f"{where}/note", json={"text": ""})
    assert client.get(where).json()["note"] is None
    assert client.get("/api/moments", params={"has": "note"}).json()["total"] == 0


def test_a_nul_is_left_out_of_a_note_and_refused_in_a_name(any_store):
    moment = make()
    any_store.take([moment])
    with serving(create_app(any_store)) as client:
        noted = client.put(f"/api/moments/{moment.id}/note", json={"text": "\0 by\0 the sea\n"})
        record = client.post("/api/records", files={"note": (None, "in the\0 rain")}).json()
        asked = [client.get("/api/moments", params={name: "Ann\0"}) for name in ("owner", "scene")] + [
            client.get("/api/places", params={"owner": "Ann\0"})
        ]
        found = client.get("/api/moments", params={"text": "sea\0"}).json()["total"]
        here = {"lat": 1, "lon": 2, "radius_m": 3}
        named = [
            client.put("/api/places", json={"id": "a\0", "name": None} | here),
            client.put("/api/places", json={"name": "the\0 sea"} | here),
            client.put("/api/devices/pocket-1", json={"name": "my\0 coat"}),
            client.post("/api/tokens", json={"name": "a\0", "scope": "read"}),
        ]
    assert noted.json()["note"] == "by the sea"
    assert (record["note"], found) == ("in the rain", 1)
    assert [(answer.status_code, answer.json()["detail"]) for answer in asked] == [
        (422, f"{name}: must have no control characters") for name in ("owner", "scene", "owner")
    ]
    assert [(answer.status_code, answer.json()["field"]) for answer in named] == [
        (422, field) for field in ("id", "name", "name", "name")
    ]


def test_a_correction_counts_before_the_reading_which_stays(client, store):
    moment = make(emotion="anger")
    store.take([moment])
    corrected = client.put(f"/api/moments/{moment.id}/emotion", json={"emotion": "surprise"}).json()
    assert (corrected["emotion"], corrected["correction"]) == ("anger", "surprise")
    assert client.get("/api/moments", params={"emotion": "anger"}).json()["total"] == 0
    assert client.get("/api/moments", params={"emotion": "surprise"}).json()["total"] == 1
    buckets = client.get("/api/summary", params={"by": "emotion"}).json()["buckets"]
    assert [bucket["emotion"] for bucket in buckets] == ["surprise"]
    client.put(f"/api/moments/{moment.id}/emotion", json={"emotion": None})
    assert client.get("/api/moments", params={"emotion": "anger"}).json()["total"] == 1


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("note", {"text": 5}, "text"),
        ("note", {}, "text"),
        ("emotion", {"emotion": "joy"}, "emotion"),
        ("note", [], "body"),
    ],
)
def test_a_wrong_body_names_the_field(client, store, path, body, field):
    moment = make()
    store.take([moment])
    answer = client.put(f"/api/moments/{moment.id}/{path}", json=body)
    assert answer.status_code == 422
    assert answer.json()["field"] == field


@pytest.mark.parametrize("moment_id", ["0196f3c2-8f0e-7c1a-9a52-6d0f4f1e2b33", "no-id", "%00"])
def test_a_moment_that_is_not_there_is_answered_404(client, moment_id):
    for call in (
        client.get(f"/api/moments/{moment_id}"),
        client.delete(f"/api/moments/{moment_id}"),
        client.get(f"/api/moments/{moment_id}/similar"),
        client.put(f"/api/moments/{moment_id}/note", json={"text": "x"}),
    ):
        assert call.status_code == 404
        assert call.json()["title"] == "Not Found"


def test_an_erased_moment_does_not_come_back(client, store):
    moment, other = make(), make()
    store.take([moment, other])
    assert client.delete(f"/api/moments/{moment.id}").status_code == 204
    assert store.take([moment]) == set()
    assert [item["id"] for item in client.get("/api/moments").json()["items"]] == [other.id]


def test_erasing_all_needs_to_be_meant(client, store):
    store.take([make(device="a"), make(device="b")])
    refused = client.delete("/api/moments")
    assert refused.status_code == 422
    assert client.delete("/api/moments", params={"tz": "Asia/Seoul"}).status_code == 422
    assert client.delete("/api/moments", params={"device": "a"}).json() == {"erased": 1}
    assert client.get("/api/moments").json()["total"] == 1


def test_a_day_is_the_wearers_day(client, store):
    kathmandu, honolulu = timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-10))
    here = make(start=datetime(2026, 5, 22, 0, 10, tzinfo=kathmandu))
    there = make(start=datetime(2026, 5, 22, 23, 50, tzinfo=honolulu))
    store.take([here, there])
    query = {"from": "2026-05-22", "to": "2026-05-23"}
    assert client.get("/api/moments", params=query).json()["total"] == 2
    assert client.get("/api/moments", params=query | {"tz": "UTC"}).json()["total"] == 0
    hours = client.get("/api/summary", params={"by": "hour"}).json()["buckets"]
    assert [bucket["hour"] for bucket in hours] == ["2026-05-22T00", "2026-05-22T23"]


def test_a_summary_follows_daylight_saving(client, store):
    utc = [datetime(2026, 3, 29, hour, 30, tzinfo=timezone.utc) for hour in (0, 1)]  # noqa: UP017
    store.take([make(start=at) for at in utc])
    buckets = client.get("/api/summary", params={"by": "hour", "tz": "Europe/Berlin"}).json()["buckets"]
    assert [bucket["hour"] for bucket in buckets] == ["2026-03-29T01", "2026-03-29T03"]


def test_a_summary_adds_up(client, store):
    early = datetime(1969, 12, 31, 23, 0, tzinfo=timezone.utc)  # noqa: UP017 - before the epoch, too
    store.take(
        [
            make(start=early, valence=0.5, arousal=0.0, seconds=1, scene=None, place=None),
            make(start=early, valence=-0.25, arousal=1.0, seconds=2, emotion="sadness", scene=None, place=None),
            make(start=early, basis="none", origin="note", seconds=0, scene=None, place=None),
        ]
    )
    answer = client.get("/api/summary", params={"by": "day,place"}).json()
    assert answer["buckets"] == [
        {
            "day": "1969-12-31",
            "place": None,
            "count": 3,
            "emotions": {"happiness": 1, "sadness": 1},
            "valence": 0.125,
            "arousal": 0.5,
            "seconds": 3.0,
        }
    ]


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("week", ["2026-W21"]),
        ("month", ["2026-05"]),
        ("hour_of_day", [9]),
        ("weekday", [5]),
        ("scene", ["cafe"]),
        ("device", ["pocket-1"]),
        ("place", [{"lat": 35.1325, "lon": 129.1025}]),
    ],
)
def test_each_kind_of_bucket_has_its_name(client, store, by, names):
    store.take([make()])
    assert [bucket[by] for bucket in client.get("/api/summary", params={"by": by}).json()["buckets"]] == names


@pytest.mark.parametrize("by", ["", "year", "day,day", "day,week,month"])
def test_a_wrong_kind_of_bucket_is_refused(client, by):
    answer = client.get("/api/summary", params={"by": by})
    assert (answer.status_code, answer.json()["field"]) == (422, "by")


def test_the_most_similar_comes_first(client, store):
    this = make(emotion="calm", valence=0.6, arousal=-0.5)
    alike = make(emotion="calm", valence=0.6, arousal=-0.4)
    later = make(emotion="calm", valence=0.6, arousal=-0.5, start=START + timedelta(hours=11))
    other = make(emotion="anger", valence=-0.5, arousal=0.6, scene=None)
    store.take([this, other, later, alike])
    found = client.get(f"/api/moments/{this.id}/similar").json()["items"]
    assert [item["id"] for item in found] == [alike.id, later.id]


def table(answer):
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_export_gives_all_that_the_filter_means_in_each_format(client, store):
    held = [make(start=START + timedelta(seconds=n), device="a") for n in range(450)]
    store.take([*held, make(device="b", place=None)])
    store.write_note(held[0].id, "=1+1")
    lines = client.get("/api/export", params={"device": "a", "format": "ndjson"}).text.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [moment.id for moment in held]
    rows = table(client.get("/api/export?device=a&format=csv"))
    assert [row["id"] for row in rows] == [moment.id for moment in held]
    assert rows[0]["note"] == "'=1+1"
    collection = client.get("/api/export?format=geojson").json()
    assert len(collection["features"]) == 451
    assert collection["features"][0]["geometry"] == {"type": "Point", "coordinates": [129.1032, 35.1341]}
    assert sum(feature["geometry"] is None for feature in collection["features"]) == 1
    assert client.get("/api/export?format=xml").json()["field"] == "format"


def test_a_table_says_once_that_it_is_utf_8_so_that_a_spreadsheet_shows_the_words_as_written(client, store):
    held = [make(start=START + timedelta(seconds=n)) for n in range(250)]
    store.take(held)
    store.write_note(held[0].id, "바닷가에서")
    answer = client.get("/api/export?format=csv")
    assert answer.content.startswith(codecs.BOM_UTF8)
    assert answer.content.count(codecs.BOM_UTF8) == 1
    assert table(answer)[0]["note"] == "바닷가에서"
