"""Device and hub do their work under what their units deny of system calls and memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.deploy.confined import UNITS
from tests.e2e.processes import COMMAND, Hub, kill, settings
from tests.hub.records.giving import give, read
from tests.hub.records.making import recording
from tests.parts import free_port, wait_until

pytestmark = [
    pytest.mark.needs("systemd-analyze"),
    pytest.mark.skipif(
        "\nSeccomp:" not in Path("/proc/self/status").read_text(), reason="left out: this kernel has no seccomp"
    ),
]
_RATE = 16_000


def under(part, *command):
    return [sys.executable, "-m", "tests.deploy.confined", part, *command]


@pytest.mark.parametrize(
    "attempt",
    [
        "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)",
        "import os; os.sched_setaffinity(0, os.sched_getaffinity(0))",
        "import os; os.chown('/', 0, 0)",
    ],
)
@pytest.mark.parametrize("part", ["edge", "hub"])
def test_what_a_unit_denies_is_denied(part, attempt):
    assert "\nSystemCallErrorNumber=EPERM\n" in (UNITS / f"moodscape-{part}.service").read_text()
    ran = subprocess.run(under(part, sys.executable, "-c", attempt), capture_output=True, text=True)
    assert "PermissionError: [Errno 1]" in ran.stderr


@pytest.mark.slow
def test_a_device_keeps_the_sound_of_a_mark_under_what_its_unit_denies(tmp_path):
    chosen = settings(source="pipe:-", outbox__path=tmp_path / "outbox.db", broker__port=free_port())
    chosen += settings(gps__port=free_port(), clips__enabled="true", clips__before_s=30, clips__after_s=1)
    log = tmp_path / "device.log"
    with log.open("ab") as out:
        command = under("edge", *COMMAND, "edge", "run", *chosen)
        device = subprocess.Popen(command, bufsize=0, stdin=subprocess.PIPE, stdout=out, stderr=out)
    try:
        wait_until(lambda: "listening" in log.read_text(), 30)
        device.stdin.write(np.random.default_rng(5).integers(-2000, 2000, 30 * _RATE).astype("<i2").tobytes())
        subprocess.run([*COMMAND, "edge", "mark", *chosen], check=True, capture_output=True)
        wait_until(lambda: list((tmp_path / "clips").glob("*.clip")), 30)
    finally:
        kill(device)


@pytest.mark.slow
def test_a_hub_reads_what_was_uploaded_under_what_its_unit_denies(tmp_path):
    hub = Hub(tmp_path, free_port())
    chosen = settings(http__port=hub.port, broker__port=hub.broker_port, store__path=tmp_path / "hub.db")
    with (tmp_path / "hub.log").open("ab") as out:
        hub.process = subprocess.Popen(under("hub", *COMMAND, "hub", "run", *chosen), stdout=out, stderr=out)
    try:
        found = read(hub, give(hub.ready(), recording("m4a"), "audio/mp4"))
        assert (found["state"], found["error"]) == ("done", None)
        assert found["moments"]
    finally:
        hub.kill()
