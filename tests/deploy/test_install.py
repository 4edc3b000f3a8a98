"""The installer on a clean machine: a Debian of its own, from nothing to the first moment on the page, and onwards."""

import json
import os
import shutil
import socket
import time
from pathlib import Path

import pytest

from tests.deploy.clean_root import CleanRoot
from tests.hub.moments import make
from tests.hub.stores.older import older_store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.needs("debootstrap"),
    pytest.mark.skipif(os.geteuid() != 0, reason="left out: a root of its own needs root"),
]

HERE = Path(__file__).parent
_PREPARE = "apt-get install -y -qq --no-install-recommends iproute2 >/dev/null"
_INSTALL = "/srv/moodscape/deploy/install.sh both"
_DEVICE = socket.gethostname()  # a root shares it, and the installer names its device by it
_LOGINS = "/var/lib/mosquitto/moodscape/logins.json"


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    made = CleanRoot(tmp_path_factory.mktemp("root") / "debian")
    made.run(_PREPARE)
    for script in HERE.glob("*.sh"):
        shutil.copy(script, made.folder / "root")
    return made


@pytest.fixture(scope="module")
def installed(machine):
    """The machine with hub and device on it, whichever tests ran on it before."""
    if not (machine.folder / "opt/moodscape").exists():
        machine.put_project()
        machine.run(_INSTALL)
        machine.run("install -d -o moodscape -m 0700 /var/lib/moodscape")  # as systemd does at a start
    return machine


def test_from_a_clean_machine_to_the_first_moment_on_the_page_in_one_command_and_five_minutes(machine):
    begun = time.monotonic()
    machine.put_project()
    machine.run(_INSTALL)
    said = machine.run(f"bash /root/first_moment.sh {_DEVICE}", apart=True)
    assert '"total":' in said
    assert "<title>Moodscape</title>" in said
    assert time.monotonic() - begun < 300


def test_secrets_and_settings_are_read_by_their_group_only(installed):
    listed = installed.run(f"stat -c '%n %a %U:%G' /etc/moodscape/* {_LOGINS} {Path(_LOGINS).parent}").splitlines()
    assert sorted(listed) == [
        "/etc/moodscape/edge.password 640 root:moodscape",
        "/etc/moodscape/edge.yaml 640 root:moodscape",
        "/etc/moodscape/hub.password 640 root:moodscape",
        "/etc/moodscape/hub.yaml 640 root:moodscape",
        "/var/lib/mosquitto/moodscape 700 mosquitto:mosquitto",
        f"{_LOGINS} 600 mosquitto:mosquitto",
    ]


def test_a_second_run_keeps_settings_logins_and_what_was_stored(installed):
    kept = f"cat /etc/moodscape/* /etc/mosquitto/conf.d/* {_LOGINS}; ls -lR /var/lib/moodscape; ls /etc/mosquitto"
    installed.run("echo '# mine' >> /etc/moodscape/edge.yaml")
    before = installed.run(kept)
    said = installed.run(_INSTALL)
    assert "kept the settings in /etc/moodscape/edge.yaml" in said
    assert "installed the packages" not in said
    assert installed.run(kept) == before


def test_moments_go_to_and_come_from_a_folder_that_only_their_owner_may_enter(installed):
    installed.run("install -d -o 1000 -g 1000 -m 0700 /home/ann")
    moment, home = make(), installed.folder / "home/ann"
    (home / "all.ndjson").write_bytes(moment.to_json() + b"\n")
    said = installed.run(_AS_ANN.format(device=moment.device))
    assert "1 moments taken, 0 known or erased" in said
    assert said.endswith("copy.db 600 1000:1000\nsome.csv 600 1000:1000\n")
    assert moment.id in (home / "some.csv").read_text()
    assert list((installed.folder / "var/tmp").iterdir()) == []


_AS_ANN = """set -e
mount -t proc proc /proc
trap 'umount /proc' EXIT
export SUDO_UID=1000 SUDO_GID=1000
cd /home/ann
chmod 0600 all.ndjson
moodscape hub import all.ndjson
moodscape hub backup copy.db
moodscape hub export some.csv --format csv device={device}
stat -c '%n %a %u:%g' copy.db some.csv
"""


def test_the_devices_user_may_reach_microphones_and_pins_also_where_it_was_made_without(installed):
    installed.run("gpasswd --delete moodscape audio; getent group gpio || groupadd --system gpio")
    installed.run("/srv/moodscape/deploy/install.sh edge")
    as_the_command_runs = "setpriv --reuid moodscape --regid moodscape --init-groups id -nG"
    assert set(installed.run(as_the_command_runs).split()) == {"moodscape", "audio", "gpio"}


def test_opened_to_the_network_a_hub_lets_another_device_in_over_tls(installed):
    installed.run(f"{_INSTALL} localhost")
    said = installed.run("bash /root/enrolled_moment.sh", apart=True)
    assert "pocket-2 is let in at localhost:8443" in said
    assert '"device":"pocket-2"' in said
    assert "/root/pocket-2/edge.password 600 root" in said
    assert "pocket-2 is let in no more" in said
    listed = installed.run(
        "cd /etc; stat -c '%n %a %U:%G' moodscape/ca moodscape/ca/*.key mosquitto/certs/moodscape.key"
    )
    assert listed.splitlines() == [
        "moodscape/ca 750 root:moodscape",
        "moodscape/ca/ca.key 600 root:root",
        "moodscape/ca/hub.key 640 root:moodscape",
        "mosquitto/certs/moodscape.key 600 mosquitto:root",
    ]


def test_an_older_version_is_upgraded_with_its_settings_logins_and_moments(installed, tmp_path):
    (held,) = older_store(tmp_path / "hub.db", 1)
    for file in (*(HERE / "older").iterdir(), tmp_path / "hub.db"):
        shutil.copy(file, installed.folder / "root")
    installed.run(_AS_IT_WAS.format(device=_DEVICE))
    said = installed.run(_INSTALL)
    assert "took over the logins of /etc/mosquitto/moodscape.passwd" in said
    assert "kept the settings in /etc/moodscape/hub.yaml" in said
    assert "what it was is in /etc/mosquitto/moodscape.conf.before" in said
    shown = installed.run(f"bash /root/first_moment.sh {_DEVICE}", apart=True)
    assert held.id in shown, "what was stored is there beside what the device sends with the login that it had"
    assert installed.run("cat /etc/moodscape/hub.password /etc/moodscape/edge.password") == "old-hub\nold-edge\n"
    logins = json.loads(installed.run(f"cat {_LOGINS}"))
    assert {client["username"] for client in logins["clients"]} == {"hub", _DEVICE, "pocket-9"}
    assert installed.run("ls /etc/mosquitto/moodscape.*") == "/etc/mosquitto/moodscape.conf.before\n"


_AS_IT_WAS = """set -e
rm -rf /etc/moodscape /var/lib/moodscape/* /var/lib/mosquitto/moodscape /etc/mosquitto/conf.d/moodscape* \
    /etc/mosquitto/certs/moodscape* /usr/local/bin/moodscape /opt/moodscape/renew-certificates
mkdir /etc/moodscape
echo old-hub > /etc/moodscape/hub.password
echo old-edge > /etc/moodscape/edge.password
sed 's/DEVICE/{device}/' /root/edge.yaml > /etc/moodscape/edge.yaml
cp /root/hub.yaml /etc/moodscape/hub.yaml
cp /root/moodscape.conf /etc/mosquitto/conf.d/
cp /root/moodscape.acl /etc/mosquitto/
printf '%s\\n' hub:old-hub '{device}:old-edge' pocket-9:by-hand > /etc/mosquitto/moodscape.passwd
mosquitto_passwd -U /etc/mosquitto/moodscape.passwd
chown mosquitto /etc/mosquitto/moodscape.passwd
chmod 0600 /etc/mosquitto/moodscape.passwd
install -o moodscape -g moodscape -m 0600 /root/hub.db /var/lib/moodscape/hub.db
"""


def test_a_hub_whose_broker_is_on_another_machine_meets_devices_there_over_tls(installed):
    installed.run(f"rm -rf /etc/moodscape /var/lib/moodscape/* {Path(_LOGINS).parent} /etc/mosquitto/conf.d/moodscape*")
    installed.run("/srv/moodscape/deploy/install.sh hub --broker localhost localhost")
    assert "conf.d/moodscape" not in installed.run("ls -d /etc/mosquitto/conf.d/*"), "no broker was set up here"
    said = installed.run("/srv/moodscape/deploy/install.sh broker /etc/moodscape/broker.tar")
    assert "the broker is open to hub and devices over TLS" in said
    settings = installed.run("sed -n '/^broker:/,/^$/p' /etc/moodscape/hub.yaml")
    assert "port: 8883" in settings
    assert "tls: true" in settings
    said = installed.run("bash /root/enrolled_moment.sh", apart=True)
    assert '"device":"pocket-2"' in said
    assert "pocket-2 is let in no more" in said
    kept = f"cat {_LOGINS} /etc/moodscape/hub.* /etc/mosquitto/certs/moodscape.crt"
    before = installed.run(kept)
    installed.run("/srv/moodscape/deploy/install.sh hub")
    installed.run("/srv/moodscape/deploy/install.sh broker /etc/moodscape/broker.tar")
    assert installed.run(kept) == before
    read_by = installed.run("stat -c '%n %a %U' /etc/moodscape/broker.tar /etc/moodscape/broker")
    assert read_by == "/etc/moodscape/broker.tar 600 root\n/etc/moodscape/broker 700 root\n"


def test_removing_takes_programs_and_units_and_leaves_what_is_the_owners(installed):
    installed.run("/srv/moodscape/deploy/install.sh remove")
    left = installed.run(
        "ls -d /opt/moodscape /etc/systemd/system/moodscape-* /usr/local/bin/moodscape "
        "/etc/mosquitto/conf.d/moodscape* /etc/moodscape /var/lib/moodscape",
        check=False,
    )
    assert "cannot access '/opt/moodscape'" in left
    assert "cannot access '/etc/systemd/system/moodscape-*'" in left
    assert "cannot access '/usr/local/bin/moodscape'" in left
    assert "cannot access '/etc/mosquitto/conf.d/moodscape*'" in left
    assert "/etc/moodscape\n" in left
    assert "/var/lib/moodscape\n" in left
