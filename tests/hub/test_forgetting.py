"""Erasing reaches what stands beside the moments, and the devices."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from hub.explore.place_days import PlaceDays
from hub.forgetting import Forgetting
from hub.records import clips
from hub.settings.keep import write
from hub.settings.shapes import Settings
from hub.stores.beside import commands, place_days, records, settings
from hub.stores.rows import key
from hub.stores.store import Report
from hub.stores.tables import clip_moments, devices
from hub.stores.unfinished import loose_sounds, stale_days, unscrubbed
from hub.telling import Telling
from moments import uuid7
from tests.hub.forgetting import OTHER, THIRD, filtered, keep, locked
from tests.hub.moments import clip, make


class UpToNow:
    """Equal to a span without a beginning that ended within the last minute."""

    def __eq__(self, span):
        ended = datetime.fromisoformat(span.get("to", "1970-01-01T00:00:00Z"))
        return set(span) - {"days"} == {"to"} and timedelta(0) <= datetime.now(UTC) - ended < timedelta(minutes=1)

    __hash__ = None


UP_TO_NOW = UpToNow()


def test_a_device_is_told_which_moments_were_erased(store, forgetting, wire):
    first, second, other = make(device="a"), make(device="a", emotion="anger"), make(device="b", emotion="anger")
    store.take([first, second, other])
    assert forgetting.matching(filtered(emotion="anger")) == 2
    assert sorted(wire.orders(), key=str) == [("a", {"ids": [second.id]}), ("b", {"ids": [other.id]})]


def test_a_time_is_also_erased_from_what_devices_have_not_sent(store, forgetting, wire):
    store.take([make(device="a"), make(device="b")])
    forgetting.matching(filtered(device="a", **{"from": "2026-05-22", "to": "2026-05-23"}))
    instants = {"from": "2026-05-22T00:00:00+09:00", "to": "2026-05-23T00:00:00+09:00"}
    device, args = wire.orders()[-1]
    given = datetime.fromisoformat(args.pop("before"))
    assert abs(datetime.now(UTC) - given) < timedelta(seconds=60)
    assert (device, args) == ("a", instants | {"days": {"from": "2026-05-22", "to": "2026-05-23"}})


@pytest.mark.parametrize("query", [{"device": "a"}, {"device": "a", "to": "2300-01-01"}])
def test_what_a_device_hears_after_an_erasing_is_not_meant(store, forgetting, wire, query):
    store.take([make(device="a")])
    forgetting.matching(filtered(**query))
    assert wire.orders()[-1] == ("a", UP_TO_NOW)


def test_all_of_an_owner_is_all_on_the_owners_devices(store, forgetting, wire):
    store.take([make(device="a"), make(device="b")])
    store.describe_device("a", name=None, owner="Ann")
    assert forgetting.matching(filtered(owner="Ann")) == 1
    assert wire.orders()[-1] == ("a", UP_TO_NOW)
    assert {device for device, _ in wire.orders()} == {"a"}


def test_an_order_to_erase_is_repeated_until_the_device_answers(store, forgetting, telling, wire):
    wire.there = False
    moment = make(device="a")
    store.take([moment])
    forgetting.matching(filtered(device="a"))
    assert wire.sent == []
    wire.there = True
    listening = Report("a", "status", '{"state":"listening"}')
    telling.reported(Report("a", "status", '{"state":"offline"}'))
    telling.reported(listening)
    telling.close()
    assert len(wire.orders()) == 2
    assert {"ids": [moment.id]} in [args for _, args in wire.orders()]
    assert UP_TO_NOW in [args for _, args in wire.orders()]
    ids = [body["id"] for _, kind, body in wire.sent if kind == "command"]
    again = Telling(store, wire)
    for one in ids:
        again.reported(Report("a", "reply", json.dumps({"id": one, "ok": True, "error": None})))
    wire.sent.clear()
    again.start()
    again.reported(listening)
    again.close()
    assert wire.orders() == []


def test_what_an_erased_owners_devices_are_to_erase_waits_for_them(store, forgetting, telling, wire):
    wire.there = False
    moment = make(device="a")
    store.take([moment])
    store.describe_device("a", name=None, owner="Ann")
    done = uuid7()
    telling.command("a", {"id": uuid7(), "do": "pause", "until": None, "args": {}})
    telling.command("a", {"id": done, "do": "erase", "until": None, "args": {"ids": [uuid7()]}})
    telling.reported(Report("a", "reply", json.dumps({"id": done, "ok": True, "error": None})))
    forgetting.matching(filtered(owner="Ann"))
    wire.there = True
    telling.reported(Report("a", "status", '{"state":"listening"}'))
    telling.close()
    assert wire.orders() == [("a", UP_TO_NOW), ("a", {"ids": [moment.id]})]
    with store.reading() as connection:
        assert len(connection.execute(select(commands)).all()) == 2


def test_an_erased_owners_devices_forget_what_the_owner_set(store, forgetting, telling, wire):
    store.take([make(device="a"), make(device="b")])
    store.describe_device("a", name=None, owner="Ann")
    home = {"name": "home", "lat": 35.1, "lon": 129.1, "radius_m": 100}
    write(store, "Ann", settings=Settings.model_validate({"zones": [home]}))
    forgetting.matching(filtered(owner="Ann"))
    telling.close()
    assert [(device, body["zones"]) for device, kind, body in wire.sent if kind == "config"] == [("a", [])]


@pytest.mark.parametrize(("token", "left"), [("Ann", 0), ("Bob", 1)])
def test_an_owner_is_forgotten_by_a_token_of_their_own_and_by_no_other_owners(store, forgetting, token, left):
    store.take([make(device="a")])
    store.describe_device("a", name="Ann's coat", owner="Ann")
    write(store, "Ann", settings=Settings())
    forgetting.matching(replace(filtered(owner="Ann"), only_owner=token))
    with store.reading() as connection:
        assert len(connection.execute(select(settings.c.owner).where(settings.c.owner == "Ann")).all()) == left
        named = connection.execute(select(devices.c.name).where(devices.c.id == "a")).scalar_one()
    assert named == ("Ann's coat" if left else None)


def test_each_kind_of_store_forgets_an_owner_with_all_that_stands_beside_the_moments(any_store, sounds, wire):
    record = uuid7()
    any_store.take([make(device="a", origin="mark", record=record, clip=clip()), make(device="b")])
    any_store.describe_device("a", name=None, owner="Ann")
    path, early = keep(any_store, sounds, "a", clip(), key(record)), keep(any_store, sounds, "a", OTHER, key(uuid7()))
    ordinary = keep(any_store, sounds, "a", THIRD, moment=key(uuid7()))
    PlaceDays(any_store).refresh()
    telling = Telling(any_store, wire)
    assert Forgetting(any_store, sounds, telling, PlaceDays(any_store)).matching(filtered(owner="Ann")) == 1
    assert not path.exists()
    assert not early.exists()
    assert not ordinary.exists()
    assert wire.orders()[-1] == ("a", UP_TO_NOW)
    with any_store.reading() as connection:
        assert [row._mapping["count"] for row in connection.execute(select(place_days))] == [1]
        assert len(connection.execute(select(commands)).all()) == 2
        for table in (clips.clips, clip_moments, records, unscrubbed, stale_days, loose_sounds):
            assert connection.execute(select(table)).all() == []


def test_devices_are_ordered_to_erase_before_the_moments_go(store, forgetting, wire, monkeypatch):
    moment = make(device="a")
    store.take([moment])
    monkeypatch.setattr(store, "erase", locked)
    with pytest.raises(OperationalError):
        forgetting.matching(filtered(device="a"))
    assert wire.orders() == [("a", {"ids": [moment.id]}), ("a", UP_TO_NOW)]


def test_a_marker_word_of_an_erased_owner_is_in_no_file(store, forgetting, sounds, tmp_path):
    word = "Quokkatastrophe"
    moment = make(device="a", origin="mark", record=uuid7(), clip=clip())
    store.take([moment, make(device="b")])
    store.describe_device("a", name=None, owner="Ann")
    store.write_note(moment.id, f"about {word}")
    with sounds.open("a") as file:
        file.write(word.encode() * 1000)
    clips.keep(store, sounds, clips.Sent(clip().sha256, "a", None, 4.2, "audio/flac"), "a")
    held = [path for path in tmp_path.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]
    assert held
    forgetting.matching(filtered(owner="Ann"))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if word.encode() in path.read_bytes()] == []


def test_of_many_moments_a_device_is_told_of_those_that_have_sound_there(store, forgetting, wire):
    sounding = make(device="a", emotion="anger", clip=clip())
    store.take([*(make(device="a", emotion="anger") for _ in range(1000)), sounding, make(device="a", clip=OTHER)])
    assert forgetting.matching(filtered(emotion="anger")) == 1001
    assert wire.orders() == [("a", {"ids": [sounding.id]})]
