import os
import subprocess
import sys

import pytest
import soundfile

from edge.care import check
from edge.config import Broker, Config, Gps, OutboxSettings
from edge.pipeline import Pipeline
from tests.edge.parts import pipeline, scene
from tests.edge.test_daemon import ROOT
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


def test_without_gpsd_there_is_only_a_note(found):
    verdict, sentence = found()["place"]
    assert verdict == "note"
    assert "start gpsd, or set gps.fixed" in sentence


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
    assert [what for _, what in lines] == ["sound", "models", "clock", "place", "outbox", "broker"]
    assert lines[-1] == ["bad", "broker"]
    assert "Traceback" not in done.stderr
