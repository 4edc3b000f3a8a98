"""A person's mistakes get one clear sentence, and the exit code says whose fault it was."""

import os
import subprocess

import pytest

from moodscape.demo.run import RECORDING
from tests.e2e.processes import COMMAND


def run(*args, **more):
    return subprocess.run([*COMMAND, *args], capture_output=True, text=True, timeout=60, check=False, **more)


def one_sentence(ran, *named):
    assert "Traceback" not in ran.stderr
    said = [line for line in ran.stderr.splitlines() if line.startswith("moodscape: ")]
    assert len(said) == 1, ran.stderr
    for word in named:
        assert word in said[0], said[0]


@pytest.mark.parametrize(
    ("name", "content"),
    [("notes.wav", b"this is no sound, only text\n" * 20), ("empty.wav", b"")],
    ids=["text", "empty"],
)
def test_what_is_no_recording_is_named_and_the_others_are_read(tmp_path, name, content):
    wrong = tmp_path / name
    wrong.write_bytes(content)
    ran = run("read", str(wrong), str(RECORDING), "--json")
    assert ran.returncode == 1
    assert str(wrong) in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout.count("\n") > 3


def test_a_missing_recording_is_named():
    ran = run("read", "nowhere.wav")
    assert ran.returncode == 1
    assert "nowhere.wav" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("part", ["edge", "hub"])
def test_a_wrong_key_is_named_with_the_one_that_was_meant(tmp_path, part):
    config = tmp_path / "mine.yaml"
    config.write_text("brocker:\n  host: localhost\n")
    ran = run(part, "run", "--config", str(config))
    assert ran.returncode == 2
    one_sentence(ran, "brocker", "broker")


@pytest.mark.parametrize("part", ["edge", "hub"])
def test_a_missing_settings_file_is_named(part):
    ran = run(part, "run", "--config", "nowhere.yaml")
    assert ran.returncode == 2
    one_sentence(ran, "nowhere.yaml")


def test_a_wrong_value_on_the_command_line_is_named():
    ran = run("edge", "run", "--set", "broker.port=many")
    assert ran.returncode == 2
    one_sentence(ran, "broker.port")


def test_a_microphone_that_is_not_there_is_named(tmp_path):
    values = ["--set", "capture.microphone=no such thing", "--set", f"outbox.path={tmp_path / 'outbox.db'}"]
    ran = run("edge", "check", *values, env=os.environ | {"XDG_DATA_HOME": str(tmp_path)})
    assert ran.returncode == 1
    assert "no such thing" in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_broker_that_does_not_answer_is_named_and_nothing_is_lost(tmp_path):
    from tests.parts import free_port

    port = free_port()
    outbox = tmp_path / "outbox.db"
    values = ["--set", f"broker.port={port}", "--set", f"outbox.path={outbox}", "--set", "source=pipe:-"]
    ran = run("edge", "check", *values, env=os.environ | {"XDG_DATA_HOME": str(tmp_path)})
    assert ran.returncode == 1
    assert str(port) in ran.stdout + ran.stderr
