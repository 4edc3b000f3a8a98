import os
import subprocess
import sys
import threading
from datetime import datetime, timedelta

import pytest
import soundfile

from edge.care import check
from edge.config import Broker, Config, Gps, OutboxSettings
from edge.outbox.queue import Outbox
from edge.pipeline import Pipeline
from tests.edge.daemon.device import ROOT
from tests.edge.making import moments
from tests.edge.outbox.test_broken import fill
from tests.edge.parts import pipeline, scene
from tests.edge.records.test_upload import ClipHub
from tests.parts import free_port


@pytest.fixture
def found(monkeypatch, tmp_path):
    monkeypatch.setattr(Pipeline, "load", lambda _, **options: pipeline(**options))

    def go(**settings):
        values = {
            "device": "pocket-1",
            "source": "pipe:-",
            "broker": Broker(host="127.0.0.1", port=free_port()),
            "gps": Gps(port=free_port()),
            "outbox": OutboxSettings(path=tmp_path / "outbox.sqlite"),
        }
        config = Config(**(values | settings))
        return {finding.what: (finding.verdict, finding.sentence) for finding in check.findings(config)}

    return go


@pytest.mark.needs("mosquitto")
def test_all_is_well_where_all_is_well(found, mosquitto, tmp_path):
    soundfile.write(tmp_path / "a.wav", scene("rain", 3), 16_000)
    verdicts = found(
        source=f"file:{tmp_path / 'a.wav'}",
        broker=Broker(host=mosquitto.host, port=mosquitto.port),
        gps=Gps(fixed={"lat": 1, "lon": 2}),
        outbox=OutboxSettings(path=tmp_path / "outbox.sqlite", max_mb=1),
    )
    assert {verdict for verdict, _ in verdicts.values()} <= {"good", "note"}
    assert verdicts["broker"] == ("good", f"127.0.0.1:{mosquitto.port} lets pocket-1 in")
    assert verdicts["sound"][0] == verdicts["models"][0] == verdicts["place"][0] == "good"


def test_an_unreachable_broker_is_one_sentence_with_a_remedy(found):
    verdict, sentence = found()["broker"]
    assert verdict == "bad"
    assert "no broker at 127.0.0.1" in sentence
    assert "set broker.host and broker.port" in sentence


def test_a_name_that_can_be_no_broker_s_is_one_sentence(found):
    verdict, sentence = found(broker=Broker(host="hub..local"))["broker"]
    assert verdict == "bad"
    assert sentence.startswith("no broker at hub..local")


def test_a_driver_that_hangs_is_told_within_seconds(found, monkeypatch):
    over = threading.Event()
    monkeypatch.setattr("edge.capture.microphone.Microphone", lambda _: over.wait(20))
    monkeypatch.setattr("edge.capture.ears.OPENS_WITHIN_S", 0.1)
    verdict, sentence = found(source="microphone")["sound"]
    over.set()
    assert verdict == "bad"
    assert "driver hangs" in sentence


def test_without_gpsd_there_is_only_a_note(found):
    verdict, sentence = found()["place"]
    assert verdict == "note"
    assert "start gpsd, or set gps.fixed" in sentence


def test_a_phone_s_places_are_told_at_once_and_need_no_gpsd(found, monkeypatch):
    monkeypatch.setattr(check.time, "sleep", lambda _: pytest.fail("nothing comes to wait for"))
    verdict, sentence = found(gps={"owntracks": "owntracks/anna/phone"})["place"]
    assert (verdict, sentence.split(", ")[0]) == ("note", "places come from the phone at owntracks/anna/phone")


def test_a_missing_microphone_is_one_sentence_that_names_it(found, monkeypatch):
    from edge.capture.microphone import NoMicrophone

    def none(name):
        raise NoMicrophone(f"no microphone is called “{name}”; there are: none")

    monkeypatch.setattr("edge.capture.microphone.Microphone", none)
    verdict, sentence = found(source="microphone", capture={"microphone": "usb"})["sound"]
    assert (verdict, sentence) == ("bad", "no microphone is called “usb”; there are: none")


def test_an_outbox_that_cannot_be_written_is_named(found, tmp_path):
    (tmp_path / "file").write_text("")
    verdict, sentence = found(outbox=OutboxSettings(path=tmp_path / "file" / "outbox.sqlite"))["outbox"]
    assert verdict == "bad"
    assert "outbox.path" in sentence


def test_an_outbox_that_was_broken_is_said_to_be_taken_over_and_needs_no_other_folder(found, tmp_path, monkeypatch):
    path = tmp_path / "outbox.sqlite"
    monkeypatch.setattr("edge.outbox.queue._TURN_SECONDS", -1.0)
    fill(Outbox(path, max_mb=10, max_days=30), moments(1500))
    path.rename(tmp_path / "outbox.sqlite.broken")
    verdict, sentence = found()["outbox"]
    assert verdict == "note"
    assert sentence.endswith("is being taken over; that goes on while the device runs")


def test_clips_are_checked_with_their_key_their_folder_and_the_hub(found, tmp_path):
    assert found()["clips"] == ("good", "no sound is kept, unless the owner switches it on on the page")
    verdict, sentence = found(clips={"enabled": True})["clips"]
    assert verdict == "note"
    assert "in the clear: set clips.key_file" in sentence
    verdict, sentence = found(clips={"enabled": True, "key_file": tmp_path / "none"})["clips"]
    assert (verdict, "clips.key_file" in sentence) == ("bad", True)
    verdict, sentence = found(clips={"enabled": True, "hub": f"http://127.0.0.1:{free_port()}"})["clips"]
    assert verdict == "bad"
    assert "look at clips.hub" in sentence
    hub, token = ClipHub(), tmp_path / "token"
    token.write_text("any")
    settings = {"enabled": True, "hub": f"http://127.0.0.1:{hub.port}", "token_file": token}
    try:
        assert found(clips=settings)["clips"][0] == "good"
        hub.fault = lambda handler: handler.answer(401)
        assert "it refuses the token" in found(clips=settings)["clips"][1]
    finally:
        hub.close()


def test_a_schedule_that_keeps_it_silent_now_is_told(found):
    hour = datetime.now().astimezone()
    around = {"from": f"{hour.hour:02d}:00", "to": f"{(hour + timedelta(hours=2)).hour:02d}:00"}
    assert found(schedule=[around])["pause"][0] == "note"
    assert found()["pause"] == ("good", "it may listen now")


def test_pins_that_cannot_be_used_are_named(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    assert found()["pins"][0] == "good"
    verdict, sentence = found(gpio={"light": 4})["pins"]
    assert (verdict, "gpio needs gpiozero" in sentence) == ("bad", True)


def test_a_recording_that_is_not_there_is_named(found):
    verdict, sentence = found(source="file:/nowhere.wav")["sound"]
    assert verdict == "bad"
    assert "/nowhere.wav" in sentence


def test_the_command_prints_a_line_a_thing_and_fails_where_one_is_bad(tmp_path):
    command = [sys.executable, "-m", "tests.edge.run_device", "edge", "check"]
    command += ["--set", "source=pipe:-", "--set", f"broker.port={free_port()}", "--set", f"gps.port={free_port()}"]
    env = os.environ | {"XDG_DATA_HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    lines = [line.split()[:2] for line in done.stdout.splitlines()]
    things = ["sound", "models", "clock", "place", "outbox", "clips", "pins", "pause", "broker"]
    assert [what for _, what in lines] == things
    assert lines[-1] == ["bad", "broker"]
    assert "Traceback" not in done.stderr
