"""The units that the installer writes."""

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


def test_certificates_are_renewed_by_what_the_installer_puts_there():
    unit = (DEPLOY / "systemd" / "moodscape-certificates.service").read_text()
    installer = (DEPLOY / "install.sh").read_text()
    assert "ExecStart=/opt/moodscape/renew-certificates\n" in unit
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
