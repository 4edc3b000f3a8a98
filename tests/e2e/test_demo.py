"""The demo as a person runs it."""

import errno
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from moodscape.cli import main
from tests.e2e.processes import COMMAND, kill
from tests.parts import free_port, wait_until


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("broker", [[], ["--embedded-broker"]], ids=["mosquitto", "from the wheel"])
def test_demo_once_prints_a_table_of_moments_and_leaves_with_0(broker):
    ran = subprocess.run(
        [*COMMAND, "demo", "--once", "--port", str(free_port()), *broker], capture_output=True, text=True, timeout=240
    )
    assert ran.returncode == 0, ran.stderr
    assert " speech " in ran.stdout
    assert " scene " in ran.stdout
    assert "proves nothing about accuracy" in ran.stdout


@pytest.mark.slow
def test_the_live_demo_serves_its_page_and_ends_on_ctrl_c():
    port = free_port()
    running = subprocess.Popen(
        [*COMMAND, "demo", "--no-browser", "--port", str(port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )

    def page() -> bytes:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
                return answer.read()
        except urllib.error.URLError:
            return b""

    try:
        assert b"Moodscape" in wait_until(page, 30)
        line = running.stdout.readline().decode()  # said only when all parts run
        assert f"http://127.0.0.1:{port}" in line
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 0
    finally:
        running.kill()
        running.communicate()


def children(pid: int) -> dict[int, str]:
    """Number to command line of the processes that a process has started and that run."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            _, state, parent = re.match(r".*\) (.) (\d+)", (folder / "stat").read_text()).group(0, 1, 2)
            if int(parent) == pid and state != "Z":
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
    return found


@pytest.fixture
def demo(tmp_path):
    """Starts a demo in a process group of its own, which makes its folder in `tmp_path`."""
    started = []

    def start(*words: str) -> subprocess.Popen:
        command = [*words, "--port", str(free_port())]
        started.append(
            subprocess.Popen(
                command,
                env=os.environ | {"TMPDIR": str(tmp_path)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        for pid in children(process.pid):
            os.kill(pid, signal.SIGKILL)
        kill(process)


def begun(running: subprocess.Popen, part: str) -> set[int]:
    """Wait until a demo has started a part, and give the numbers of all that it started."""

    def found() -> set[int]:
        there = children(running.pid)
        return set(there) if any(part in line for line in there.values()) else set()

    return wait_until(found, 30)


def gone(pids: set[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


ONCE, LIVE = [*COMMAND, "demo", "--once"], [*COMMAND, "demo", "--no-browser"]


@pytest.mark.slow
@pytest.mark.parametrize("verb", [ONCE, LIVE], ids=["once", "live"])
@pytest.mark.parametrize("part", ["mosquitto", "hub run", "edge run"])
@pytest.mark.parametrize(
    ("end", "code"),
    [
        (lambda process: os.killpg(process.pid, signal.SIGHUP), 129),
        (lambda process: process.terminate(), 143),
    ],
    ids=["its terminal closed", "told to end"],
)
def test_whatever_ends_the_demo_ends_its_parts_and_its_folder(demo, tmp_path, verb, part, end, code):
    running = demo(*verb)
    pids = begun(running, part)
    end(running)
    assert running.wait(20) == code
    assert gone(pids)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_second_signal_does_not_break_off_the_end(demo, tmp_path):
    running = demo(*LIVE)
    pids = begun(running, "edge run")
    running.terminate()
    for _ in range(20):
        os.killpg(running.pid, signal.SIGHUP)
        time.sleep(0.02)
    assert running.wait(20) in (129, 143)  # of signals that are taken at once, the lowest number is the first
    assert gone(pids)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_demo_that_is_killed_outright_leaves_no_device_that_listens(demo):
    running = demo(*LIVE, "--microphone", "--embedded-broker")
    pids = begun(running, "edge run")
    time.sleep(2)
    assert set(children(running.pid)) == pids
    running.kill()
    running.wait()
    wait_until(lambda: gone(pids))


@pytest.mark.slow
def test_under_nohup_the_demo_outlives_its_terminal(demo, tmp_path):
    running = demo("nohup", *LIVE)
    begun(running, "edge run")
    os.killpg(running.pid, signal.SIGHUP)
    time.sleep(1)
    assert any("edge run" in line for line in children(running.pid).values())
    running.terminate()
    assert running.wait(20) == 143
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_named_with_the_remedy():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ran = subprocess.run([*COMMAND, "demo", "--once", "--port", str(port)], capture_output=True, text=True)
    assert ran.returncode == 2
    assert ran.stderr == f"moodscape: port {port} is taken by another program; give another one with --port\n"


def test_a_port_that_is_not_allowed_is_not_told_as_taken(monkeypatch, capsys):
    def refuse(*_args):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)  # root may listen on all
    assert main(["demo", "--once", "--port", "80"]) == 2
    why = "port 80 cannot be listened on: Permission denied; give another one with --port"
    assert capsys.readouterr().err == f"moodscape: {why}\n"
