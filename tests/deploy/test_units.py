"""The units that the installer writes."""

import os
import re
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("part", ["edge", "hub", "certificates"])
def test_a_unit_is_exposed_at_most_2_0(part):
    unit = DEPLOY / "systemd" / f"moodscape-{part}.service"
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(unit)], capture_output=True, text=True, check=False
    ).stdout
    exposure = re.search(r"Overall exposure level for .*: ([0-9.]+)", said)
    assert exposure, said
    assert float(exposure[1]) <= 2.0


@pytest.mark.parametrize("part", ["edge", "hub"])
def test_a_unit_starts_the_command_that_the_installer_puts_there(part):
    unit = (DEPLOY / "systemd" / f"moodscape-{part}.service").read_text()
    assert f"ExecStart=/opt/moodscape/venv/bin/moodscape {part} run --config /etc/moodscape/{part}.yaml" in unit
    assert "venv/bin/pip" in (DEPLOY / "install.sh").read_text()


def test_the_hub_alone_is_told_to_end_and_ends_what_reads_its_recordings():
    assert "\nKillMode=mixed\n" in (DEPLOY / "systemd" / "moodscape-hub.service").read_text()


def test_a_recording_that_takes_all_memory_does_not_end_the_hub():
    assert "\nOOMPolicy=continue\n" in (DEPLOY / "systemd" / "moodscape-hub.service").read_text()


def test_lgpio_makes_its_pipe_where_the_device_may_write():
    unit = (DEPLOY / "systemd" / "moodscape-edge.service").read_text()
    (folder,) = re.findall("^RuntimeDirectory=(.*)$", unit, re.MULTILINE)
    assert f"\nEnvironment=LG_WD=%t/{folder}\n" in unit
    (state,) = re.findall("^StateDirectory=(.*)$", unit, re.MULTILINE)
    assert f"LG_WD=/var/lib/{state}\n" in (DEPLOY / "moodscape.sh").read_text()


def test_certificates_are_renewed_by_what_the_installer_puts_there():
    unit = (DEPLOY / "systemd" / "moodscape-certificates.service").read_text()
    installer = (DEPLOY / "install.sh").read_text()
    assert "ExecStart=/opt/moodscape/renew-certificates --days 60\n" in unit
    assert 'deploy/renew-certificates.sh" "$home/renew-certificates"' in installer
    assert "enable --quiet --now moodscape-certificates.timer" in installer


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ([], "edge, hub or both"),
        (["pocket"], "edge, hub or both"),
        (["edge", "box.local"], "names go with hub or both"),
        (["both", "--broker", "broker.local", "box.local"], "--broker goes with hub"),
        (["hub", "--broker", "broker.local"], "by which names others reach this machine"),
        (["broker", "/nowhere.tar"], "give the file that `deploy/install.sh hub --broker HOST NAME` wrote"),
    ],
)
def test_a_wrong_call_of_the_installer_says_what_it_takes(call, said):
    ran = subprocess.run([DEPLOY / "install.sh", *call], capture_output=True, text=True)
    assert ran.returncode == 2
    assert said in ran.stderr


@pytest.mark.parametrize("part", ["edge", "hub", "both"])
def test_a_32_bit_system_is_refused_in_one_sentence_before_anything_is_done(tmp_path, part):
    ran = _install_on(tmp_path, "armhf", part)
    assert ran.returncode == 1
    assert ran.stderr.startswith("moodscape: needs a 64-bit system, and this one is armhf: use 64-bit Raspberry Pi OS")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(("system", "call"), [("amd64", "edge"), ("arm64", "both"), ("armhf", "remove")])
def test_a_64_bit_system_is_not_refused_nor_is_the_removal_on_any(tmp_path, system, call):
    assert "run it as root" in _install_on(tmp_path, system, call).stderr


def _install_on(folder, system, call):
    """Call the installer where dpkg tells of a system, as a user who may install nothing."""
    for name, said in (("dpkg", system), ("id", "1000")):
        (folder / name).write_text(f"#!/bin/sh\necho {said}\n")
        (folder / name).chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}"
    return subprocess.run(
        [DEPLOY / "install.sh", call], capture_output=True, text=True, env={**os.environ, "PATH": path}
    )
