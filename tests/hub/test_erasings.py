"""Erasings that were cut short are ended later, and mean what was asked for."""

from dataclasses import replace
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
from hub.records.sounds import Sounds
from hub.settings.keep import write
from hub.settings.shapes import Settings
from hub.stores import whole
from hub.stores.beside import place_days, settings
from hub.stores.store import Letter, Store
from hub.stores.tables import letters
from hub.stores.unfinished import erasings, loose_sounds, stale_days, unscrubbed
from hub.telling import Telling
from tests.hub.forgetting import filtered, keep, locked
from tests.hub.moments import clip, make
from tests.hub.stores.test_store import contains


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
