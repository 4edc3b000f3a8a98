"""What one owner is shown, told and does is made of that owner's things alone, where two have the same."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from hub.explore import named
from hub.settings import rules
from hub.stores.beside import commands, records
from hub.stores.store import Letter
from hub.stores.tables import letters
from hub.telling import Telling
from moments import uuid7
from tests.hub.api.test_door import bearer
from tests.hub.api.test_records import give
from tests.hub.api.test_stream import Follower
from tests.hub.explore.test_places import HOME, day
from tests.hub.moments import make
from tests.parts import wait_until


@pytest.fixture
def ann(store):
    store.take([make(device="a")])
    store.describe_device("a", name=None, owner="Ann")
    return bearer(store, "write", owner="Ann")


@pytest.fixture
def bob(store):
    store.take([make(device="b")])
    store.describe_device("b", name=None, owner="Bob")
    return bearer(store, "write", owner="Bob")


def test_a_stream_tells_an_owner_of_that_owners_moments_alone(locked, store, ann, bob):
    follower = Follower(locked, headers=bob)
    store.take([make(device="a"), mine := make(device="b")])
    wait_until(lambda: mine.id in follower.ids)
    store.take([make(device="a")])
    store.take([last := make(device="b")])
    wait_until(lambda: last.id in follower.ids)
    assert follower.ids == [mine.id, last.id]
    locked.delete("/api/tokens/2", headers=bearer(store, "admin"))  # ends it
    follower.wait()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_how_often_the_hub_hears_of_anybody_is_told_to_who_sees_everybody(locked, store, ann, method):
    assert locked.request(method, "/metrics", headers=ann).status_code == 403
    assert locked.request(method, "/metrics", headers=bearer(store, device="a")).status_code == 403
    assert locked.request(method, "/metrics", headers=bearer(store)).status_code == 200


def test_what_is_like_a_moment_is_sought_among_the_owners_own(locked, store, ann, bob):
    alike = make(device="b")
    store.take([alike])
    (mine,) = [one for one in locked.get("/api/moments", headers=bob).json()["items"] if one["id"] != alike.id]
    found = locked.get(f"/api/moments/{mine['id']}/similar", headers=bob).json()["items"]
    assert [one["id"] for one in found] == [alike.id]


def test_a_place_that_another_returns_to_is_none_of_the_owners(locked, store, ann, bob):
    store.take([moment for number in range(2) for moment in day(number, at=HOME, minutes=20, device="a")])
    assert len(locked.get("/api/places", headers=ann).json()["items"]) == 1
    assert locked.get("/api/places", headers=bob).json()["items"] == []


def test_the_name_of_anothers_place_is_not_changed_or_taken_away(locked, store, ann, bob):
    home = named.name(store, "Ann", named.Named("", "home", *HOME, 200))
    body = {"id": home.id, "name": None, "lat": 0, "lon": 0, "radius_m": 1}
    assert locked.put("/api/places", json=body, headers=bob).status_code == 404
    locked.put("/api/places", json=body | {"name": "mine"}, headers=bob)
    with store.reading() as connection:
        assert named.of(connection, "Ann") == [home]


def named_in(answer):
    body = answer.json()
    items = body["items"] if "items" in body else body["by"]["place"]
    return sorted(one["name"] for one in items)


def test_names_of_places_are_their_owners_and_everybodys_for_who_sees_all(locked, store, ann, bob):
    store.take(
        [moment for device in "ab" for number in range(2) for moment in day(number, at=HOME, minutes=20, device=device)]
    )
    for owner, headers in (("Ann", ann), ("Bob", bob)):
        body = {"name": f"{owner}'s", "lat": HOME[0], "lon": HOME[1], "radius_m": 200}
        assert locked.put("/api/places", json=body, headers=headers).status_code == 200
    everybody = bearer(store, "write")
    for path in ("/api/places?", "/api/trends?date=2026-05-22&"):
        assert named_in(locked.get(path, headers=ann)) == ["Ann's"]
        assert named_in(locked.get(f"{path}owner=Bob", headers=everybody)) == ["Bob's"]
    assert named_in(locked.get("/api/places", headers=everybody)) == ["Ann's", "Bob's"]
    trends = locked.get("/api/trends?date=2026-05-22", headers=everybody)
    assert named_in(trends) == ["Ann's"], "the first of two in one place has all that was heard there"
    (anns,) = locked.get("/api/places?owner=Ann", headers=everybody).json()["items"]
    told = locked.put("/api/places", json={**body, "id": anns["id"], "name": "home"}, headers=everybody).json()
    assert sorted(one["name"] for one in told["items"]) == ["Bob's", "home"]
    assert named_in(locked.get("/api/places", headers=ann)) == ["home"]


def test_a_devices_token_is_told_no_owners_names_of_places(locked, store, ann, bob):
    store.take([moment for number in range(2) for moment in day(number, at=HOME, minutes=20, device="a")])
    named.name(store, "Bob", named.Named("", "Bob's", *HOME, 200))
    found = locked.get("/api/trends?date=2026-05-22", headers=bearer(store, "read", device="a")).json()["by"]["place"]
    assert [one["name"] for one in found] == [None]


def test_a_dry_run_of_rules_counts_the_owners_scenes_alone(locked, store, ann, bob):
    now = datetime.now(UTC)
    store.take([make(device=device, basis="scene", start=now) for device in ("a", "a", "b")])
    asked = {"text": rules.default()}
    for headers, count in ((ann, 2), (bob, 1)):
        assert locked.put("/api/rules?dry_run=true", json=asked, headers=headers).json()["moments"] == count


def test_what_a_device_answered_is_for_its_owner(locked, store, ann, bob):
    order = {"id": uuid7(), "do": "ping", "until": None, "args": {}}
    Telling(store, lambda *_, **__: True).command("a", order)
    path = f"/api/devices/a/commands/{order['id']}"
    assert locked.get(path, headers=ann).status_code == 200
    assert locked.get(path, headers=bob).status_code == 404


@pytest.mark.parametrize("query", ["from=2020-01-01&to=2100-01-01", "from=2020-01-01", "to=2100-01-01"])
def test_what_an_owner_erases_by_time_is_that_owners_alone_also_on_devices(locked, store, ann, bob, query):
    store.take([], [Letter(f"moodscape/v1/{device}/moment", "is none", b"x") for device in ("a", "b")])
    for headers, device in ((ann, "a"), (bob, "b")):
        assert give(locked, note="x", start="2026-05-22T10:00:00Z", headers=headers, device=device).status_code == 202
    assert locked.delete(f"/api/moments?{query}", headers=bob).json() == {"erased": 2}
    with store.reading() as connection:
        assert set(connection.execute(select(commands.c.device)).scalars()) == {"b"}
        assert list(connection.execute(select(letters.c.topic)).scalars()) == ["moodscape/v1/a/moment"]
        assert list(connection.execute(select(records.c.device)).scalars()) == ["a"]
