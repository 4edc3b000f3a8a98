import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge import cli
from edge.sound import RATE
from moments import Moment
from tests.edge.delivery.test_publisher import FakeHub
from tests.edge.parts import scene, silence, voice
from tests.parts import free_port, wait_until

pytestmark = pytest.mark.needs("mosquitto")
ROOT = Path(__file__).parents[2]


def pcm(samples):
    return (samples * 32767).astype("<i2").tobytes()


SPEECH = pcm(voice(1.5)) + pcm(silence(1.5))


class Device:
    """A device process that hears what the test writes to it."""

    def __init__(self, folder, port, source="pipe:-", env=None, **settings):
        self.folder, self.log = folder, folder / "device.log"
        values = {
            "device": "pocket-1",
            "source": source,
            "broker.port": port,
            "outbox.path": folder / "state" / "outbox.db",
            "gps.port": free_port(),
        } | {key.replace("__", "."): value for key, value in settings.items()}
        overrides = [part for key, value in values.items() for part in ("--set", f"{key}={value}")]
        command = [sys.executable, "-m", "tests.edge.run_device", "edge", "run", *overrides]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=out, stderr=out, env=os.environ | (env or {})
            )

    def text(self):
        return self.log.read_text(errors="replace")

    def ready(self):
        wait_until(lambda: "listening" in self.text() or self.process.poll() is not None, 20)
        assert self.process.poll() is None, self.text()
        return self

    def hears(self, sound=SPEECH):
        self.process.stdin.write(sound)
        self.process.stdin.flush()
        return self

    def ends(self, seconds=20):
        self.process.stdin.close()
        return self.process.wait(seconds)

    def waiting(self):
        db = sqlite3.connect(self.folder / "state" / "outbox.db")
        try:
            return [Moment.from_json(body) for (body,) in db.execute("SELECT body FROM outbox ORDER BY seq")]
        finally:
            db.close()


@pytest.fixture
def hub(mosquitto):
    hub = FakeHub(mosquitto)
    yield hub
    hub.close()


@pytest.fixture
def device(tmp_path, mosquitto):
    devices = []

    def go(**settings):
        devices.append(Device(tmp_path, settings.pop("port", mosquitto.port), **settings))
        return devices[-1]

    yield go
    for each in devices:
        each.process.kill()
        each.process.wait()
        each.process.stdin.close()


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_five_seconds_with_what_was_heard_flushed_and_offline_said(hub, device, number):
    listening = device().ready().hears(pcm(voice(2.0)))  # an utterance that has not ended yet
    wait_until(lambda: hub.said.get("status"))
    time.sleep(0.5)
    begun = time.monotonic()
    listening.process.send_signal(number)
    assert listening.process.wait(10) == 0
    assert time.monotonic() - begun < 5
    wait_until(lambda: hub.said["status"][-1]["state"] == "offline")
    assert len(hub.heard) == 1
    assert "Traceback" not in listening.text()


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


def test_a_second_device_with_the_same_outbox_is_refused(hub, device):
    device().ready()
    second = device()
    assert second.process.wait(20) == 1
    assert "another device runs with" in second.text()


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
    import numpy as np

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


def test_health_tells_how_the_device_is(hub, device):
    device().ready().hears()
    health = wait_until(lambda: hub.said.get("health"))[0]
    assert health["capture"]["state"] == "listening"
    assert health["outbox"]["trouble"] is None
    assert health["clock"] == "synced"
    assert health["memory_mb"] > 0
    assert "does not answer" in health["place"]["state"] or health["place"]["age_s"] is None
    assert not any(word in json.dumps(health) for word in ('"lat"', '"lon"')), "no place in health"


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


def test_new_settings_are_taken_on_sighup_and_wrong_ones_leave_it_as_it_was(tmp_path, hub, mosquitto):
    path = tmp_path / "edge.yaml"
    lines = f"device: pocket-1\nsource: pipe:-\nbroker: {{port: {mosquitto.port}}}\ngps: {{port: {free_port()}}}\n"
    path.write_text(lines + f"outbox: {{path: {tmp_path}/outbox.db}}\n")
    command = [sys.executable, "-m", "tests.edge.run_device", "edge", "run", "--config", str(path)]
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=out, stderr=out)
    try:
        wait_until(lambda: "listening" in log.read_text(), 20)
        path.write_text("brokre: {}")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "brokre is not a setting" in log.read_text())
        path.write_text(lines.replace("pocket-1", "pocket-2") + f"outbox: {{path: {tmp_path}/outbox.db}}\n")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "device=pocket-2" in log.read_text(), 20)
        assert process.poll() is None, "the same process"
    finally:
        process.kill()
        process.wait()
        process.stdin.close()


@pytest.fixture
def systemd(tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
        listening.settimeout(15)
        yield listening, {"NOTIFY_SOCKET": str(path)}


def test_systemd_hears_that_it_is_ready_and_alive(systemd, hub, device):
    listening, env = systemd
    running = device(env=env).ready()
    said = [listening.recv(100) for _ in range(4)]
    assert b"READY=1" in said
    assert b"WATCHDOG=1" in said
    running.process.terminate()
    while listening.recv(100) != b"STOPPING=1":
        pass
    assert running.process.wait(5) == 0


def heard(listening):
    try:
        return listening.recv(100)
    except BlockingIOError:
        return None


@pytest.mark.slow
def test_a_model_that_hangs_stops_the_watchdogs_feed(systemd, hub, device):
    listening, env = systemd
    running = device(env=env | {"HANG": "1"}).ready().hears()
    time.sleep(5)
    listening.setblocking(False)
    while heard(listening):
        pass
    time.sleep(2.5)
    assert heard(listening) is None
    assert running.process.poll() is None


def test_a_new_start_with_new_settings_is_no_stop_for_systemd(systemd, hub, device):
    listening, env = systemd
    running = device(env=env).ready()
    while listening.recv(100) != b"WATCHDOG=1":
        pass
    running.process.send_signal(signal.SIGHUP)
    said = [listening.recv(100)]
    while said[-1] != b"READY=1":
        said.append(listening.recv(100))
    assert any(each.startswith(b"RELOADING=1\nMONOTONIC_USEC=") for each in said)
    assert b"STOPPING=1" not in said


def test_moments_of_speech_may_be_told_without_a_place(hub, device):
    hub.answering = False
    where = {"gps__fixed": "{lat: 35.0, lon: 129.0}", "gps__with_speech": "false"}
    listening = device(**where).ready().hears(pcm(scene("rain", 20)) + SPEECH)
    wait_until(lambda: {each.basis for each in listening.waiting()} == {"speech", "scene"})
    places = {each.basis: each.place for each in listening.waiting()}
    assert places["speech"] is None
    assert places["scene"] is not None


def test_a_model_that_fails_ends_the_device_so_that_it_is_started_anew(hub, device):
    running = device(env={"CRASH": "1"}).ready().hears()
    assert running.process.wait(10) == 1
    assert "a model that is broken" in running.text()
    assert running.text().strip().splitlines()[-1].startswith("moodscape: listening failed: ZeroDivisionError")
    wait_until(lambda: hub.said["status"][-1]["state"] == "offline")


def test_the_parts_of_the_command_stand_in_its_help(capsys):
    import argparse

    parser = argparse.ArgumentParser()
    cli.register(parser.add_subparsers())
    with pytest.raises(SystemExit):
        parser.parse_args(["edge", "--help"])
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in ("run", "devices", "check", "rules", "mark"))
