"""A table over all calls: what a token of one owner shows and changes is that owner's alone."""

import pytest

from hub.api.app import create_app
from hub.records import clips
from hub.records.sounds import Sounds
from hub.stores.store import Report
from moments import uuid7
from tests.hub.api.test_door import bearer
from tests.hub.moments import make

SHA = "cd" * 32

ANYBODYS = {
    ("GET", "/healthz"), ("GET", "/ca.crt"), ("GET", "/readyz"), ("POST", "/api/session"), ("DELETE", "/api/session"),
    ("POST", "/api/enrol"),
}  # fmt: skip
"""Shows nothing of a person; what the last one gives, it gives for a code."""

HUBS = {
    ("GET", "/api/dead-letters"), ("POST", "/api/dead-letters/replay"), ("GET", "/api/dead-letters/export"),
    ("GET", "/api/tokens"), ("POST", "/api/tokens"), ("DELETE", "/api/tokens/{n}"), ("PUT", "/api/devices/{device}"),
    ("GET", "/metrics"),
}  # fmt: skip
"""For an admin of the whole hub; the last one for all who see the whole hub."""

LISTS = {
    ("GET", "/api/moments"): "items",
    ("GET", "/api/summary"): "buckets",
    ("GET", "/api/export"): None,
    ("GET", "/api/devices"): "items",
    ("GET", "/api/records"): "items",
    ("GET", "/api/places"): "items",
    ("GET", "/api/on-this-day"): "items",
    ("GET", "/api/trends"): None,
    ("GET", "/api/settings"): None,
    ("GET", "/api/rules"): None,
}
"""Each shows Bob nothing of Ann."""

CHANGES_OWN = {
    ("PUT", "/api/settings"), ("PUT", "/api/rules"), ("PUT", "/api/places"), ("POST", "/api/records"),
    ("PUT", "/api/clips/{sha256}"), ("DELETE", "/api/moments"), ("GET", "/api/stream"),
}  # fmt: skip
"""Has tests of its own, for what it changes or shows is the caller's."""

ONE = {
    ("GET", "/api/moments/{moment_id}"): None,
    ("DELETE", "/api/moments/{moment_id}"): None,
    ("PUT", "/api/moments/{moment_id}/note"): {"text": "x"},
    ("PUT", "/api/moments/{moment_id}/emotion"): {"emotion": "calm"},
    ("GET", "/api/moments/{moment_id}/similar"): None,
    ("GET", "/api/records/{record_id}"): None,
    ("DELETE", "/api/records/{record_id}"): None,
    ("GET", "/api/clips/{sha256}"): None,
    ("HEAD", "/api/clips/{sha256}"): None,
    ("POST", "/api/devices/{device}/command"): {"do": "ping"},
    ("GET", "/api/devices/{device}/commands/{command_id}"): None,
}
"""Ann's is not there for Bob."""


@pytest.fixture
def anns(store):
    """Something of everything that is Ann's."""
    moment = make(device="a", origin="mark", record=uuid7())
    store.take([moment], reports=[Report("a", "status", '{"state":"listening"}')])
    store.describe_device("a", name="Anns-coat", owner="Ann")
    store.write_note(moment.id, "Anns-words")
    sounds = Sounds(store.path.parent / "sounds")
    with sounds.open("a") as file:
        file.write(b"abc")
    clips.keep(store, sounds, clips.Sent(SHA, "a", None, 1.0, "audio/flac"), "a")
    return {
        "moment_id": moment.id, "record_id": str(moment.record), "sha256": SHA, "device": "a", "command_id": uuid7(),
    }  # fmt: skip


def every_call(store):
    document = create_app(store).openapi()
    return {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}


def test_every_call_has_its_place_in_the_table(store):
    assert every_call(store) - ANYBODYS - HUBS - LISTS.keys() - CHANGES_OWN - ONE.keys() == set()


def test_nothing_of_one_owner_is_shown_to_or_changed_by_another(locked, store, anns):
    bob, ann = bearer(store, "write", owner="Bob"), bearer(store, "write", owner="Ann")
    for (method, path), part in LISTS.items():
        query = {"by": "device"} if path == "/api/summary" else {"date": "2026-06-22"} if "day" in path else {}
        shown = locked.request(method, path, params=query, headers=bob)
        assert shown.status_code == 200, (path, shown.text)
        assert "Anns" not in shown.text, path
        assert anns["moment_id"] not in shown.text, path
        if part:
            assert shown.json()[part] == [], path
    for (method, path), body in ONE.items():
        refused = locked.request(method, path.format(**anns), json=body, headers=bob)
        assert refused.status_code == 404, (method, path)
    for method, path in HUBS:
        if (method, path) in every_call(store):
            refused = locked.request(
                method, path.format(n=1, **anns), json={}, headers=bearer(store, "admin", owner="Bob")
            )
            assert refused.status_code == 403, (method, path)
    assert locked.delete("/api/moments?origin=mark", headers=bob).json() == {"erased": 0}
    kept = locked.get(f"/api/moments/{anns['moment_id']}", headers=ann).json()
    assert (kept["note"], kept["correction"]) == ("Anns-words", None)


def test_every_call_but_the_open_ones_wants_a_token(locked, store, anns):
    for method, path in every_call(store) - ANYBODYS:
        refused = locked.request(method, path.format(n=1, **anns))
        assert refused.status_code == 401, (method, path)
