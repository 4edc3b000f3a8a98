"""What the owner and the house ask of the device reaches the part that does it."""

import json
import time
from datetime import timedelta

import numpy as np
import pytest

from edge import daemon
from edge.config import Config
from edge.records.clip import Safe, packed
from edge.records.shelf import Shelf
from edge.sound import RATE, Block
from moments import Moment
from tests.edge.daemon.device import SPEECH, pcm
from tests.edge.making import NOON
from tests.edge.parts import silence, voice
from tests.parts import free_port, wait_until

CLIPS = {"enabled": True, "before_s": 2, "after_s": 1}
LUNCH, NIGHT = {"from": "11:30", "to": "12:30"}, {"from": "22:00", "to": "23:00"}


@pytest.fixture
def wired(tmp_path):
    """A device in this process that is wired and does not run."""
    made = []

    def go(**settings):
        settings = {"source": "pipe:-", "outbox": {"path": tmp_path / "outbox.db"}} | settings
        made.append(daemon.Device(Config(device="pocket-1", **settings)))
        return made[-1]

    yield go
    for each in made:
        each.pins.close()
        each.outbox.close()


def set_on_the_page(device, **values):
    device._on_config(json.dumps({"version": 1} | values).encode())


def test_zones_and_hours_of_the_page_come_beside_the_devices_own(wired):
    own, pages = ({"lat": lat, "lon": 129.0, "radius_m": 500} for lat in (35.0, 36.0))
    walking = wired(gps={"owntracks": "owntracks/a/b", "home_zones": [own]}, schedule=[LUNCH])
    set_on_the_page(walking, zones=[pages], schedule=[NIGHT])
    for lat, told in ((35.0, False), (36.0, False), (37.0, True)):
        now = time.time()
        walking.places.hear_phone(json.dumps({"_type": "location", "lat": lat, "lon": 129.0, "tst": now}), now)
        assert (walking.places.place() is not None) is told, lat
    for hour, quiet in ((12, True), (22, True), (15, False)):
        assert (walking.pauses.why(NOON.replace(hour=hour, minute=15)) is not None) is quiet, hour
    set_on_the_page(walking)
    assert walking.pauses.why(NOON), "its own hold when the page has none"
    assert walking.pauses.why(NOON.replace(hour=22, minute=15)) is None


def test_clips_that_the_page_switches_off_are_made_no_more_from_then_on(wired):
    listening = wired(clips=CLIPS)
    listening.mark()
    assert listening.outbox.after(0, 9) == [], "it waits for its clip"
    set_on_the_page(listening, clips=CLIPS | {"enabled": False})
    listening.mark()
    assert [Moment.from_json(row.body).clip for row in listening.outbox.after(0, 9)] == [None, None]
    set_on_the_page(listening)
    listening.mark()
    assert len(listening.outbox.after(0, 9)) == 2, "the device's own settings hold again"


def test_a_pause_forgets_the_sound_in_memory(wired):
    listening = wired(clips=CLIPS)
    listening.recorder.hear(Block(voice(2.0), time.monotonic() - 2))
    listening.pauses.said.begin(None)
    listening._tell_state()
    assert listening.recorder._ring.end == float("-inf")


def test_a_mark_after_a_suspend_forgets_the_sound_of_before_it_though_no_more_has_come(wired):
    listening = wired(clips=CLIPS)
    listening.recorder.hear(Block(voice(2.0), time.monotonic() - 2))
    listening.mark()
    assert listening.recorder._ring.end > 0, "it did not sleep"
    listening.clock._since_boot = lambda: time.monotonic() + 7200
    listening.mark()
    assert listening.recorder._ring.end == float("-inf")


def test_the_light_is_on_while_it_listens_and_holding_the_button_pauses_it(wired, monkeypatch):
    gpiozero = pytest.importorskip("gpiozero")
    from gpiozero.pins.mock import MockFactory

    monkeypatch.setattr("edge.owner.gpio.HOLD_S", 0.1)
    monkeypatch.setattr(gpiozero.Device, "pin_factory", MockFactory())
    listening = wired(gpio={"button": 17, "light": 27})
    button, light = (gpiozero.Device.pin_factory.pin(number) for number in (17, 27))
    listening._tell_state()
    assert light.state
    button.drive_low()
    wait_until(listening.paused)
    button.drive_high()
    listening._tell_state()
    assert not light.state


def test_an_end_that_comes_while_new_settings_are_tried_ends_it(wired, monkeypatch):
    running = wired()
    running._again = lambda: running.config
    monkeypatch.setattr(daemon, "need_usable", lambda _: running._end())  # as a SIGTERM that comes meanwhile
    running._reload()
    assert running._stop.is_set()
    assert running._code == 0


@pytest.mark.needs("mosquitto")
def test_an_order_to_erase_reaches_what_is_heard_and_is_no_moment_yet(hub, device):
    listening = device().ready().hears(pcm(voice(2.0)))  # an utterance that has not ended yet
    wait_until(lambda: hub.said.get("status"))
    time.sleep(0.5)
    hub.send("command", {"id": "c1", "do": "erase"})
    wait_until(lambda: hub.said.get("reply") == [{"id": "c1", "ok": True, "error": None, "erased": 0, "clips": 0}])
    listening.hears(pcm(silence(1.5)) + SPEECH)
    assert listening.ends() == 0
    assert len(hub.heard) == 1, "what was said after it"


@pytest.mark.needs("mosquitto")
def test_what_waits_from_before_a_new_name_is_sent_under_the_new_one(hub, device):
    hub.answering = False
    before = device(port=free_port(), device="pocket-0").ready().hears()
    wait_until(before.waiting)
    before.process.kill()
    before.process.wait()
    now = device().ready()
    wait_until(lambda: hub.heard)
    assert [moment.device for moment in now.waiting()] == ["pocket-1"], "the hub takes no other from its topic"


@pytest.mark.needs("mosquitto")
def test_a_clip_that_nobody_fetched_for_too_long_goes_while_the_device_runs(tmp_path, hub, device):
    shelf = Shelf(tmp_path / "state" / "clips", Safe(None), max_days=30, max_disk_share=0.5)
    about = {"kind": "mark", "record": None, "moments": []}
    for days, level in ((31, 1), (29, 2)):
        begin = time.time() - timedelta(days=days).total_seconds()
        assert shelf.put(*packed(np.full(RATE, level, np.int16), Safe(None), begin=begin, **about))
    device().ready()
    wait_until(lambda: len(list(shelf.folder.iterdir())) == 1)
