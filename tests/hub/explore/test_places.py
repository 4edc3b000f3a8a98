"""Places that a person returns to are found, named and counted."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.explore import named, places
from hub.explore.place_days import PlaceDays
from hub.query.filter import Filter
from hub.records.whose import upload_device
from hub.stores import owners
from moments import Place
from tests.hub.moments import START, make

HOME, WORK = (35.1341, 129.1032), (35.1841, 129.0632)


def day(number, *, at, minutes, device="pocket-1", seed=0):
    """Moments of half a minute around a place, as a receiver scatters them."""
    drawn = random.Random(f"{number} {at} {seed}")
    return [
        make(
            start=START + timedelta(days=number, minutes=minute),
            seconds=30.0,
            device=device,
            place=Place(lat=at[0] + drawn.gauss(0, 1.5e-4), lon=at[1] + drawn.gauss(0, 1.5e-4)),
        )
        for minute in range(minutes)
    ]


def street(number):
    """A walk from home northwards, a few seconds everywhere."""
    return [
        make(
            start=START + timedelta(days=number, minutes=100 + step),
            seconds=5.0,
            place=Place(lat=HOME[0] + 0.003 + step * 0.0005, lon=HOME[1]),
        )
        for step in range(40)
    ]


def found(store, owner="", **seen):
    PlaceDays(store).refresh()
    with store.reading() as connection:
        return [
            one.shown()
            for one in places.places(places.cells_of(connection, Filter(**seen)), named.of(connection, owner))
        ]


def test_home_and_work_are_found_and_the_street_between_is_none(store):
    for number in range(6):
        store.take(
            day(number, at=HOME, minutes=40) + street(number) + (day(number, at=WORK, minutes=30) if number % 2 else [])
        )
    home, work = found(store)
    assert places.apart_m((home["lat"], home["lon"]), HOME) < 30
    assert places.apart_m((work["lat"], work["lon"]), WORK) < 30
    assert home["count"] == pytest.approx(240, abs=6)
    assert (home["first"], home["last"], work["first"]) == ("2026-05-22", "2026-05-27", "2026-05-23")
    assert home["valence"] == pytest.approx(0.58)


def test_a_place_of_a_single_day_is_none(store):
    store.take(day(0, at=HOME, minutes=120))
    assert found(store) == []


def test_a_named_place_is_shown_with_what_lies_in_its_circle(store):
    store.take([moment for number in range(2) for moment in day(number, at=HOME, minutes=20)])
    one = named.name(store, "", named.Named("", "home", *HOME, 200))
    far = named.name(store, "", named.Named("", "far", 0.0, 0.0, 200))
    home, nothing = found(store)
    assert (home["id"], home["name"], home["count"]) == (one.id, "home", 40)
    assert (nothing["id"], nothing["count"], nothing["first"]) == (far.id, 0, None)
    assert found(store, "Ann")[0]["name"] is None
    assert named.forget(store, "", one.id)
    assert not named.forget(store, "", one.id)


def names(store, owner):
    with store.reading() as connection:
        return [one.name for one in named.of(connection, owner)]


def test_everybodys_names_are_found_and_changed_where_no_owner_is_meant(store):
    home, work = (named.name(store, owner, named.Named("", owner, *HOME, 200)) for owner in ("Ann", "Bob"))
    assert names(store, None) == ["Ann", "Bob"]
    named.name(store, None, replace(home, name="home"))
    assert named.forget(store, None, work.id)
    assert (names(store, "Ann"), names(store, "Bob"), names(store, "")) == (["home"], [], [])


def test_names_of_nobody_are_those_of_the_only_owner_there_is(store):
    home, other = (named.name(store, "", named.Named("", name, *HOME, 200)) for name in ("home", "other"))
    assert names(store, "Ann") == [], "who has no device"
    store.describe_device("a", name=None, owner="Ann")
    store.take([make(device="b")])
    assert names(store, "Ann") == []
    store.describe_device("b", name=None, owner="Ann")
    assert names(store, "Ann") == ["home", "other"]
    assert names(store, "Bob") == []
    named.name(store, "Ann", replace(home, name="our home"))
    assert named.forget(store, "Ann", other.id)
    store.describe_device("b", name=None, owner="Bob")
    assert (names(store, "Ann"), names(store, "")) == (["our home"], [])


def test_nobodys_uploads_and_devices_that_heard_nothing_make_no_second_owner(any_store):
    named.name(any_store, "", named.Named("", "home", *HOME, 200))
    any_store.describe_device("a", name=None, owner="Ann")
    any_store.describe_device("b", name=None, owner=None)
    any_store.take([make(device=upload_device(None), origin="note")])
    assert names(any_store, "Ann") == ["home"]
    any_store.take([make(device=upload_device("Bob"), origin="note")])
    assert names(any_store, "Ann") == [], "Bob's uploads are somebody's"


@pytest.mark.parametrize(("others", "left"), [("Ann", []), ("Bob", ["nobody's"]), (None, ["nobody's"])])
def test_names_of_nobody_go_with_the_only_owner_there_is(any_store, others, left):
    any_store.take([make(device="b")])
    any_store.describe_device("a", name=None, owner="Ann")
    any_store.describe_device("b", name=None, owner=others)
    for owner, name in (("", "nobody's"), ("Ann", "Ann's")):
        named.name(any_store, owner, named.Named("", name, *HOME, 200))
    with any_store.writing() as connection:
        owners.forget(connection, "Ann")
    assert names(any_store, None) == left


def test_only_what_is_seen_counts(store):
    store.take([moment for number in range(2) for moment in day(number, at=HOME, minutes=20, device="a")])
    store.take([moment for number in range(2) for moment in day(number, at=WORK, minutes=20, device="b")])
    store.describe_device("a", name=None, owner="Ann")
    (place,) = found(store, only_owner="Ann")
    assert places.apart_m((place["lat"], place["lon"]), HOME) < 30


def test_moments_that_arrive_in_parts_are_added_up_as_all_at_once(store):
    rest = [moment for number in range(3) for moment in day(number, at=HOME, minutes=20)]
    random.Random(1).shuffle(rest)
    while rest:
        part, rest = rest[:7], rest[7:]
        store.take(part)
        found(store)
    parts = found(store)
    assert parts[0]["count"] == 60


def test_the_180th_meridian_parts_no_place(store):
    at = (-16.8, 179.99995)
    for number in range(2):
        moments = [
            make(
                start=START + timedelta(days=number, minutes=minute),
                seconds=30.0,
                place=Place(lat=at[0], lon=at[1] if minute % 2 else -179.99995),
            )
            for minute in range(30)
        ]
        store.take(moments)
    (place,) = found(store)
    assert place["count"] == 60
    assert places.apart_m((place["lat"], place["lon"]), (at[0], 180.0)) < 30
    assert place["radius_m"] < 100
