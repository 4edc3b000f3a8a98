"""Erasing reaches what stands beside the moments, and the devices."""

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from time import sleep

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from hub import tokens
from hub.explore.place_days import PlaceDays
from hub.forgetting import Forgetting
from hub.query.filter import Filter
from hub.query.pages import everything
from hub.records import clips
from hub.records.keep import New
from hub.records.keep import make as make_record
from hub.records.sounds import Sounds
from hub.settings.keep import write
from hub.settings.shapes import Settings
from hub.stores import whole
from hub.stores.beside import commands, place_days, records, settings
from hub.stores.rows import key, ms
from hub.stores.store import Letter, Report, Store
from hub.stores.tables import clip_moments, devices, letters
from hub.stores.unfinished import erasings, loose_sounds, stale_days, unscrubbed
from hub.telling import Telling
from moments import uuid7
from tests.hub.forgetting import OTHER, THIRD, filtered, keep
from tests.hub.moments import START, clip, make
from tests.hub.stores.test_store import contains


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


def locked(*_args, **_kwargs):
    raise OperationalError("", None, sqlite3.OperationalError("database is locked"))


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


@pytest.mark.parametrize(
    ("part", "call"),
    [(PlaceDays, "again"), (Store, "scrub_left"), (Store, "scrub"), (Sounds, "forget")],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_an_erasing_that_is_cut_short_is_ended_later(store, forgetting, sounds, wire, tmp_path, part, call):
    word = "Quokkatastrophe"
    moment = make(device="a", clip=clip())
    store.take([moment])
    store.write_note(moment.id, word)
    path = keep(store, sounds, "a")
    PlaceDays(store).refresh()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part, call, locked)
        with pytest.raises(OperationalError):
            forgetting.matching(filtered(text=word))
    assert wire.orders() == [("a", {"ids": [moment.id]})]
    with store.reading() as connection:
        assert connection.execute(select(clips.clips)).all() == []
    Forgetting(store, sounds, Telling(store, wire), PlaceDays(store)).finish()
    assert not path.exists()
    with store.reading() as connection:
        for table in (place_days, unscrubbed, stale_days, loose_sounds):
            assert connection.execute(select(table)).all() == []
    files = [file.read_bytes().lower() for file in tmp_path.rglob("*") if file.is_file()]
    assert [file for file in files if word.lower().encode() in file] == []


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


@pytest.fixture
def cut_short(any_store, sounds, wire, monkeypatch):
    """Begins an erasing that ends after the first moment, as when the hub is killed."""

    def begin(filter_):
        with monkeypatch.context() as patch:
            patch.setattr("hub.stores.erasing._STRETCH", 1)
            patch.setattr(any_store, "give_way", locked)
            with pytest.raises(OperationalError):
                new_hub(any_store, sounds, wire).matching(filter_)

    return begin


def new_hub(store, sounds, wire):
    return Forgetting(store, sounds, Telling(store, wire), PlaceDays(store))


def left(store):
    return {item["id"] for item in everything(store, Filter())}


def test_an_owner_who_was_not_erased_whole_is_so_later_with_all_that_is_theirs(
    any_store, sounds, wire, cut_short, request
):
    word = "Quokkatastrophe"
    others = make(device="b")
    any_store.take([*(make(device="a") for _ in range(3)), others], [Letter("moodscape/v1/a/moment", "is none", b"x")])
    any_store.describe_device("a", name=None, owner=word)
    write(any_store, word, settings=Settings())
    tokens.make(any_store, "theirs", tokens.Access("read", None, word))
    cut_short(filtered(owner=word))
    assert len(left(any_store)) == 3
    wire.sent.clear()
    new_hub(any_store, sounds, wire).finish()
    assert left(any_store) == {others.id}
    assert tokens.listed(any_store) == []
    assert wire.orders() == [], "the devices were told before the first moment went"
    with any_store.reading() as connection:
        for table in (erasings, settings, letters, unscrubbed):
            assert connection.execute(select(table)).all() == []
    assert not contains(any_store, request, word)


def test_what_came_after_an_erasing_was_asked_for_is_left_where_that_is_ended_later(any_store, sounds, wire, cut_short):
    any_store.take([make(device="a") for _ in range(3)])
    cut_short(filtered(device="a"))
    since = make(device="a")
    any_store.take([since])
    sleep(0.005)  # a letter is known to be of a later time by its ms
    any_store.take([], [Letter("moodscape/v1/a/moment", "is none", b"x")])
    new_hub(any_store, sounds, wire).finish()
    assert left(any_store) == {since.id}
    with any_store.reading() as connection:
        assert len(connection.execute(select(letters)).all()) == 1


def test_what_an_erasing_that_is_left_meant_goes_with_its_owner(any_store, sounds, wire, cut_short, request):
    word = "Quokkatastrophe"
    moments = [make(device="a") for _ in range(2)]
    any_store.take(moments)
    any_store.describe_device("a", name=None, owner="Ann")
    for moment in moments:
        any_store.write_note(moment.id, word)
    cut_short(filtered(owner="Ann", text=word))
    new_hub(any_store, sounds, wire).matching(filtered(owner="Ann"))
    with any_store.reading() as connection:
        assert connection.execute(select(erasings)).all() == []
    assert not contains(any_store, request, word)


def test_an_erasing_that_is_left_is_this_stores_and_goes_into_no_export(any_store, cut_short):
    any_store.take([make(device="a") for _ in range(2)])
    cut_short(filtered(device="a"))
    with any_store.reading() as connection:
        assert connection.execute(select(erasings)).first() is not None
        assert [line for line in whole.lines(connection) if b'"erasings"' in line] == []


EVERY_PART = {
    "emotion": "happiness",
    "basis": "speech",
    "origin": "ambient",
    "scene": "cafe",
    "device": "a",
    "owner": "Ann",
    "from": "2026-05-22",
    "to": "2026-05-22T10:00:00.5+09:00",
    "bbox": "129,35,130,36",
    "near": "35.1341,129.1032",
    "radius_m": "300",
    "min_confidence": "0.5",
    "valence": "0.5,0.6",
    "arousal": "0.3,0.4",
    "text": "quiet",
    "has": "note,place",
    "tz": "Asia/Seoul",
}


def test_an_erasing_that_is_ended_later_means_what_was_asked_for(any_store, sounds, wire, cut_short):
    meant = [make(device="a", note="a quiet hour", origin="ambient") for _ in range(3)]
    others = [make(device=device, note=note) for device, note in (("a", "loud"), ("b", "a quiet hour"))]
    any_store.take([*meant, *others])
    for moment in (*meant, *others):
        any_store.write_note(moment.id, moment.model_dump()["note"])
    any_store.describe_device("a", name=None, owner="Ann")
    cut_short(replace(filtered(**EVERY_PART), only_device="a", only_owner="Ann"))
    assert len(left(any_store)) == 4
    new_hub(any_store, sounds, wire).finish()
    assert left(any_store) == {moment.id for moment in others}


def test_an_erasing_in_hand_is_left_to_who_does_it(store, forgetting, monkeypatch):
    monkeypatch.setattr("hub.stores.erasing._STRETCH", 1)
    monkeypatch.setattr(store, "give_way", forgetting.finish)
    store.take([make(device="a") for _ in range(3)])
    assert forgetting.matching(filtered(device="a")) == 3


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


def test_what_no_moment_stands_for_goes_by_its_own_time(store, forgetting, sounds):
    store.take([make(device="a")], [Letter(f"moodscape/v1/{device}/moment", "is none", b"x") for device in "aA"])
    for number in (-1, 0, 1):
        given = New(device="a", note=str(number), start=START + timedelta(days=number))
        make_record(store, sounds, given)
    forgetting.matching(filtered(device="a", **{"from": "2026-05-22", "to": "2026-05-23"}))
    with store.reading() as connection:
        assert sorted(connection.execute(select(records.c.note)).scalars()) == ["-1", "1"]
        assert len(connection.execute(select(letters)).all()) == 2, "they came at another time"
    forgetting.matching(filtered(device="a"))
    with store.reading() as connection:
        assert connection.execute(select(records)).all() == []
        assert connection.execute(select(letters.c.topic)).scalars().all() == ["moodscape/v1/A/moment"]


def test_what_tells_the_wearers_offset_is_of_the_wearers_day(any_store, sounds, wire):
    zones = (timezone(timedelta(hours=hours)) for hours in (9, 2))
    starts = [datetime(2026, 5, 22, 23, 30, tzinfo=zone) for zone in zones]
    starts.append(starts[1] - timedelta(hours=24))  # which in Seoul is the 22nd
    told = [json.dumps({"start": start.isoformat()}).encode() for start in starts]
    any_store.take([make(device="a")], [Letter("moodscape/v1/a/moment", "is none", payload) for payload in told])
    for start in starts:
        make_record(any_store, sounds, New(device="a", note=start.isoformat(), start=start))
    forgetting = Forgetting(any_store, sounds, Telling(any_store, wire), PlaceDays(any_store))
    forgetting.matching(filtered(device="a", **{"from": "2026-05-22", "to": "2026-05-23"}))
    with any_store.reading() as connection:
        assert connection.execute(select(letters.c.payload)).scalars().all() == told[2:]
        assert connection.execute(select(records.c.note)).scalars().all() == [starts[2].isoformat()]


def test_a_dead_letter_is_of_the_time_that_its_id_tells(any_store, sounds, wire):
    ids = uuid7(ms(START)), uuid7(), "mood"
    dead = [Letter("moodscape/v1/a/moment", "is none", json.dumps({"id": name}).encode()) for name in ids]
    any_store.take([make(device="a")], dead)
    forgetting = Forgetting(any_store, sounds, Telling(any_store, wire), PlaceDays(any_store))
    forgetting.matching(filtered(device="a", to=(START + timedelta(hours=1)).isoformat()))
    with any_store.reading() as connection:
        left = connection.execute(select(letters.c.payload).order_by(letters.c.n)).scalars().all()
    assert [json.loads(payload)["id"] for payload in left] == [*ids[1:]]


def test_a_dead_letter_is_of_its_start_whatever_its_id_tells(any_store, sounds, wire):
    then, now = START.isoformat(), datetime.now(UTC).isoformat()
    of_then = [{"id": uuid7(), "start": then}, {"id": uuid7(ms(START)), "start": "in May"}]
    of_then.append({"id": uuid7(ms(START)), "start": now.partition("+")[0]})
    of_now = [{"id": uuid7(ms(START)), "start": now}, {"id": uuid7(), "start": 7}, [then], "start"]
    dead = [Letter("moodscape/v1/a/moment", "is none", json.dumps(body).encode()) for body in [*of_then, *of_now]]
    any_store.take([make(device="a")], dead)
    forgetting = Forgetting(any_store, sounds, Telling(any_store, wire), PlaceDays(any_store))
    forgetting.matching(filtered(device="a", to=(START + timedelta(hours=1)).isoformat()))
    with any_store.reading() as connection:
        left = connection.execute(select(letters.c.payload).order_by(letters.c.n)).scalars().all()
    assert [json.loads(payload) for payload in left] == of_now
