"""The demo as a person runs it."""

import signal
import subprocess
import urllib.error
import urllib.request

import pytest

from tests.e2e.processes import COMMAND
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


def test_a_port_that_is_taken_is_named_with_the_remedy():
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ran = subprocess.run([*COMMAND, "demo", "--once", "--port", str(port)], capture_output=True, text=True)
    assert ran.returncode == 2
    assert ran.stderr == f"moodscape: port {port} is taken by another program; give another one with --port\n"
