"""The place of a phone with OwnTracks, as its app sends it."""

import json
import threading

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import Broker, Gps
from edge.delivery.publisher import Publisher
from edge.outbox.queue import Outbox
from edge.place import Fix, Places
from tests.parts import wait_until

NOW = 1_779_410_000.0


def sent(**changes):
    """What OwnTracks for Android publishes for a location."""
    values = {
        "_type": "location",
        "BSSID": "02:00:00:00:00:00",
        "SSID": "home",
        "acc": 14,
        "alt": 21,
        "batt": 81,
        "bs": 1,
        "conn": "w",
        "created_at": int(NOW),
        "lat": 35.1341,
        "lon": 129.1032,
        "m": 1,
        "t": "u",
        "tid": "an",
        "topic": "owntracks/anna/phone",
        "tst": int(NOW) - 30,
        "vac": 2,
        "vel": 0,
    }
    return json.dumps(values | changes).encode()


@pytest.fixture
def places():
    return Places(Gps(owntracks="owntracks/anna/phone", max_age_s=900), since_boot=lambda: 5_000.0)


def test_a_location_becomes_a_place_as_old_as_the_phone_says(places):
    assert places.place() is None
    places.hear_phone(sent(), NOW)
    place = places.place()
    assert (place.lat, place.lon, place.accuracy_m, place.altitude_m, place.age_s) == (35.1341, 129.1032, 14, 21, 30.0)


def test_a_sound_has_the_location_that_the_phone_had_when_it_began(places):
    places.hear_phone(sent(tst=int(NOW) - 300), NOW)
    places.hear_phone(sent(lat=36.0), NOW)
    place = places.place_of(4_800.0, 100.0)
    assert (place.lat, place.age_s) == (35.1341, 100.0)


def test_a_location_that_the_broker_kept_too_long_is_no_place(places):
    places.hear_phone(sent(tst=int(NOW) - 901), NOW)
    assert places.place() is None


def test_while_the_time_is_not_known_a_location_may_be_of_any_age_and_is_no_place(places):
    places.hear_phone(sent(), None)
    assert places.place() is None


def test_the_last_location_that_came_before_the_time_was_known_is_a_place_once_it_is(places):
    places.hear_phone(sent(tst=int(NOW) - 300), None)
    places.hear_phone(sent(lat=36.0), None)
    places.hear_phone(b'{"_type": "lwt"}', None)
    places.hear_early(NOW)
    place = places.place()
    assert (place.lat, place.age_s) == (36.0, 30.0)
    places.hear_early(NOW + 3600)
    assert places.fix.boot_s == 4_970.0, "it is heard once"


def test_a_location_that_came_before_the_time_was_known_does_not_lead_back(places):
    places.hear_phone(sent(lat=36.0, tst=int(NOW) - 300), None)
    places.hear_phone(sent(), NOW)
    places.hear_early(NOW)
    assert places.place().lat == 35.1341


def test_a_location_that_comes_while_an_early_one_is_heard_is_the_last(places, monkeypatch):
    comes = threading.Thread(target=places.hear_phone, args=(sent(lat=36.0), NOW))

    def while_it_comes(*values):
        if comes.ident is None:
            comes.start()
            comes.join(0.3)
        return Fix(*values)

    monkeypatch.setattr("edge.place.Fix", while_it_comes)
    places.hear_phone(sent(tst=int(NOW) - 300), None)
    places.hear_early(NOW)
    comes.join()
    assert places.fix.lat == 36.0


def test_a_location_from_before_the_last_does_not_lead_back(places):
    places.hear_phone(sent(), NOW)
    places.hear_phone(sent(lat=0.0, tst=int(NOW) - 60), NOW)
    assert places.place().lat == 35.1341


def test_a_phones_clock_sets_none(places):
    places.hear_phone(sent(), NOW)
    assert places.satellite_time() is None


def test_encrypted_locations_are_told_with_their_remedy(places):
    places.hear_phone(b'{"_type": "encrypted", "data": "bm9uc2Vuc2U="}', NOW)
    assert places.place() is None
    assert "encryption key" in places.state


@pytest.mark.parametrize("kind", ["lwt", "transition", "waypoint"])
def test_what_else_the_app_sends_changes_nothing(places, kind):
    places.hear_phone(sent(), NOW)
    places.hear_phone(json.dumps({"_type": kind, "tst": int(NOW), "lat": 1, "lon": 1}).encode(), NOW)
    assert places.place().lat == 35.1341


@given(st.one_of(st.binary(max_size=200), st.builds(sent, lat=st.floats(), lon=st.floats(), tst=st.floats())))
def test_no_bytes_lead_off_the_earth(payload):
    places = Places(Gps(owntracks="owntracks/anna/phone", max_age_s=900), since_boot=lambda: 5_000.0)
    places.hear_phone(payload, NOW)
    place = places.place()
    assert place is None or (abs(place.lat) <= 90 and abs(place.lon) <= 180)


def test_without_a_phone_gpsd_is_asked_and_with_one_it_is_not():
    with_phone = Places(Gps(owntracks="owntracks/anna/phone"))
    with_phone.start()
    assert "OwnTracks" in with_phone.state
    assert with_phone._thread is None
    with_phone.close()


@pytest.mark.needs("mosquitto")
def test_a_location_that_the_broker_kept_reaches_the_device_when_it_connects(mosquitto, tmp_path, places):
    phone = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    phone.connect(mosquitto.host, mosquitto.port)
    phone.loop_start()
    phone.publish("owntracks/anna/phone", sent(), 1, retain=True).wait_for_publish(5)
    outbox = Outbox(tmp_path / "outbox.sqlite", max_mb=16, max_days=365)
    hear = {"owntracks/anna/phone": lambda payload: places.hear_phone(payload, NOW)}
    device = Publisher("pocket-1", Broker(host=mosquitto.host, port=mosquitto.port), outbox, on_others=hear)
    device.start()
    try:
        assert wait_until(places.place).lat == 35.1341
    finally:
        device.close("2026-05-22T09:32:10+09:00", 1.0)
        outbox.close()
        phone.disconnect()
        phone.loop_stop()
