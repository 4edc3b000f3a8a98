"""The broker's settings, tried against a real mosquitto: who may not is refused, and the others are not disturbed."""

import signal
import socket
from contextlib import ExitStack, closing, suppress
from datetime import timedelta

import pytest

from edge.config import Broker
from edge.delivery.connection import try_login
from hub import ca, logins
from hub.ca import prepare
from moments.errors import WorkError
from tests.parts import wait_until
from tests.secured import CONNECTIONS, Client, Secured

pytestmark = pytest.mark.needs("mosquitto")

# paho drops the socket of a handshake that failed without closing it; the next collection of garbage does.
unclosed = pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning")


@pytest.fixture
def broker(tmp_path):
    made = Secured(tmp_path, ("pocket-1", "pocket-2", "homeassistant")).start()
    yield made
    made.kill()


@pytest.fixture
def client(broker):
    """Gives clients of it."""
    with ExitStack() as made:
        yield lambda *args: made.enter_context(closing(Client(broker, *args)))


@pytest.fixture
def undisturbed(client):
    """Tells whether the hub still hears another device, over the connections that they had from the beginning."""
    hub, other = client("hub"), client("pocket-2")
    assert not hub.subscribe("moodscape/v1/+/moment").is_failure
    assert not other.subscribe("moodscape/v1/pocket-2/stored").is_failure

    def still():
        hub.heard.clear()
        other.heard.clear()
        assert not other.publish("moodscape/v1/pocket-2/moment").is_failure
        wait_until(lambda: ("moodscape/v1/pocket-2/moment", b"{}") in hub.heard)
        hub.publish("moodscape/v1/pocket-2/stored")
        wait_until(lambda: other.heard)
        return hub.ended is None and other.ended is None

    return still


def login(broker, **more):
    """Log in as the device does; gives why not."""
    password = broker.folder / "device.password"
    password.write_text(broker.passwords["pocket-1"])
    settings = {"host": "localhost", "port": broker.tls_port, "tls": True, "ca_file": broker.ca / "ca.crt"}
    return try_login("pocket-1", Broker(password_file=password, **settings | more), 5)


def test_a_device_reaches_its_own_topics_and_no_others(client, undisturbed):
    hub, mine = client("hub"), client("pocket-1")
    hub.subscribe("moodscape/v1/+/moment")
    for everything in ("#", "moodscape/v1/#", "moodscape/v1/+/stored", "$share/g/moodscape/v1/+/moment"):
        assert mine.subscribe(everything).is_failure
    assert mine.subscribe("moodscape/v1/pocket-2/config").is_failure
    for own in ("stored", "config", "command"):
        assert not mine.subscribe(f"moodscape/v1/pocket-1/{own}").is_failure
        assert mine.publish(f"moodscape/v1/pocket-1/{own}").is_failure
    for own in ("moment", "status", "health", "reply"):
        assert not mine.publish(f"moodscape/v1/pocket-1/{own}").is_failure
        assert mine.publish(f"moodscape/v1/pocket-2/{own}").is_failure
    assert mine.publish("homeassistant/device/x/config").is_failure
    hub.publish("moodscape/v1/pocket-2/stored")
    hub.publish("moodscape/v1/pocket-1/stored")
    wait_until(lambda: mine.heard and hub.heard)
    assert {topic for topic, _ in mine.heard} == {"moodscape/v1/pocket-1/stored"}
    assert {topic for topic, _ in hub.heard} == {"moodscape/v1/pocket-1/moment"}
    assert undisturbed()


def test_a_device_changes_nobodys_login(client, undisturbed):
    mine = client("pocket-1")
    assert mine.subscribe("$CONTROL/dynamic-security/v1/response").is_failure
    assert mine.publish("$CONTROL/dynamic-security/v1", b'{"commands":[{"command":"listClients"}]}').is_failure
    assert undisturbed()


def test_hubs_share_a_subscription_and_home_assistant_reads_and_commands(client):
    hub, home, mine = client("hub"), client("homeassistant"), client("pocket-1")
    assert not hub.subscribe("$share/hubs/moodscape/v1/+/moment").is_failure
    assert not home.subscribe("homeassistant/+/+/config").is_failure
    assert not home.subscribe("moodscape/v1/pocket-1/status").is_failure
    assert home.subscribe("moodscape/v1/pocket-1/config").is_failure
    mine.subscribe("moodscape/v1/pocket-1/command")
    mine.publish("moodscape/v1/pocket-1/moment")
    mine.publish("moodscape/v1/pocket-1/status")
    hub.publish("homeassistant/device/pocket-1/config")
    home.publish("moodscape/v1/pocket-1/command")
    wait_until(lambda: hub.heard and len(home.heard) == 2 and mine.heard)


@pytest.mark.parametrize(("name", "password"), [("pocket-1", "wrong"), ("stranger", "secret"), ("hub", "wrong")])
def test_who_has_no_password_is_refused(client, undisturbed, name, password):
    assert client(name, password).refused
    assert undisturbed()


def test_without_tls_nobody_gets_in_from_the_network(broker, undisturbed):
    with socket.create_connection(("localhost", broker.tls_port), 5) as plain:
        plain.sendall(b"\x10\x16\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x09pocket-1x")
        with suppress(ConnectionResetError):
            assert b"\x20" not in plain.recv(100)  # no CONNACK: it hangs up
    assert undisturbed()


@unclosed
def test_a_broker_with_a_certificate_of_another_authority_gets_no_password(broker, undisturbed):
    prepare(broker.folder / "other", ["localhost"])
    assert login(broker) is None
    assert "certificate verify failed" in login(broker, ca_file=broker.folder / "other" / "ca.crt")
    assert undisturbed()


@unclosed
@pytest.mark.parametrize(("names", "holds", "why"), [(["box"], 1, "Hostname mismatch"), (["localhost"], -1, "expired")])
def test_a_broker_with_a_certificate_that_has_ended_or_is_anothers_gets_no_password(
    tmp_path, monkeypatch, names, holds, why
):
    broker = Secured(tmp_path, ("pocket-1",))
    monkeypatch.setattr(ca, "_SERVER", timedelta(minutes=holds))
    prepare(broker.ca, names)
    broker.start()
    try:
        assert why in login(broker)
        assert "pocket-1" not in (tmp_path / "mosquitto.log").read_text()
    finally:
        broker.kill()


def test_a_login_that_ends_ends_its_connections_and_lets_in_no_more(broker, client, undisturbed):
    mine = client("pocket-1")
    assert logins.end(broker.settings, "pocket-1")
    wait_until(lambda: mine.ended)
    assert client("pocket-1").refused
    assert not logins.end(broker.settings, "pocket-1")
    assert undisturbed()


def test_a_login_that_is_renewed_takes_its_new_password_alone(broker, client, undisturbed):
    mine = client("pocket-1")
    logins.put(broker.settings, "pocket-1", "another")
    wait_until(lambda: mine.ended)
    assert client("pocket-1").refused
    assert not client("pocket-1", "another").refused
    assert undisturbed()


def test_a_renewed_certificate_is_taken_up_by_a_signal_and_ends_no_connection(broker, undisturbed):
    def shown():
        plain = socket.create_connection(("localhost", broker.tls_port), 5)
        with broker.trust().wrap_socket(plain, server_hostname="localhost") as tls:
            return tls.getpeercert()["serialNumber"]

    before = shown()
    prepare(broker.ca, ["localhost"])
    broker.process.send_signal(signal.SIGHUP)
    wait_until(lambda: shown() != before)
    assert undisturbed()


def test_logins_outlive_the_broker(broker, client):
    logins.put(broker.settings, "pocket-3", "secret")
    logins.end(broker.settings, "pocket-2")
    broker.process.kill()
    broker.process.wait()
    broker.start()
    assert not client("pocket-3", "secret").refused
    assert client("pocket-2").refused


def test_only_the_hub_changes_logins(broker):
    mine = broker.settings.model_copy(update={"user": "pocket-1", "password_file": broker.folder / "mine"})
    (broker.folder / "mine").write_text(broker.passwords["pocket-1"])
    with pytest.raises(WorkError, match=r"change no logins \(Not authorized\)"):
        logins.put(mine, "pocket-9", "secret")


def test_a_huge_message_ends_the_connection_that_it_comes_by(client, undisturbed):
    mine = client("pocket-1")
    assert not mine.publish("moodscape/v1/pocket-1/moment", b"x" * 250_000).is_failure
    mine.send("moodscape/v1/pocket-1/moment", b"x" * 300_000)
    wait_until(lambda: mine.ended)
    assert undisturbed()


@unclosed
def test_a_flood_of_connections_is_cut_off_and_leaves_the_others_theirs(broker, client, undisturbed):
    with ExitStack() as flood:
        opened = [
            flood.enter_context(socket.create_connection(("localhost", broker.tls_port), 5))
            for _ in range(3 * CONNECTIONS)
        ]
        opened[-1].settimeout(10)
        assert opened[-1].recv(1) == b"", "the broker hangs up"
        assert undisturbed()
        assert not client("hub").refused
    wait_until(lambda: login(broker) is None)


def test_a_flood_of_messages_holds_nobody_up(client, undisturbed):
    mine = client("pocket-1")
    for _ in range(10):
        for n in range(1000):
            mine.send("moodscape/v1/pocket-1/moment" if n % 2 else "moodscape/v1/pocket-2/moment", b"x" * 1000, qos=0)
        assert undisturbed()
