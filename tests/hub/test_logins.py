"""`moodscape hub login`: logins at the broker by hand, while it runs and in its file while it does not."""

import json
import stat
import subprocess
from contextlib import contextmanager

import paho.mqtt.client as mqtt
import pytest

from hub import logins
from moodscape.cli import main
from tests.parts import program
from tests.secured import Client, Secured

STATUS = "moodscape/v1/pocket-1/status"
LISTENING = b'{"state":"listening","since":"2026-05-22T09:32:10.250+09:00"}'
OFFLINE = b'{"state": "offline", "since": null}'


def login(*words):
    return main(["hub", "login", *words])


def refused(broker, name, password):
    client = Client(broker, name, password)
    client.close()
    return client.refused


@pytest.mark.needs("mosquitto")
def test_a_password_is_printed_once_and_lets_in_until_it_is_renewed(tmp_path, capsys):
    broker = Secured(tmp_path).start()
    try:
        told = [f"broker.port={broker.port}", "broker.user=hub", f"broker.password_file={tmp_path / 'hub.password'}"]
        told = [word for setting in told for word in ("--set", setting)]
        passwords = []
        for _ in range(2):
            assert login("homeassistant", *told) == 0
            passwords.append(capsys.readouterr().out.strip())
        assert refused(broker, "homeassistant", passwords[0])
        assert not refused(broker, "homeassistant", passwords[1])
        assert login(*told) == 2
        assert "say whose login" in capsys.readouterr().err
        (tmp_path / "hub.password").write_text("wrong")
        assert login("pocket-1", *told) == 1
        assert "Not authorized" in capsys.readouterr().err
    finally:
        broker.kill()


@pytest.mark.needs("mosquitto")
def test_the_hubs_own_login_is_left_alone_while_the_broker_runs(tmp_path, capsys):
    broker = Secured(tmp_path).start()
    try:
        told = [f"broker.port={broker.port}", "broker.user=hub", f"broker.password_file={tmp_path / 'hub.password'}"]
        assert login("hub", *(word for setting in told for word in ("--set", setting))) == 2
        assert "stop the broker and use `moodscape hub login hub --file FILE`" in capsys.readouterr().err
        assert not refused(broker, "hub", broker.passwords["hub"])
    finally:
        broker.kill()


@pytest.fixture
def broker(tmp_path):
    made = Secured(tmp_path, ("pocket-1",))
    yield made
    made.kill()


@contextmanager
def saying(broker, status):
    """A device that is connected, and said so."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, reconnect_on_failure=False)
    client.username_pw_set("pocket-1", broker.passwords["pocket-1"])
    client.tls_set_context(broker.trust())
    client.will_set(STATUS, OFFLINE, 1, retain=True)
    client.connect("localhost", broker.tls_port)
    client.loop_start()
    client.publish(STATUS, status, 1, retain=True).wait_for_publish(10)
    try:
        yield
    finally:
        client.loop_stop()


def retained(broker):
    """What the broker tells of the device's status to who comes anew."""
    hub = Client(broker, "hub")
    hub.subscribe(STATUS)
    hub.subscribe("moodscape/v1/+/moment")  # answered after what is retained
    hub.close()
    return [payload for _, payload in hub.heard]


ENDS = {
    "revoked": lambda broker: logins.end(broker.settings, "pocket-1"),
    "renewed": lambda broker: logins.put(broker.settings, "pocket-1", "another"),
}


@pytest.mark.needs("mosquitto")
@pytest.mark.parametrize("how", ENDS)
def test_a_device_whose_login_ends_is_offline_at_once(broker, how):
    broker.start()
    with saying(broker, LISTENING):
        ENDS[how](broker)
        assert retained(broker) == [OFFLINE]


@pytest.mark.needs("mosquitto")
@pytest.mark.parametrize("how", ENDS)
def test_of_a_device_that_said_nothing_or_was_offline_nothing_is_said(broker, how):
    broker.start()
    ENDS[how](broker)
    assert retained(broker) == []
    logins.put(broker.settings, "pocket-1", broker.passwords["pocket-1"])
    left = LISTENING.replace(b"listening", b"offline")
    with saying(broker, left):
        ENDS[how](broker)
        assert retained(broker) == [left]


@pytest.mark.needs("mosquitto")
def test_a_hub_whose_role_is_older_ends_logins_all_the_same(broker):
    file = broker.folder / "logins.json"
    older = json.loads(file.read_text())
    for role in older["roles"]:
        role["acls"] = [acl for acl in role["acls"] if acl["topic"] != "moodscape/v1/+/status"]
    file.write_text(json.dumps(older))
    broker.start()
    with saying(broker, LISTENING):
        assert logins.end(broker.settings, "pocket-1")
    assert refused(broker, "pocket-1", broker.passwords["pocket-1"])


@pytest.mark.needs("mosquitto")
def test_the_logins_of_a_password_file_go_on_in_a_file_of_the_broker(tmp_path, capsys):
    broker = Secured(tmp_path)
    passwords = tmp_path / "passwd"
    passwords.write_text("pocket-1:by-hand\nhub:older\n")
    passwords.chmod(0o600)
    subprocess.run([program("mosquitto_passwd"), "-U", str(passwords)], check=True)
    file = tmp_path / "logins.json"
    assert login("--file", str(file), "--take-over", str(passwords)) == 0
    assert login("pocket-2", "--file", str(file)) == 0
    told = capsys.readouterr().out.strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    broker.start()
    try:
        assert not refused(broker, "pocket-1", "by-hand")
        assert not refused(broker, "pocket-2", told)
        assert not refused(broker, "hub", broker.passwords["hub"]), "a login that it has is not replaced"
    finally:
        broker.kill()


def test_a_file_is_brought_up_to_date_and_otherwise_left(tmp_path, capsys):
    file = tmp_path / "logins.json"
    assert login("pocket-1", "--file", str(file)) == 0
    before = json.loads(file.read_text())
    stale = before | {"roles": [{"rolename": "pocket-1", "acls": []}]}
    file.write_text(json.dumps(stale))
    assert login("--file", str(file)) == 0
    assert json.loads(file.read_text()) == before
    assert capsys.readouterr().out.count("\n") == 1, "a password is told where one is made"


@pytest.mark.parametrize(
    ("content", "passwords", "why"),
    [
        ("{", None, "no broker's file of logins"),
        ("", "a:plain\n", "is not as mosquitto 2 keeps it"),
        ("", "a/b:$7$101$c2FsdA==$aGFzaA==\n", "names no device"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, capsys, content, passwords, why):
    file, other = tmp_path / "logins.json", tmp_path / "passwd"
    if content:
        file.write_text(content)
    words = ["--file", str(file)]
    if passwords:
        other.write_text(passwords)
        words += ["--take-over", str(other)]
    assert login(*words) == 2
    assert why in capsys.readouterr().err


def test_a_password_has_256_random_bits():
    made = [logins.new_password() for _ in range(2)]
    assert made[0] != made[1]
    assert all(len(password) >= 43 for password in made), "6 bits a letter"


def test_a_device_reaches_what_is_its_own():
    for acl in logins.up_to_date(logins.write_into(logins.first_file(), "pocket-1", "x"))["roles"][0]["acls"]:
        assert acl["topic"].split("/")[-2] == "pocket-1"
