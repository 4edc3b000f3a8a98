"""The installer where a call of it is refused, fails, or was cut off; in mounts of its own, beside stand-ins."""

import os
import shutil
import signal
import stat
import subprocess

import pytest
import yaml

from configs import shipped
from hub import ca
from tests.deploy.stand_in import StandIn

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0,
        reason="left out: mounts of its own need root",
    ),
]

STOPPED, STARTED = "stop mosquitto", "start mosquitto"


@pytest.fixture
def machine(tmp_path):
    return StandIn(tmp_path)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["hub", "box local"], "'box local' is no name or address of a machine"),
        (["hub", "--broker", "https://broker.local", "box.local"], "'https://broker.local' is no name or address"),
        (["broker", "wrong.tar"], "wrong.tar is not what `deploy/install.sh hub --broker HOST NAME` wrote"),
    ],
)
def test_a_call_that_is_refused_stops_no_broker_and_sets_nothing(machine, call, said):
    (machine.root / "wrong.tar").write_text("none")
    assert said in machine.run(*call, code=2)
    assert STOPPED not in machine.told()
    assert not (machine.root / "etc/moodscape/hub.password").exists()
    assert list((machine.root / "etc/mosquitto/conf.d").iterdir()) == []


def test_a_call_that_is_refused_leaves_an_installed_hub_as_it_is(machine):
    machine.run("hub", "box.local")
    before = machine.kept()
    machine.run("hub", "https://box.local", code=2)
    machine.run("hub", "--broker", "broker.local", "box.local", code=1)
    assert machine.kept() == before


def test_a_broker_runs_again_where_the_installer_fails(machine):
    said = machine.run("hub", code=1, PLUGIN="/usr/lib/other.so")
    assert said.endswith("this mosquitto has no dynamic security\n")
    assert machine.told() == [STOPPED, STARTED]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_broker_runs_again_where_the_installer_is_ended(machine, number):
    with machine.start("hub", HELD="*broker.user=hub*") as running:
        assert any(line == "held\n" for line in running.stdout)
        os.killpg(running.pid, number)
        assert running.wait(20) == 128 + number
    assert machine.told() == [STOPPED, STARTED]
    assert not list((machine.root / "etc/moodscape").glob("*.password*"))


@pytest.mark.parametrize("at", ["*broker.user=hub*", "mv *hub.password", "mv *moodscape.conf", "*broker.user=box*"])
def test_where_the_installer_was_cut_off_another_run_ends_what_it_began(machine, at):
    machine.cut("both", at=at)
    machine.run("both")
    assert machine.lets_in("hub")
    assert machine.lets_in("edge")
    assert (
        yaml.safe_load(machine.text("etc/moodscape/edge.yaml"))["device"] == machine.broker_of("edge")["user"] == "box"
    )
    assert not list((machine.root / "etc/moodscape").glob("*.new"))


@pytest.mark.parametrize("at", ["*broker.user=hub*", "mv *hub.password"])
def test_where_the_set_up_of_a_broker_elsewhere_was_cut_off_another_run_ends_it(machine, at):
    call = ["hub", "--broker", "broker.local", "box.local"]
    machine.cut(*call, at=at)
    machine.run(*call)
    assert machine.lets_in("hub", "etc/moodscape/broker/logins.json")
    assert machine.broker_of("hub")["host"] == "broker.local"
    before = machine.kept()
    machine.run("hub")
    changed = {name for name, data in machine.kept().items() if before.get(name) != data}
    assert changed <= {"etc/moodscape/broker.tar"}, "which has the times of its files"


def test_a_password_that_its_settings_do_not_name_is_made_anew(machine):
    machine.run("hub")
    folder = machine.root / "etc/moodscape"
    shutil.copy(shipped("hub.yaml"), folder)
    shutil.copy(folder / "hub.password", folder / "hub.password.new")
    machine.run("hub")
    assert machine.lets_in("hub")
    assert not (folder / "hub.password.new").exists()


def test_where_the_brokers_logins_are_lost_hub_and_device_get_new_ones(machine):
    machine.run("both")
    (machine.root / "var/lib/mosquitto/moodscape/logins.json").unlink()
    said = machine.run("both")
    assert "made the login hub at the broker" in said
    assert machine.lets_in("hub")
    assert machine.lets_in("edge")


@pytest.mark.parametrize("broker", [{"tls": True, "host": "localhost"}, {"tls": False, "host": "192.0.2.7"}])
def test_a_device_that_was_let_in_by_another_hub_keeps_its_login(machine, broker):
    folder = machine.root / "etc/moodscape"
    folder.mkdir()
    broker |= {"user": "pocket-1", "password_file": "/etc/moodscape/edge.password"}
    (folder / "edge.yaml").write_text(yaml.safe_dump({"device": "pocket-1", "broker": broker}))
    (folder / "edge.password").write_text("theirs\n")
    machine.run("hub")
    assert machine.broker_of("edge") == broker
    assert machine.text("etc/moodscape/edge.password") == "theirs\n"


def test_settings_that_cannot_be_read_are_named_and_kept(machine):
    machine.run("hub")
    settings = machine.root / "etc/moodscape/hub.yaml"
    settings.write_text("broker: {host: a\n")
    before = machine.kept()
    said = machine.run("hub", code=2)
    assert "moodscape: /etc/moodscape/hub.yaml: is not YAML" in said
    assert "Traceback" not in said
    assert machine.told()[-1] == STARTED
    assert machine.kept() == before


def test_programs_whose_python_a_newer_system_has_taken_away_are_made_anew(machine):
    machine.run("hub")
    python = machine.root / "opt/moodscape/venv/bin/python"
    python.unlink()
    python.symlink_to("/usr/bin/python3.older")
    machine.run("hub")
    assert python.is_file()


@pytest.mark.parametrize("call", [["hub"], ["hub", "--broker", "broker.local"]], ids=" ".join)
def test_on_an_installed_hub_a_certificate_is_renewed_by_hand_and_taken_up(machine, call):
    machine.run(*call, "box.local")
    folder, told = machine.root / "etc/moodscape/ca", len(machine.told())
    said = machine.run("hub", "ca", "other.local", program="/usr/local/bin/moodscape")
    assert ca.names_of(folder / "hub.crt") == ["other.local"]
    assert ca.fingerprint_of(folder / "ca.crt").hex(":").upper() in said
    assert (stat.S_IMODE((folder / "hub.key").stat().st_mode), (folder / "hub.key").stat().st_gid) == (0o640, 64_999)
    assert not (machine.root / "var/lib/moodscape").exists()
    here = "--broker" not in call
    assert machine.told()[told:] == ["try-reload-or-restart mosquitto"] * here + ["try-restart moodscape-hub"]
    if here:
        assert machine.text("etc/mosquitto/certs/moodscape.crt") == (folder / "hub.crt").read_text()
