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
    (left,) = (machine.root / "etc/moodscape").glob("*.password*")
    assert (left.name, stat.S_IMODE(left.stat().st_mode)) == ("hub.password.new", 0o600)
    machine.run("hub")
    assert machine.lets_in("hub")


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


_THEIRS = {"user": "theirs", "password_file": "there is one"}


@pytest.mark.parametrize("program", ["edge", "hub"])
@pytest.mark.parametrize(
    "broker",
    [
        _THEIRS | {"tls": True, "host": "localhost", "port": 8883},
        _THEIRS | {"tls": False, "host": "192.0.2.7"},
        _THEIRS | {"host": "localhost", "port": 1884, "client_id": "theirs-1"},
        {"host": "192.0.2.7", "user": None, "password_file": None, "client_id": "moodscape-hub"},
    ],
    ids=["TLS", "LAN", "port", "anonymous"],
)
def test_a_program_whose_broker_is_not_the_installers_keeps_its_login(machine, program, broker):
    folder = machine.root / "etc/moodscape"
    folder.mkdir()
    if broker["password_file"]:
        broker = broker | {"password_file": f"/etc/moodscape/{program}.password"}
    settings = {"broker": broker} | ({"device": "theirs"} if program == "edge" else {})
    (folder / f"{program}.yaml").write_text(yaml.safe_dump(settings, indent=4))
    (folder / f"{program}.password").write_text("theirs\n")
    said = machine.run("hub")
    assert f"left the broker alone that /etc/moodscape/{program}.yaml names" in said
    assert yaml.safe_load(machine.text(f"etc/moodscape/{program}.yaml")) == settings
    assert machine.text(f"etc/moodscape/{program}.password") == "theirs\n"


def test_a_hub_whose_broker_is_not_the_installers_is_opened_and_the_broker_here_left_alone(machine):
    (machine.root / "etc/moodscape").mkdir()
    (machine.root / "etc/moodscape/hub.yaml").write_text("broker: {port: 1884}\n")
    machine.run("hub", "box.local")
    assert machine.text("etc/moodscape/ca/hub.crt")
    assert not [line for line in machine.told() if "mosquitto" in line]
    assert not [file for file in (machine.root / "etc/mosquitto").rglob("*") if file.is_file()]


def test_settings_that_name_another_broker_are_not_set_to_one_elsewhere(machine):
    folder = machine.root / "etc/moodscape"
    folder.mkdir()
    (folder / "hub.yaml").write_text("broker: {host: mine.example, tls: true, password_file: /etc/moodscape/mine}\n")
    said = machine.run("hub", "--broker", "broker.local", "box.local", code=1)
    assert "/etc/moodscape/hub.yaml names another broker" in said
    assert machine.broker_of("hub")["host"] == "mine.example"
    (folder / "hub.yaml").write_text("")
    machine.run("hub", "--broker", "broker.local", "box.local")
    assert machine.broker_of("hub")["host"] == "broker.local"


@pytest.mark.parametrize("known", [True, False])
def test_a_device_without_a_user_logs_in_by_its_id_and_keeps_it(machine, known):
    machine.run("both")
    device = "box" if known else "pocket-1"
    settings = {"device": device, "broker": {"password_file": "/etc/moodscape/edge.password"}}
    (machine.root / "etc/moodscape/edge.yaml").write_text(yaml.safe_dump(settings))
    machine.run("both")
    after = yaml.safe_load(machine.text("etc/moodscape/edge.yaml"))
    assert after["device"] == device
    if known:
        assert after == settings
    else:
        assert after["broker"]["user"] == device
        assert machine.lets_in("edge")


def test_a_password_is_kept_until_the_new_one_is_in_place(machine):
    machine.run("hub")
    (machine.root / "var/lib/mosquitto/moodscape/logins.json").unlink()
    before = machine.text("etc/moodscape/hub.password")
    machine.cut("hub", at="*broker.user=hub*")
    assert machine.text("etc/moodscape/hub.password") == before
    machine.run("hub")
    assert machine.text("etc/moodscape/hub.password") != before
    assert machine.lets_in("hub")


@pytest.mark.parametrize("program", ["edge", "hub"])
def test_settings_that_cannot_be_read_are_named_and_kept(machine, program):
    machine.run("both")
    (machine.root / f"etc/moodscape/{program}.yaml").write_text("broker: {host: a\n")
    before = machine.kept()
    said = machine.run("hub", code=2)
    assert f"moodscape: /etc/moodscape/{program}.yaml: is not YAML" in said
    assert "Traceback" not in said
    assert machine.told().count(STARTED) == machine.told().count(STOPPED)
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


_PAIR = (("cert", "crt"), ("key", "key"))


@pytest.mark.parametrize("cut", [None, "mv *ca.crt", "*http.cert_file=*"])
def test_a_hub_is_opened_with_the_authority_and_the_port_that_an_older_version_gave_it(machine, cut):
    machine.run("hub")
    older, settings = machine.root / "var/lib/moodscape/ca", machine.root / "etc/moodscape/hub.yaml"
    ca.prepare(older, ["box.local"])
    served = {f"{kind}_file": f"/var/lib/moodscape/ca/hub.{end}" for kind, end in _PAIR}
    served |= {"host": "0.0.0.0", "port": 8080, "open_on_loopback": False}  # noqa: S104 as it is set
    settings.write_text(yaml.safe_dump(yaml.safe_load(settings.read_text()) | {"http": served}))
    if cut:
        machine.cut("hub", "box.local", at=cut)
    machine.run("hub", "box.local")
    folder = machine.root / "etc/moodscape/ca"
    assert (folder / "ca.crt").read_bytes() == (older / "ca.crt").read_bytes()
    assert ca.open_authority(folder)
    modes = {name: stat.S_IMODE((folder / name).stat().st_mode) for name in ("ca.key", "ca.crt")}
    assert modes == {"ca.key": 0o600, "ca.crt": 0o644}
    http = yaml.safe_load(settings.read_text())["http"]
    assert http == served | {f"{kind}_file": f"/etc/moodscape/ca/hub.{end}" for kind, end in _PAIR}
