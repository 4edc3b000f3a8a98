"""The process that reads a recording ends with the hub, whichever way that ends, and its end is not the hub's."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from hub.records import reader
from moodscape.demo.run import RECORDING
from tests.e2e.processes import COMMAND, Hub, settings
from tests.hub.records.giving import give, read
from tests.hub.records.making import noise, recording
from tests.parts import free_port, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def hub(tmp_path):
    """A hub in a process group of its own, as a terminal makes one for each command."""
    running = Hub(tmp_path, free_port())
    chosen = settings(http__port=running.port, broker__port=running.broker_port, store__path=tmp_path / "hub.db")
    with (tmp_path / "hub.log").open("ab") as log:
        running.process = subprocess.Popen(
            [*COMMAND, "hub", "run", *chosen], stdout=log, stderr=log, start_new_session=True
        )
    yield running.ready()
    running.kill()


def begun(hub):
    """Give the hub a recording, and wait until it is being read; gives its record and the reader's process id."""
    record = give(hub, RECORDING.read_bytes(), "audio/ogg")
    (reader,) = wait_until(lambda: readers(hub), 60)  # at its beginning: it is soon through
    return record, reader


def readers(hub):
    """Give the ids of the hub's processes that read."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == hub.process.pid and b"hub.records.reading" in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


def runs(process):
    """Tell whether a process runs; one that has ended has no command line, though nobody took note of its end."""
    try:
        return b"hub.records.reading" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def test_ctrl_c_leaves_the_recording_in_hand_to_the_next_start(hub):
    record, reader = begun(hub)
    assert os.getpgid(reader) != os.getpgid(hub.process.pid), "a terminal tells the hub alone"
    os.killpg(hub.process.pid, signal.SIGINT)
    hub.process.wait(20)
    assert not runs(reader)
    found = read(hub.start().ready(), record)
    assert (found["state"], found["error"]) == ("done", None)


def test_a_reader_ends_by_itself_when_its_hub_was_killed(hub):
    _, reader = begun(hub)
    os.kill(hub.process.pid, signal.SIGKILL)
    hub.process.wait()
    wait_until(lambda: not runs(reader), 30)


def given(client, seed):
    """Give the hub a recording; gives the path of its record."""
    answer = client.post("/api/records", files={"audio": ("a", recording(samples=noise(1.0, seed=seed)), "audio/wav")})
    assert answer.status_code == 202
    return answer.headers["location"]


def settled(client, path):
    return wait_until(lambda: (found := client.get(path).json())["state"] in {"done", "failed"} and found, 60)


def test_a_reader_that_cannot_be_started_is_tried_again(client, monkeypatch, caplog):
    monkeypatch.setattr(reader, "_AFTER_FAILURE_S", 0.2)
    with monkeypatch.context() as patch:
        patch.setattr(reader, "_COMMAND", ["/nowhere/python"])
        path = given(client, 1)
        wait_until(lambda: "a recording was not read; trying again" in caplog.text)
    found = settled(client, path)
    assert (found["state"], found["error"]) == ("done", None)


def test_a_recording_that_the_hub_fails_to_read_holds_up_no_other(client, monkeypatch):
    monkeypatch.setattr(reader, "_AFTER_FAILURE_S", 0.01)
    with monkeypatch.context() as patch:
        patch.setattr(reader, "_COMMAND", ["/nowhere/python"])
        found = settled(client, given(client, 1))
    assert (found["state"], found["error"]) == ("failed", reader._FAILED)
    assert settled(client, given(client, 2))["state"] == "done"
