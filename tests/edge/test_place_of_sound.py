"""The place of a sound, which is asked for when its moment comes out, up to minutes after it began."""

import pytest

from edge.config import Gps, Point, Zone
from edge.place import distance_m
from moments import Place
from tests.edge.test_place import LAT, LON, Ticking, asking, heard

HOME = Zone(lat=LAT, lon=LON, radius_m=200)
NORTH = 0.001
"""Degrees of about 111 m."""


@pytest.fixture
def clock():
    return Ticking()


def walking(clock, *north, every_s=10, **settings):
    """Places that have had a fix every so many seconds from 100 s after boot on, `north` of home in `NORTH`."""
    places = asking(Gps(**settings), since_boot=clock)
    for number, steps in enumerate(north):
        clock.now = 100.0 + every_s * number
        at = f"2026-05-22T09:{clock.now // 60:02.0f}:{clock.now % 60:06.3f}Z"
        places.hear(heard(lat=LAT + steps * NORTH, at=at))
    return places


def test_a_sound_has_the_place_where_it_began_and_the_age_of_then(clock):
    places = walking(clock, 0, 1, 2, 3, 4)
    clock.now += 300
    place = places.place_of(112.5, 25.0)
    assert (place.lat, place.lon, place.age_s) == (LAT + NORTH, LON, 2.5)
    assert places.place() is None, "the place of now is too old"


def test_a_sound_that_began_before_the_first_fix_has_the_first_place_that_came_while_it_lasted(clock):
    places = walking(clock, 1, 2)
    assert places.place_of(50.0, 300.0) == Place(lat=LAT + NORTH, lon=LON, accuracy_m=6.5, altitude_m=21.0, age_s=0.0)
    assert places.place_of(50.0, 49.0) is None


def test_a_fix_that_was_too_old_when_a_sound_began_is_not_its_place(clock):
    places = walking(clock, 1, 2, every_s=100, max_age_s=60)
    assert places.place_of(160.0, 10.0).lat == LAT + NORTH
    assert places.place_of(161.0, 10.0) is None
    assert places.place_of(161.0, 50.0).lat == LAT + 2 * NORTH


@pytest.mark.parametrize(
    ("north", "way"), [((1, 1, 9), "out"), ((9, 9, 1), "in"), ((9, 1, 9), "through"), ((1, 9, 9), "out at once")]
)
def test_a_sound_that_was_partly_heard_in_a_home_zone_has_no_place(clock, north, way):
    places = walking(clock, *north, home_zones=(HOME,))
    assert places.place_of(105.0, 20.0) is None, way
    assert walking(clock, *north).place_of(105.0, 20.0) is not None


def test_a_sound_next_to_a_home_zone_has_its_place_though_the_device_was_there_before_and_after(clock):
    places = walking(clock, 1, 9, 9, 1, home_zones=(HOME,))
    assert places.place_of(110.0, 19.0).lat == LAT + 9 * NORTH


def test_a_zone_that_the_owner_sets_or_takes_away_meanwhile_counts(clock):
    places = walking(clock, 1, 9)
    places.zones = (HOME,)
    assert places.place_of(101.0, 9.0) is None
    places.zones = ()
    assert places.place_of(101.0, 9.0) is not None


def test_a_device_that_lost_its_fix_in_a_home_zone_was_there_until_another_came(clock):
    places = walking(clock, 1, 9, 9, every_s=1000, home_zones=(HOME,))
    assert places.place_of(1000.0, 150.0) is None
    assert places.place_of(1100.0, 150.0).lat == LAT + 9 * NORTH


def test_a_sound_of_eight_minutes_still_has_its_begin_and_no_more_is_kept(clock):
    places = walking(clock, *range(900), every_s=1)
    assert places.place_of(clock.now - 470, 470.0).lat == pytest.approx(LAT + 429 * NORTH)
    assert len(places._fixes) == 480


def test_the_place_of_a_sound_is_moved_into_the_grid_and_its_zone_is_not(clock):
    places = walking(clock, 3, 3, round_m=5000, home_zones=(HOME,))
    place = places.place_of(105.0, 20.0)
    assert place.lat != LAT + 3 * NORTH
    assert distance_m(place.lat, place.lon, LAT + 3 * NORTH, LON) <= place.accuracy_m


def test_a_fixed_place_holds_for_every_sound_outside_the_zones(clock):
    places = walking(clock, fixed=Point(lat=LAT, lon=LON))
    assert places.place_of(5.0, 20.0) == Place(lat=LAT, lon=LON, age_s=0)
    places.zones = (HOME,)
    assert places.place_of(5.0, 20.0) is None
