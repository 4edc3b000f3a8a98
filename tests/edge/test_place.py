import contextlib
import math
import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import gpsd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import Gps, Point, Zone
from edge.place import Places, distance_m, rounded
from moments import Place
from tests.gpsd import LAT, LON, Gpsd, nmea
from tests.parts import free_port, wait_until


@pytest.fixture
def real_gpsd(tmp_path):
    server = Gpsd(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def watching():
    started = []

    def go(**settings):
        places = Places(Gps(**settings))
        places.start()
        started.append(places)
        return places

    yield go
    for places in started:
        places.close()


@pytest.mark.needs("gpsd", "gpsfake")
@pytest.mark.slow
def test_a_fix_becomes_a_place_that_grows_old_and_ends(real_gpsd, watching):
    begin = datetime.now(UTC).replace(microsecond=0)
    real_gpsd.start(nmea(60, begin=begin))
    places = watching(port=real_gpsd.port, max_age_s=4)
    place = wait_until(places.place, 20)
    assert place.lat == pytest.approx(LAT, abs=1e-4)
    assert place.lon == pytest.approx(LON, abs=1e-4)
    assert place.altitude_m is not None
    assert place.age_s < 4
    assert abs(places.satellite_time().unix - time.time()) < 120
    real_gpsd.stop()
    wait_until(lambda: places.place() is None, 10)
    assert places.satellite_time() is None
    assert "does not answer" in wait_until(lambda: "answer" in places.state and places.state, 10)
    real_gpsd.start(nmea(60, begin=begin + timedelta(seconds=70)))
    assert wait_until(places.place, 30).lat == pytest.approx(LAT, abs=1e-4), "it comes back by itself"


@pytest.mark.needs("gpsd", "gpsfake")
@pytest.mark.slow
def test_a_receiver_without_a_fix_gives_no_place(real_gpsd, watching):
    real_gpsd.start(nmea(100, begin=datetime.now(UTC), fix=False))
    places = watching(port=real_gpsd.port)
    wait_until(lambda: places.state in {"no fix", "no receiver reports to gpsd"}, 20)
    time.sleep(1.5)
    assert places.place() is None


def test_gpsd_that_is_absent_gives_no_place_and_says_so(watching):
    places = watching(port=free_port())
    wait_until(lambda: "does not answer" in places.state)
    assert places.place() is None


class SaysItsPiece:
    """Tells each connection something else and ends it: the first part at once, each other when it is asked again."""

    def __init__(self, answers):
        self.answers, self.served = answers, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    @property
    def port(self):
        return self.socket.getsockname()[1]

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            first, *others = self.answers[self.served % len(self.answers)]
            self.served += 1
            with connection, contextlib.suppress(OSError):
                connection.sendall(first)
                for part in others:
                    connection.recv(1000)
                    connection.sendall(part)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1000):
                    pass

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()


@pytest.fixture
def serving():
    started = []

    def go(answers):
        started.append(SaysItsPiece(answers))
        return started[-1]

    yield go
    for server in started:
        server.close()


GREETING = (b'{"class":"VERSION"}\n', b'{"class":"DEVICES","devices":[{}]}\n{"class":"WATCH"}\n')


def test_no_bytes_from_the_port_of_gpsd_end_the_asking(serving, watching, monkeypatch):
    monkeypatch.setattr("edge.place._BACK_OFF", (0.02, 0.02))
    monkeypatch.setattr("edge.place._POLL_SECONDS", 0.02)
    foul = [
        (b"",),
        (b"\xff\xfe\n",),
        (b"[]\n",),
        (b"HTTP/1.1 200 OK\n\n",),
        (b'{"class":"VERSION"}\n', b"{}\n"),
        (*GREETING, b'{"class":"POLL","active":1,"tpv":[{"mode":3}],"sky":[{}]}\n'),
        (*GREETING, b'{"class":"POLL","active":1,"tpv":[{"mode":"x"}],"sky":[{}]}\n'),
        (*GREETING, b'{"class":"POLL","active":1,"tpv":[{"mode":3,"lat":1e999,"lon":{}}],"sky":[{}]}\n'),
        (*GREETING, b'{"class":"POLL","active":1,"tpv":[{"mode":3,"lat":50,"lon":4,"epx":"wide"}],"sky":[{}]}\n'),
        (*GREETING, b'{"class":"POLL"}\n'),
    ]
    server = serving(foul)
    places = watching(port=server.port)
    wait_until(lambda: server.served >= 2 * len(foul))
    assert places._thread.is_alive()
    place = places.place()
    assert place is None or (place.lat, place.lon) == (0, 0)


def poll(lat, at):
    fix = f'"mode":3,"lat":{lat},"lon":129.1,"alt":21.0,"time":"2026-05-22T09:00:{at:02d}.000Z"'
    return f'{{"class":"POLL","active":1,"tpv":[{{{fix}}}],"sky":[{{}}]}}\n'.encode()


@pytest.mark.parametrize(("told_after", "known"), [([poll(36, 3), poll(36, 3)], 35), ([poll(36, 3), poll(37, 4)], 37)])
def test_the_first_answer_on_each_connection_to_gpsd_may_be_old_and_the_next_counts(
    serving, watching, monkeypatch, told_after, known
):
    monkeypatch.setattr("edge.place._BACK_OFF", (0.02, 0.02))
    monkeypatch.setattr("edge.place._POLL_SECONDS", 0.02)
    server = serving([(*GREETING, poll(34, 1), poll(35, 2)), *[(*GREETING, *told_after)] * 50])
    places = watching(port=server.port)
    wait_until(lambda: server.served >= 3)
    assert places.fix.lat == known


class Ticking:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def heard(mode=3, lat=LAT, lon=LON, at="2026-05-22T09:00:00.000Z", alt=21.0, error=6.5):
    answer = gpsd.GpsResponse()
    answer.mode, answer.lat, answer.lon, answer.time, answer.alt = mode, lat, lon, at, alt
    answer.error = {"x": error, "y": error / 2}
    return answer


def asking(settings, **more):
    """Places that have had gpsd's first answer, which may be of any age."""
    places = Places(settings, **more)
    places.hear(heard(at="2026-05-22T08:59:00.000Z"))
    return places


def test_the_first_answer_of_gpsd_may_be_old_and_is_no_place_and_no_time():
    places = Places(Gps())
    for _ in range(3):
        places.hear(heard(at="2026-01-01T00:00:00.000Z"))
        assert places.place() is None
        assert places.satellite_time() is None
    places.hear(heard())
    assert places.place().lat == LAT
    assert places.satellite_time() is not None


def test_a_fix_without_a_position_is_no_place_in_the_sea():
    places = asking(Gps())
    places.hear(heard(lat=0.0, lon=0.0))
    assert places.place() is None
    assert "no position" in places.state


def test_a_receiver_that_has_fallen_silent_is_not_taken_for_one_that_stands_still():
    clock = Ticking()
    places = asking(Gps(max_age_s=30), since_boot=clock)
    places.hear(heard())
    clock.now += 20
    places.hear(heard())  # gpsd answers with what it had
    assert places.place().age_s == 20
    places.hear(heard(at="2026-05-22T09:00:20.000Z"))
    assert places.place().age_s == 0
    clock.now += 31
    places.hear(heard(at="2026-05-22T09:00:20.000Z"))
    assert places.place() is None


def test_a_fix_from_before_a_suspend_is_no_place_and_no_time(monkeypatch):
    slept_s, real = {time.CLOCK_BOOTTIME: 0.0}, time.clock_gettime
    monkeypatch.setattr("time.clock_gettime", lambda which: real(which) + slept_s.get(which, 0.0))
    places = asking(Gps())
    places.hear(heard())
    assert places.place() is not None
    assert places.satellite_time().at == pytest.approx(time.monotonic(), abs=5)
    slept_s[time.CLOCK_BOOTTIME] = 8 * 3600.0
    assert places.place() is None
    assert places.satellite_time() is None
    assert places.age_s == pytest.approx(8 * 3600, abs=5)


def test_two_dimensions_have_no_altitude():
    places = asking(Gps())
    places.hear(heard(mode=2))
    assert places.place().altitude_m is None
    assert places.place().accuracy_m == 6.5
    assert places.state == "2D fix"


@pytest.mark.parametrize("alt", [0.0, math.nan, math.inf])
def test_an_altitude_that_gpsd_did_not_name_is_not_that_of_the_sea(alt):
    places = asking(Gps())
    places.hear(heard(alt=alt))
    assert places.place().altitude_m is None
    assert places.state == "3D fix"


@pytest.mark.needs("gpsd", "gpsfake")
@pytest.mark.slow
def test_a_receiver_that_tells_no_altitude_gives_a_place_without_one(real_gpsd, watching):
    log = nmea(60, begin=datetime.now(UTC))
    real_gpsd.start("".join(line for line in log.splitlines(keepends=True) if "GGA" not in line))
    places = watching(port=real_gpsd.port)
    place = wait_until(places.place, 20)
    assert places.state == "3D fix"
    assert place.altitude_m is None


def test_a_lost_fix_only_grows_older():
    clock = Ticking()
    places = asking(Gps(max_age_s=30), since_boot=clock)
    places.hear(heard())
    clock.now += 10
    places.hear(heard(mode=1))
    assert places.place().age_s == 10
    assert places.state == "no fix"


@given(
    st.sampled_from([0, 1, 2, 3]),
    st.floats() | st.none(),
    st.floats(),
    st.text(max_size=30) | st.none() | st.integers(),
    st.floats(),
)
def test_nothing_that_gpsd_may_say_ends_the_thread_or_leaves_the_earth(mode, lat, lon, at, alt):
    places = asking(Gps())
    with contextlib.suppress(TypeError):  # a missing number is left to the thread, which connects anew
        places.hear(heard(mode=mode, lat=lat, lon=lon, at=at, alt=alt))
    place = places.place()
    assert place is None or (abs(place.lat) <= 90 and abs(place.lon) <= 180)


def test_in_a_home_zone_there_is_no_place():
    places = asking(Gps(home_zones=(Zone(lat=LAT, lon=LON, radius_m=200),)))
    places.hear(heard(lat=LAT + 0.001))
    assert places.place() is None, "about 111 m away"
    places.hear(heard(lat=LAT + 0.003, at="2026-05-22T09:00:01.000Z"))
    assert places.place() is not None


def test_a_silent_zone_is_known_while_a_fix_is_fresh_and_else_nothing_is():
    clock = Ticking()
    places = asking(Gps(home_zones=(Zone(lat=LAT, lon=LON, radius_m=200, pause=True),)), since_boot=clock)
    assert places.silent() is None
    places.hear(heard(lat=LAT))
    assert places.silent() is True
    clock.now += 61
    assert places.silent() is None, "indoors the fix is lost"
    places.hear(heard(lat=LAT + 0.003, at="2026-05-22T09:00:01.000Z"))
    assert places.silent() is False
    places.zones = (Zone(lat=LAT + 0.003, lon=LON, radius_m=200),)
    assert places.silent() is False, "a zone without a place is not one without sound"
    assert Places(Gps()).silent() is False


HOME, WORK = (Zone(lat=LAT + degrees, lon=LON, radius_m=200, pause=True) for degrees in (0.0, 0.1))


def test_when_the_zones_change_the_last_fix_tells_once_whether_it_is_silent_there_whatever_its_age():
    clock = Ticking()
    places = asking(Gps(home_zones=(HOME, WORK)), since_boot=clock)
    places.hear(heard(lat=LAT))
    clock.now += 3600
    assert places.silent() is None, "indoors the fix is lost"
    for zones, told in (((WORK,), False), ((HOME, WORK), True), ((HOME,), True)):
        places.zones = zones
        assert places.silent() is told
        places.zones = tuple(zones)
        assert places.silent() is None, "the same zones as before"


def test_when_the_zones_change_before_the_first_fix_nothing_is_known():
    places = Places(Gps(home_zones=(HOME, WORK)))
    places.zones = (WORK,)
    assert places.silent() is None


def test_a_fixed_place_needs_no_gpsd():
    places = Places(Gps(fixed=Point(lat=LAT, lon=LON)))
    places.start()
    assert places.place() == Place(lat=LAT, lon=LON, age_s=0)
    assert places._thread is None
    places.close()


@given(
    lat=st.floats(-85, 85),
    lon=st.floats(-180, 180),
    metres=st.sampled_from([10.0, 250.0, 1000.0, 20_000.0]),
    north=st.floats(-0.4, 0.4),
)
def test_the_privacy_grid_moves_a_place_by_no_more_than_its_accuracy_says_and_hides_where_in_the_cell(
    lat, lon, metres, north
):
    exact = Place(lat=lat, lon=lon, accuracy_m=3.0, altitude_m=12.0)
    coarse = rounded(exact, metres)
    moved = distance_m(lat, lon, coarse.lat, coarse.lon)
    if abs(coarse.lon) < 180:
        assert moved <= coarse.accuracy_m * 1.05 + 1
    assert coarse.altitude_m is None
    within = rounded(Place(lat=max(-90, min(90, coarse.lat + north * metres / 111_195)), lon=coarse.lon), metres)
    assert math.isclose(within.lat, coarse.lat, abs_tol=1e-5)


def test_without_a_grid_the_place_is_exact():
    exact = Place(lat=LAT, lon=LON, accuracy_m=3.0, altitude_m=12.0)
    assert rounded(exact, 0) == exact


def test_the_distance_is_that_on_a_sphere():
    assert distance_m(52.5200, 13.4050, 48.8566, 2.3522) == pytest.approx(877_464, rel=0.002)  # Berlin to Paris
