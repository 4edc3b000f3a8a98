"""Where the device is, from gpsd, as coarse as its owner wants it.

gpsd answers a poll with the last fix it had, also when the receiver has been silent since. A fix therefore counts as
new only when its own time has moved on, and a place says how old it is. A moment comes out minutes after its sound
began, so the fixes of those minutes are kept. Ages are reckoned in seconds since boot, which go on through suspend.
"""

import logging
import math
import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import gpsd
from pydantic import ValidationError

from edge import owntracks
from edge.clock import SatelliteTime, boot_seconds
from edge.config import Gps, Zone
from moments import Place

log = logging.getLogger(__name__)

_POLL_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 5.0
_BACK_OFF: Final = (1.0, 60.0)
_KEPT: Final = 480
"""Fixes that are kept. gpsd gives one a second: that is longer than a scene goes on before it gives its moment."""
_BEGINNING: Final = {
    "fixed": "fixed",
    "owntracks": "no location from OwnTracks yet",
    "gpsd": "gpsd not asked yet",
}
_EARTH_M: Final = 6_371_008.8
_METRES_A_DEGREE: Final = math.pi * _EARTH_M / 180


@dataclass(frozen=True, slots=True)
class Fix:
    """Where the device was at `boot_s` seconds since boot; `time` is the fix's own, None where it may set no clock."""

    lat: float
    lon: float
    accuracy_m: float | None
    altitude_m: float | None
    boot_s: float
    time: SatelliteTime | None


def distance_m(a_lat: float, a_lon: float, b_lat: float, b_lon: float) -> float:
    """Give the great-circle distance of two points in metres (haversine)."""
    a, b = math.radians(a_lat), math.radians(b_lat)
    h = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(math.radians(b_lon - a_lon) / 2) ** 2
    return 2 * _EARTH_M * math.asin(min(1.0, math.sqrt(h)))


def _inside(fix: Fix, zone: Zone) -> bool:
    return distance_m(fix.lat, fix.lon, zone.lat, zone.lon) <= zone.radius_m


def rounded(place: Place, metres: float) -> Place:
    """Move a place to the middle of its cell in a grid of `metres` by `metres`, and let its accuracy say so."""
    if metres <= 0:
        return place
    lat_step = metres / _METRES_A_DEGREE
    lat = max(-90.0, min(90.0, (math.floor(place.lat / lat_step) + 0.5) * lat_step))
    lon_step = min(360.0, lat_step / max(math.cos(math.radians(lat)), 1e-6))
    lon = (math.floor(place.lon / lon_step) + 0.5) * lon_step
    accuracy = max(place.accuracy_m or 0.0, metres / math.sqrt(2))
    lat, lon = round(lat, 6), round(max(-180.0, min(180.0, lon)), 6)
    return place.model_copy(update={"lat": lat, "lon": lon, "accuracy_m": round(accuracy, 1), "altitude_m": None})


class Places:
    """Asks gpsd once a second in a thread of its own and answers what may be told of the place."""

    def __init__(self, settings: Gps, *, since_boot: Callable[[], float] = boot_seconds) -> None:
        self._settings = settings
        self._since_boot = since_boot
        self.zones: Sequence[Zone] = settings.home_zones
        self._judged: Sequence[Zone] = self.zones
        """The zones by which `silent` told it last."""
        self._fixes: Sequence[Fix] = ()
        """In the order of their time. Replaced and never changed, since other threads read it."""
        self._told: float | None = None
        """The time that gpsd named last on this connection, in Unix seconds."""
        self._early: deque[owntracks.Location] = deque(maxlen=1)
        self._hearing = threading.Lock()
        """A location is heard by the thread that it comes in, or by that of `hear_early`."""
        self.state = _BEGINNING["fixed" if settings.fixed else "owntracks" if settings.owntracks else "gpsd"]
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to ask gpsd, unless the place is fixed or a phone's."""
        if self._settings.fixed is None and self._settings.owntracks is None:
            self._thread = threading.Thread(target=self._run, name="gpsd", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop asking."""
        self._closing.set()
        if self._thread is not None:
            _hang_up()
            self._thread.join(timeout=0.5)

    def place(self) -> Place | None:
        """Give the place that may be told now: None without a fix, with one older than `max_age_s`, or in a zone."""
        return self.place_of(self._since_boot(), 0.0)

    def place_of(self, begin: float, seconds: float) -> Place | None:
        """Give the place that may be told of a sound that began at `begin`, in seconds since boot.

        It is where the sound began, or else where the device first knew itself to be while it lasted; `age_s` is that
        at its begin. None where neither is known, where the fix was older than `max_age_s` by then, and where any of
        the sound was heard in a zone.
        """
        fixes = self._fixes_of(begin, seconds)
        if any(_inside(fix, zone) for fix in fixes for zone in self.zones):
            return None
        fix = next((fix for fix in fixes if begin - fix.boot_s <= self._settings.max_age_s), None)
        if fix is None:
            return None
        age = round(max(0.0, begin - fix.boot_s), 1)
        exact = Place(lat=fix.lat, lon=fix.lon, accuracy_m=fix.accuracy_m, altitude_m=fix.altitude_m, age_s=age)
        return rounded(exact, self._settings.round_m)

    def silent(self) -> bool | None:
        """Tell whether the device is where it must not listen; None while nothing fresh is known of its place.

        Once after the zones have changed, the last fix tells it whatever its age: what the owner takes away must not
        go on until another fix comes, which indoors may be long.
        """
        zones, judged = self.zones, self._judged
        self._judged = zones
        silent = [zone for zone in zones if zone.pause]
        if not silent:
            return False
        now = self._since_boot()
        oldest_s = self._settings.max_age_s if zones == judged else math.inf
        fixes = [fix for fix in self._fixes_of(now, 0.0) if now - fix.boot_s <= oldest_s]
        return any(_inside(fix, zone) for fix in fixes for zone in silent) if fixes else None

    @property
    def fix(self) -> Fix | None:
        """The last new fix, None before the first."""
        return self._fixes[-1] if self._fixes else None

    @property
    def age_s(self) -> float | None:
        """Seconds since the last new fix, None before the first."""
        return None if self.fix is None else max(0.0, self._since_boot() - self.fix.boot_s)

    def satellite_time(self) -> SatelliteTime | None:
        """Give the time of a fix that is fresh enough to set a clock by."""
        fix = self.fix
        return fix.time if fix is not None and self._since_boot() - fix.boot_s <= self._settings.max_age_s else None

    def hear(self, answer: "gpsd.GpsResponse") -> None:
        """Take one answer of gpsd's: a new fix is kept, anything else only lets the last grow older."""
        if answer.mode < 2:
            self.state = "no fix"
            return
        self.state = "3D fix" if answer.mode >= 3 else "2D fix"
        unix = _unix(answer.time)
        if unix is None:
            if self._fixes:
                return
        elif unix == self._told or self._told is None:
            self._told = unix  # the first may be as old as gpsd is: only what comes after it is known to be new
            return
        self._told = unix
        numbers = (answer.lat, answer.lon)
        on_earth = all(math.isfinite(number) for number in numbers) and abs(answer.lat) <= 90 and abs(answer.lon) <= 180
        if not on_earth or numbers == (0.0, 0.0):  # what its client gives where gpsd named none
            self.state = "gpsd gives no position on Earth"
            return
        accuracy = max(answer.error.get("x", 0), answer.error.get("y", 0))
        named = answer.mode >= 3 and math.isfinite(answer.alt) and answer.alt != 0.0  # as above, where gpsd named none
        altitude = answer.alt if named else None
        known = accuracy if accuracy > 0 and math.isfinite(accuracy) else None
        told = None if unix is None else SatelliteTime(unix, time.monotonic())
        self._keep(Fix(answer.lat, answer.lon, known, altitude, self._since_boot(), told))

    def hear_phone(self, payload: bytes, unix_now: float | None) -> None:
        """Take what a phone with OwnTracks sent; `unix_now` is the device's time, None while it is not known.

        Without it, nobody can tell how old a location is that the broker kept, and so it is no place. The last one
        waits for `hear_early`, since the broker gives it at the connection only.
        """
        try:
            message = owntracks.read(payload)
        except ValidationError as error:
            log.warning("a message of OwnTracks is not understood", extra={"errors": error.error_count()})
            return
        if isinstance(message, owntracks.Encrypted):
            self.state = "the phone encrypts its locations; take the encryption key out of OwnTracks' settings"
        if not isinstance(message, owntracks.Location):
            return
        if unix_now is None:
            self._early.append(message)
            return
        self._hear_location(message, unix_now)

    def hear_early(self, unix_now: float) -> None:
        """Take the location that came while the time was not known, now that it is `unix_now`."""
        while self._early:
            self._hear_location(self._early.pop(), unix_now)

    def _hear_location(self, message: owntracks.Location, unix_now: float) -> None:
        boot_s = self._since_boot() - max(0.0, unix_now - message.tst)
        with self._hearing:
            if not self._fixes or boot_s >= self._fixes[-1].boot_s:
                # Its time is the phone's word, and no clock is set by it.
                self._keep(Fix(message.lat, message.lon, message.acc, message.alt, boot_s, None))
                self.state = "a phone's location"

    def _keep(self, fix: Fix) -> None:
        self._fixes = (*self._fixes[1 - _KEPT :], fix)

    def _fixes_of(self, begin: float, seconds: float) -> Sequence[Fix]:
        """Give the last fix from before a sound, of any age, and all that came while it lasted.

        Indoors the fix is lost: until another one comes, a device that was in a zone is taken to be there still.
        """
        if (point := self._settings.fixed) is not None:
            return [Fix(point.lat, point.lon, None, None, begin, None)]
        fixes = self._fixes
        begun, ended = (bisect_right(fixes, at, key=lambda fix: fix.boot_s) for at in (begin, begin + seconds))
        return fixes[max(0, begun - 1) : ended]

    def _run(self) -> None:
        wait = _BACK_OFF[0]
        while not self._closing.is_set():
            try:
                _connect(self._settings.host, self._settings.port)
                self._told = None  # what gpsd heard while nobody asked it may be of any age too
                wait = _BACK_OFF[0]
                while not self._closing.wait(_POLL_SECONDS):
                    self._poll()
            except Exception as error:  # noqa: BLE001 (gpsd's client raises bare Exceptions; the place must come back)
                self.state = f"gpsd at {self._settings.host}:{self._settings.port} does not answer: {error}"
                log.warning("gpsd does not answer", extra={"reason": str(error)})
            finally:
                _disconnect()
            self._closing.wait(wait)
            wait = min(_BACK_OFF[1], wait * 2)

    def _poll(self) -> None:
        try:
            self.hear(_client().get_current())
        except (UserWarning, IndexError):  # no receiver is active, or none has reported yet
            self.state = "no receiver reports to gpsd"


def _unix(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, TypeError):
        return None


def _connect(host: str, port: int) -> None:
    """Connect gpsd's client, which sets no time limits of its own: one that is not kept ends the connection."""
    late = threading.Timer(_ANSWER_SECONDS, _hang_up)
    late.start()
    try:
        _client().connect(host, port)
    finally:
        late.cancel()
    _client().gpsd_socket.settimeout(_ANSWER_SECONDS)


def _hang_up() -> None:
    if (end := _client().gpsd_socket) is not None:
        with suppress(OSError):
            end.shutdown(2)


def _disconnect() -> None:
    client = _client()
    for end in (client.gpsd_stream, client.gpsd_socket):
        if end is not None:
            with suppress(OSError, ValueError):
                end.close()
    client.gpsd_stream = client.gpsd_socket = None


def _client() -> Any:
    """Gpsd's client keeps its connection in its module."""
    return gpsd
