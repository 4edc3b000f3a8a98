"""The installer on a clean machine: a Debian of its own, from nothing to the first moment on the page."""

import os
import time
from pathlib import Path

import pytest

from tests.deploy.clean_root import CleanRoot

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.needs("debootstrap"),
    pytest.mark.skipif(os.geteuid() != 0, reason="left out: a root of its own needs root"),
]

_PREPARE = "apt-get install -y -qq --no-install-recommends iproute2 >/dev/null"
_INSTALL = "/srv/moodscape/deploy/install.sh both"


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    made = CleanRoot(tmp_path_factory.mktemp("root") / "debian")
    made.run(_PREPARE)
    return made


def test_from_a_clean_machine_to_the_first_moment_on_the_page_in_one_command_and_five_minutes(machine):
    begun = time.monotonic()
    machine.put_project()
    machine.run(_INSTALL)
    (machine.folder / "root/first_moment.sh").write_text(Path(__file__).with_name("first_moment.sh").read_text())
    said = machine.run("bash /root/first_moment.sh", apart=True)
    assert '"total":' in said
    assert "<title>Moodscape</title>" in said
    assert time.monotonic() - begun < 300


def test_secrets_and_settings_are_read_by_their_group_only(machine):
    listed = machine.run("stat -c '%n %a %U:%G' /etc/moodscape/* /etc/mosquitto/moodscape.passwd").splitlines()
    assert sorted(listed) == [
        "/etc/moodscape/edge.password 640 root:moodscape",
        "/etc/moodscape/edge.yaml 640 root:moodscape",
        "/etc/moodscape/hub.password 640 root:moodscape",
        "/etc/moodscape/hub.yaml 640 root:moodscape",
        "/etc/mosquitto/moodscape.passwd 600 mosquitto:root",
    ]


def test_a_second_run_keeps_settings_logins_and_what_was_stored(machine):
    kept = "cat /etc/moodscape/* /etc/mosquitto/moodscape.passwd; ls -lR /var/lib/moodscape"
    machine.run("echo '# mine' >> /etc/moodscape/edge.yaml")
    before = machine.run(kept)
    said = machine.run(_INSTALL)
    assert "kept the settings in /etc/moodscape/edge.yaml" in said
    assert "installed the packages" not in said
    assert machine.run(kept) == before


def test_removing_takes_programs_and_units_and_leaves_what_is_the_owners(machine):
    machine.run("/srv/moodscape/deploy/install.sh remove")
    left = machine.run(
        "ls -d /opt/moodscape /etc/systemd/system/moodscape-* /etc/moodscape /var/lib/moodscape", check=False
    )
    assert "cannot access '/opt/moodscape'" in left
    assert "cannot access '/etc/systemd/system/moodscape-*'" in left
    assert "/etc/moodscape\n" in left
    assert "/var/lib/moodscape\n" in left
