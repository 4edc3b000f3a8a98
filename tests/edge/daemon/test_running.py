"""How it starts, tells how it is, takes new settings and leaves."""

import json
import signal
import socket
import subprocess
import sys
import time

import pytest

from edge import cli
from tests.edge.daemon.device import ROOT, pcm
from tests.edge.parts import voice
from tests.parts import free_port, wait_until

pytestmark = pytest.mark.needs("mosquitto")


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


def test_a_second_device_with_the_same_outbox_is_refused(hub, device):
    device().ready()
    second = device()
    assert second.process.wait(20) == 1
    assert "another device runs with" in second.text()


def test_health_tells_how_the_device_is(hub, device):
    device().ready().hears()
    health = wait_until(lambda: hub.said.get("health"))[0]
    assert health["capture"]["state"] == "listening"
    assert health["outbox"]["trouble"] is None
    assert health["clock"] == "synced"
    assert health["memory_mb"] > 0
    assert "does not answer" in health["place"]["state"] or health["place"]["age_s"] is None
    assert not any(word in json.dumps(health) for word in ('"lat"', '"lon"')), "no place in health"


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
        path.write_text(lines + f"clips: {{key_file: {tmp_path}/none}}\noutbox: {{path: {tmp_path}/outbox.db}}\n")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "clips.key_file" in log.read_text())
        weights = ROOT / "edge" / "models" / "weights" / "scenes.tflite"
        path.write_text(lines + f"models: {{speech: {weights}}}\noutbox: {{path: {tmp_path}/outbox.db}}\n")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "not a speech model" in log.read_text())
        gone = f"source: file:{tmp_path}/gone.wav"
        path.write_text(lines.replace("source: pipe:-", gone) + f"outbox: {{path: {tmp_path}/outbox.db}}\n")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "there is no such file" in log.read_text())
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


def test_an_end_that_comes_while_it_starts_anew_ends_it(hub, device):
    running = device().ready()
    running.process.send_signal(signal.SIGHUP)
    running.process.terminate()
    assert running.process.wait(10) == 0


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
