"""What is heard becomes moments that reach the hub, whatever happens on the way."""

import json
import os
import threading
import time
from datetime import UTC, datetime

import numpy as np
import pytest
import soundfile

from edge import daemon
from edge.clock import Clock, Reading
from edge.config import Config
from edge.outbox.queue import Outbox
from edge.sound import RATE
from moments import Moment
from tests.edge.daemon.device import SPEECH, pcm
from tests.edge.making import NOON, moments
from tests.edge.parts import scene, silence, voice
from tests.edge.test_moment import by_satellites, draft, told_s
from tests.parts import free_port, wait_until

pytestmark = pytest.mark.needs("mosquitto")

PHONE = "owntracks/anna/phone"


def located(lat, tst):
    """What a phone with OwnTracks sends."""
    return json.dumps({"_type": "location", "lat": lat, "lon": 129.0, "tst": tst})


@pytest.fixture
def unstarted(tmp_path):
    """A device in this process that is wired and does not run."""
    devices = []

    def go(**settings):
        devices.append(daemon.Device(Config(device="pocket-1", outbox={"path": tmp_path / "outbox.db"}, **settings)))
        return devices[-1]

    yield go
    for each in devices:
        each.outbox.close()


def test_what_is_heard_reaches_the_hub_and_the_device_leaves_when_all_is_stored(hub, device):
    heard = device().hears().hears()
    assert heard.ends() == 0
    assert len(hub.heard) == 2
    assert heard.waiting() == []
    wait_until(lambda: hub.said["status"][-1]["state"] == "offline")
    assert hub.said["status"][0]["state"] == "listening"


def test_a_moment_says_when_and_where_it_was(hub, device, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Seoul")
    hub.answering = False
    begun = time.time()
    listening = device(gps__fixed="{lat: 35.1341, lon: 129.1032}").ready().hears()
    wait_until(lambda: hub.heard)
    (moment,) = listening.waiting()
    assert moment.basis == "speech"
    assert moment.clock == "synced"
    assert begun - 2 < moment.start.timestamp() < time.time()
    assert moment.start.isoformat().endswith("+09:00")
    assert (moment.place.lat, moment.place.age_s) == (35.1341, 0.0)
    assert moment.models.speech == "speech-0@fake"


def test_a_moment_tells_the_place_where_its_sound_began(hub, device):
    hub.answering = False
    tst = time.time() - 10
    hub.client.publish(PHONE, located(35.0, tst), 1, retain=True)
    listening = device(gps__owntracks=PHONE, gps__max_age_s=900).ready()
    wait_until(lambda: hub.said.get("status"))
    hub.send("command", {"id": "c1", "do": "ping"})
    wait_until(lambda: len(hub.said.get("reply", [])) == 1)
    listening.hears(pcm(scene("rain", 10)))  # more than a pipe holds: it has begun to hear it
    hub.client.publish(PHONE, located(36.0, time.time()), 1, retain=True)
    hub.send("command", {"id": "c2", "do": "ping"})
    wait_until(lambda: len(hub.said["reply"]) == 2)
    listening.hears(pcm(scene("rain", 10)))
    moment = wait_until(listening.waiting)[0]
    assert moment.place.lat == 35.0
    assert moment.place.age_s == pytest.approx(moment.start.timestamp() - tst, abs=0.5)


@pytest.mark.parametrize(("settings", "lat"), [({"owntracks": PHONE}, None), ({"fixed": {"lat": 34, "lon": 129}}, 34)])
def test_a_recording_has_a_fixed_place_and_not_that_of_where_it_is_read(unstarted, settings, lat):
    reading = unstarted(source="file:of-last-year.flac", gps=settings)
    reading.places.hear_phone(located(35.0, NOON.timestamp()), NOON.timestamp())
    reading._keep(draft(), Reading(NOON, "synced", 0.0))
    reading._keep(draft(), Reading(NOON, "synced", reading.clock.now().boot_s))
    told = [Moment.from_json(row.body).place for row in reading.outbox.after(0, 2)]
    assert [place and place.lat for place in told] == [lat, lat]


def test_a_location_that_the_broker_kept_while_the_device_slept_is_as_old_as_it_is(unstarted):
    slept, now = [0.0], time.time()
    listening = unstarted(source="pipe:-", gps={"owntracks": PHONE, "max_age_s": 900})
    listening.clock = Clock(
        since_boot=lambda: time.monotonic() + slept[0], wall=lambda: now + slept[0], known=lambda: True
    )
    slept[0] = 7200.0
    listening._on_phone(located(35.0, now))
    assert listening.places.place() is None


def test_a_mark_has_an_id_of_the_time_that_satellites_tell(unstarted):
    marked = unstarted(source="pipe:-")
    marked.clock = by_satellites(NOON.timestamp())
    marked.mark()
    (row,) = marked.outbox.after(0, 2)
    assert told_s(Moment.from_json(row.body).id) == pytest.approx(NOON.timestamp(), abs=30)


def test_moments_of_unknown_time_wait_and_are_stamped_once_the_time_is_known(tmp_path, hub, device):
    known = tmp_path / "known"
    env = {"TIME_IS_KNOWN": str(known)}
    hub.answering = False
    listening = device(env=env).ready().hears()
    wait_until(listening.waiting)
    listening.process.kill()
    listening.process.wait()
    again = device(env=env).ready().hears()  # the same boot: what the first heard can still be stamped
    wait_until(lambda: len(again.waiting()) == 2)
    time.sleep(1.5)
    assert hub.heard == []
    known.touch()
    wait_until(lambda: len(hub.heard) == 2)
    assert [each.clock for each in again.waiting()] == ["synced", "synced"]
    assert all(abs(each.start.timestamp() - time.time()) < 60 for each in again.waiting())


def test_a_device_that_must_not_wait_tells_that_it_does_not_know_the_time(tmp_path, hub, device):
    hub.answering = False
    listening = device(env={"TIME_IS_KNOWN": str(tmp_path / "never")}, clock__max_wait_h=0).ready().hears()
    wait_until(lambda: hub.heard)
    assert [each.clock for each in listening.waiting()] == ["free"]


def test_a_moment_survives_kill_9_between_store_and_ack(hub, device):
    hub.answering = False
    first = device().ready().hears()
    wait_until(lambda: hub.heard)
    first.process.kill()
    first.process.wait()
    (kept,) = first.waiting()
    hub.answering = True
    hub.batch.clear()
    second = device()
    assert second.ends() == 0
    assert hub.heard[-1] == kept.id
    assert second.waiting() == []


def test_without_a_broker_moments_wait_and_the_reason_is_one_sentence(tmp_path, device):
    port = free_port()
    listening = device(port=port).ready().hears()
    wait_until(listening.waiting)
    assert "the broker cannot be reached host=localhost" in listening.text()
    listening.process.terminate()
    assert listening.process.wait(5) == 0
    assert len(listening.waiting()) == 1
    assert "Traceback" not in listening.text()


def test_a_recording_is_read_as_fast_as_it_goes_and_dated_by_itself(tmp_path, hub, device):
    path = tmp_path / "day.flac"

    soundfile.write(path, np.concatenate([scene("rain", 40), silence(2), voice(2), silence(2)]), RATE)
    ended = datetime(2026, 5, 22, 12, 0, 0, tzinfo=UTC).timestamp()
    os.utime(path, (ended, ended))
    starts = []
    hub.client.message_callback_add(
        "moodscape/v1/+/moment",
        lambda client, data, message: (
            starts.append(Moment.from_json(message.payload).start.timestamp()),
            hub.on_message(client, data, message),
        ),
    )
    reading = device(source=f"file:{path}")
    assert reading.process.wait(20) == 0
    assert starts[0] == pytest.approx(ended - 46, abs=0.1)
    assert starts[-1] == pytest.approx(ended - 4, abs=0.3)


def test_a_file_that_is_no_recording_is_named(tmp_path, device):
    (tmp_path / "text.wav").write_text("these are words")
    reading = device(source=f"file:{tmp_path / 'text.wav'}")
    assert reading.process.wait(20) == 1
    last = reading.text().strip().splitlines()[-1]
    assert last.startswith("moodscape: ")
    assert "text.wav" in last
    assert "Traceback" not in reading.text()


def test_moments_of_speech_may_be_told_without_a_place(hub, device):
    hub.answering = False
    where = {"gps__fixed": "{lat: 35.0, lon: 129.0}", "gps__with_speech": "false"}
    listening = device(**where).ready().hears(pcm(scene("rain", 20)) + SPEECH)
    wait_until(lambda: {each.basis for each in listening.waiting()} == {"speech", "scene"})
    places = {each.basis: each.place for each in listening.waiting()}
    assert places["speech"] is None
    assert places["scene"] is not None


@pytest.mark.slow
def test_what_a_damaged_card_still_gives_reaches_the_hub_and_nothing_is_left_of_the_broken_file(tmp_path, hub, device):
    path = tmp_path / "state" / "outbox.db"
    box = Outbox(path, max_mb=100, max_days=9999)
    for each in (many := moments(200)):
        box.put(each)
    box.close()
    content = bytearray(path.read_bytes())
    content[20 * 4096 : 21 * 4096] = os.urandom(4096)
    path.write_bytes(content)
    running = device().ready()
    aside = path.with_name("outbox.db.broken")
    wait_until(lambda: "the outbox was broken" in running.text())
    wait_until(aside.exists)
    wait_until(lambda: {many[0].id, many[-1].id} <= set(hub.heard), 20)
    wait_until(lambda: not aside.exists(), 90)
    assert len(set(hub.heard)) > 150
    wait_until(lambda: not running.waiting())


def test_what_the_outbox_could_not_read_for_a_while_is_looked_for_from_the_oldest_on(unstarted, monkeypatch):
    monkeypatch.setattr(daemon, "_TICK_S", 0.0)
    device = unstarted()
    device.outbox._file._fail(OSError("no such disk"))
    device.outbox._file.retry_now()
    monkeypatch.setattr(device.publisher, "look_again", device._stop.set)
    ending = threading.Timer(10, device.listener.ended.set)
    ending.start()
    device._keep_house()
    ending.cancel()
    assert device.outbox.trouble is None
    assert device._stop.is_set()
