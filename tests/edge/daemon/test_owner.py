"""What the owner says goes: pauses, marks, hours, zones, clips."""

import json
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta

import numpy as np
import pytest
from paho.mqtt import publish

from edge.sound import RATE
from tests.edge.daemon.device import ROOT, pcm
from tests.edge.parts import scene, voice
from tests.parts import free_port, wait_until

pytestmark = pytest.mark.needs("mosquitto")


def test_while_paused_nothing_is_heard_and_a_restart_does_not_end_the_pause(hub, device):
    listening = device().ready()
    wait_until(lambda: hub.said.get("status"))
    hub.send("command", {"id": "c1", "do": "pause"})
    wait_until(lambda: hub.said.get("reply"))
    assert hub.said["reply"] == [{"id": "c1", "ok": True, "error": None}]
    wait_until(lambda: hub.said["status"][-1]["state"] == "paused")
    listening.hears()
    time.sleep(0.5)
    listening.process.kill()
    listening.process.wait()
    listening = device().ready().hears()
    wait_until(lambda: hub.said["status"][-1]["state"] == "paused")
    time.sleep(0.5)
    assert hub.heard == []
    hub.send("command", {"id": "c2", "do": "resume"})
    wait_until(lambda: hub.said["status"][-1]["state"] == "listening")
    listening.hears()
    wait_until(lambda: len(hub.heard) == 1)


def test_a_mark_makes_a_record_and_what_is_heard_next_belongs_to_it(tmp_path, hub, device):
    hub.answering = False
    listening = device().ready()
    overrides = ["--set", f"outbox.path={tmp_path / 'state' / 'outbox.db'}"]
    command = [sys.executable, "-m", "tests.edge.run_device", "edge", "mark", "--note", "the rain stopped", *overrides]
    record = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    listening.hears()
    wait_until(lambda: len(listening.waiting()) == 2)
    mark, heard = listening.waiting()
    assert (mark.origin, mark.basis, mark.record, mark.note) == ("mark", "none", record, "the rain stopped")
    assert (heard.origin, heard.record) == ("mark", record)
    listening.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: len(listening.waiting()) == 3)
    assert listening.waiting()[2].origin == "mark"


def test_in_the_hours_of_the_schedule_and_in_a_silent_zone_nothing_is_heard(tmp_path, hub, device):
    now = datetime.now().astimezone()
    around = [f"{(now + timedelta(hours=hours)).hour:02d}:00" for hours in (0, 2)]
    span = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": around[0], "to": around[1]}
    hub.send("config", {"version": 1, "zones": [], "schedule": [span], "clips": None, "rules": None}, True)
    listening = device(gps__fixed="{lat: 35.0, lon: 129.0}").ready()
    wait_until(lambda: hub.said.get("status", [{}])[-1].get("state") == "paused")
    listening.hears()
    wait_until(lambda: hub.said.get("health", [{}])[-1].get("capture", {}).get("state") == "paused")
    assert "schedule" in hub.said["health"][-1]["capture"]["reason"]
    hub.send("config", {"version": 2, "zones": [], "schedule": [], "clips": None, "rules": None}, True)
    wait_until(lambda: hub.said["status"][-1]["state"] == "listening")
    zone = {"lat": 35.0, "lon": 129.0, "radius_m": 50, "name": "home", "pause": True}
    hub.send("config", {"version": 3, "zones": [zone], "schedule": [], "clips": None, "rules": None}, True)
    wait_until(lambda: hub.said["status"][-1]["state"] == "paused")
    listening.hears()
    time.sleep(0.5)
    assert listening.waiting() == []


PHONE = "owntracks/anna/phone"


@pytest.fixture
def phone(mosquitto):
    """Let a phone say where it is; the broker keeps it."""

    def go(lat):
        where = json.dumps({"_type": "location", "lat": lat, "lon": 129.0, "tst": time.time()})
        publish.single(PHONE, where, 1, retain=True, hostname=mosquitto.host, port=mosquitto.port)

    return go


def test_a_silent_zone_that_the_owner_takes_away_silences_no_more_without_another_fix(hub, device, phone):
    home, work = ({"lat": lat, "lon": 129.0, "radius_m": 50, "name": "x", "pause": True} for lat in (35.0, 36.0))
    hub.send("config", {"version": 1, "zones": [home, work]}, True)
    listening = device(gps__owntracks=PHONE, gps__max_age_s=5).ready()
    phone(35.0)
    wait_until(lambda: hub.said.get("status", [{}])[-1].get("state") == "paused")
    time.sleep(6)  # the fix is too old to be a place
    hub.send("config", {"version": 2, "zones": [work]}, True)
    sound = pcm(voice(0.2))  # else the pipe is deaf; the pipe has room for all of it, also where nothing listens
    wait_until(lambda: listening.hears(sound) and hub.said["status"][-1]["state"] == "listening", step=1.0)


def test_where_the_phone_is_counts_also_where_it_was_told_before_the_time_was_known(tmp_path, hub, device, phone):
    known = tmp_path / "known"
    phone(35.0)
    zones = "[{lat: 35.0, lon: 129.0, radius_m: 50, pause: true}]"
    device(env={"TIME_IS_KNOWN": str(known)}, gps__owntracks=PHONE, gps__home_zones=zones).ready()
    wait_until(lambda: hub.said.get("status", [{}])[-1].get("state") == "listening")
    wait_until(lambda: hub.said.get("health"))
    assert hub.said["health"][-1]["place"]["age_s"] is None
    known.touch()
    wait_until(lambda: hub.said["status"][-1]["state"] == "paused")


def test_with_a_schedule_nothing_is_heard_until_the_time_is_known(tmp_path, hub, device):
    known = tmp_path / "known"
    later = [f"{(datetime.now().astimezone() + timedelta(hours=hours)).hour:02d}:00" for hours in (3, 5)]
    span = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": later[0], "to": later[1]}
    hub.send("config", {"version": 1, "zones": [], "schedule": [span], "clips": None, "rules": None}, True)
    listening = device(env={"TIME_IS_KNOWN": str(known)}).ready()
    wait_until(lambda: hub.said.get("status", [{}])[-1].get("state") == "paused")
    listening.hears()
    wait_until(lambda: hub.said.get("health", [{}])[-1].get("capture", {}).get("state") == "paused")
    assert "does not know the time" in hub.said["health"][-1]["capture"]["reason"]
    known.touch()
    wait_until(lambda: hub.said["status"][-1]["state"] == "listening")
    assert listening.waiting() == []
    listening.hears()
    wait_until(lambda: len(hub.heard) == 1)


def test_as_shipped_no_sound_is_written_anywhere_and_none_is_sent(tmp_path, hub, device):
    sound = (0.1 * np.random.default_rng(2).standard_normal(20 * RATE)).astype(np.float32)
    listening = device(env={"TMPDIR": str(tmp_path)}).ready().hears(pcm(sound))
    listening.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: len(hub.heard) >= 2)
    listening.hears(pcm(sound))
    listening.ends()
    files = [path for path in tmp_path.rglob("*") if path.is_file() and "mosquitto" not in str(path)]
    assert listening.log in files
    written = b"".join(path.read_bytes() for path in files)
    for form in (pcm(sound), sound.tobytes()):
        assert not any(form[at : at + 16] in written for at in range(0, len(form) - 16, len(form) // 97 // 4 * 4))
    assert not (tmp_path / "state" / "clips").exists()


def test_with_clips_on_a_mark_holds_its_moments_until_the_clip_is_there(tmp_path, hub, device):
    hub.answering = False
    listening = device(clips__enabled="true", clips__before_s=120, clips__after_s=1).ready()
    listening.hears(pcm(scene("rain", 100)))  # a pipe may be ahead of time: whenever the mark comes, its sound is here
    wait_until(lambda: hub.heard)
    listening.process.send_signal(signal.SIGUSR1)
    mark = wait_until(lambda: next((each for each in listening.waiting() if each.basis == "none" and each.clip), None))
    wait_until(lambda: mark.id in hub.heard)
    assert mark.clip.sha256 == next((tmp_path / "state" / "clips").iterdir()).stem
    assert (mark.origin, hub.heard.count(mark.id)) == ("mark", 1)


def test_the_owners_zones_are_in_force_and_survive_a_restart(hub, device):
    hub.answering = False
    hub.send("config", {"version": 4, "zones": [{"lat": 35.0, "lon": 129.0, "radius_m": 500, "name": "home"}]}, True)
    where = {"gps__fixed": "{lat: 35.0, lon: 129.0}"}
    listening = device(**where).ready()
    wait_until(lambda: "settings are in force" in listening.text())
    listening.hears()
    wait_until(lambda: hub.heard)
    assert listening.waiting()[0].place is None
    listening.process.kill()
    listening.process.wait()
    lonely = device(port=free_port(), **where).ready().hears()
    wait_until(lambda: len(lonely.waiting()) == 2)
    assert lonely.waiting()[1].place is None
