"""A hub whose broker is on another machine reaches it over TLS, and tells its password to no other."""

import logging
from contextlib import contextmanager
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import func, select

from hub import ca, logins
from hub.broker import authenticate
from hub.config import Broker
from hub.ingest.connection import Connection
from hub.ingest.subscriber import Subscriber
from hub.metrics import Metrics
from hub.stores.tables import moments
from moments.errors import UserError, WorkError
from tests.hub.moments import make
from tests.parts import wait_until
from tests.secured import Client, Secured

# paho drops the socket of a handshake that failed without closing it; the next collection of garbage does.
unclosed = pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning")
pytestmark = pytest.mark.needs("mosquitto")


@pytest.fixture
def broker(tmp_path):
    made = Secured(tmp_path, ("pocket-1",)).start()
    yield made
    made.kill()


@contextmanager
def subscribed(settings, store):
    made = Subscriber(settings, store, Metrics())
    made.metrics = made._metrics
    made.start()
    try:
        yield made
    finally:
        made.close()


def connected(hub):
    return hub.metrics.value("moodscape_broker_connected") == 1


def own_certificate(folder):
    """Write a certificate for a client, signed by the broker's authority, and its key."""
    authority, key = ca.open_authority(folder), ec.generate_private_key(ec.SECP256R1())
    begun = ca._begun("hub", key, authority.certificate.subject, timedelta(days=1))
    uses = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH])
    made = begun.add_extension(uses, critical=False).sign(authority.key, hashes.SHA256())
    ca.write_whole(folder / "own.key", ca._pem(key), 0o600)
    ca.write_whole(folder / "own.crt", made.public_bytes(ca.serialization.Encoding.PEM), 0o644)
    return {"cert_file": folder / "own.crt", "key_file": folder / "own.key"}


def test_moments_come_and_are_answered_over_tls_also_more_at_once_than_is_read_at_once(broker, store):
    with subscribed(broker.by_tls, store) as hub:
        wait_until(lambda: connected(hub))
        device = Client(broker, "pocket-1")
        device.subscribe("moodscape/v1/pocket-1/stored")
        sent = [make(device="pocket-1") for _ in range(1500)]
        for moment in sent:
            device.send("moodscape/v1/pocket-1/moment", moment.to_json())
        wait_until(lambda: hub.metrics.value("moodscape_moments_stored_total") == len(sent), 60)
        wait_until(lambda: sum(body.count(b"-") // 4 for _, body in device.heard) == len(sent), 60)
        device.close()
    with store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(moments)).scalar_one() == len(sent)


def test_the_hub_comes_back_by_tls_after_the_broker_was_killed(broker, store):
    with subscribed(broker.by_tls, store) as hub:
        wait_until(lambda: connected(hub))
        broker.process.kill()
        broker.process.wait()
        wait_until(lambda: not connected(hub))
        broker.start()
        wait_until(lambda: connected(hub))


@unclosed
@pytest.mark.parametrize(
    ("names", "change", "why"),
    [
        (["localhost"], {"ca_file": "other/ca.crt"}, "certificate verify failed"),
        (["localhost"], {"ca_file": None}, "certificate verify failed"),
        (["box"], {}, "Hostname mismatch"),
    ],
)
def test_a_broker_that_is_another_gets_no_password_and_the_log_says_why(tmp_path, store, caplog, names, change, why):
    broker = Secured(tmp_path, ())
    ca.prepare(broker.ca, names)
    ca.prepare(tmp_path / "other", ["localhost"])
    broker.start()
    wrong = {name: path and tmp_path / path for name, path in change.items()}
    try:
        with caplog.at_level(logging.WARNING), subscribed(broker.by_tls.model_copy(update=wrong), store) as hub:
            said = wait_until(lambda: [r for r in caplog.records if "the broker does not answer" in r.message])
            assert why in said[0].reason
            assert not connected(hub)
        assert "hub" not in (tmp_path / "mosquitto.log").read_text().replace("moodscape-hub", "")
        with pytest.raises(WorkError, match=why):
            logins.reach_broker(broker.by_tls.model_copy(update=wrong))
    finally:
        broker.kill()


def test_where_the_broker_asks_for_it_the_hub_shows_a_certificate_of_its_own(tmp_path, store, monkeypatch):
    broker = Secured(tmp_path, ())
    broker.more = "require_certificate true\n"
    own = own_certificate(broker.ca)
    broker.start()
    try:
        with subscribed(broker.by_tls.model_copy(update=own), store) as hub:
            wait_until(lambda: connected(hub))
        monkeypatch.setattr(logins, "_WAIT_S", 0.5)
        with pytest.raises(WorkError, match=r"does not answer|cannot be reached"):
            logins.reach_broker(broker.by_tls)
        wait_until(lambda: "peer did not return a certificate" in (tmp_path / "mosquitto.log").read_text())
    finally:
        broker.kill()


@pytest.mark.parametrize(("days", "told"), [(29, [28]), (31, [])])
def test_the_log_tells_of_a_brokers_certificate_that_ends_soon(tmp_path, store, caplog, monkeypatch, days, told):
    broker = Secured(tmp_path, ())
    monkeypatch.setattr(ca, "_SERVER", timedelta(days=days))
    ca.prepare(broker.ca, ["localhost"])
    broker.start()
    try:
        with caplog.at_level(logging.INFO), subscribed(broker.by_tls, store):
            wait_until(lambda: "connected to the broker" in caplog.messages)
    finally:
        broker.kill()
    assert [record.days_left for record in caplog.records if "certificate ends soon" in record.message] == told


def test_logins_are_changed_over_tls(broker):
    logins.put(broker.by_tls, "pocket-3", "secret")
    client = Client(broker, "pocket-3", "secret")
    assert not client.refused
    client.close()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"ca_file": "no.crt"}, "broker: TLS with ca_file .*no.crt does not work: .*No such file"),
        ({"ca_file": "empty"}, "broker: TLS with ca_file .*empty does not work: "),
        ({"cert_file": "hub.crt", "key_file": "ca.key"}, "key_file .*ca.key does not work: .*mismatch"),
    ],
)
def test_files_that_cannot_be_used_are_named(tmp_path, settings, why):
    ca.prepare(tmp_path, ["localhost"])
    (tmp_path / "empty").touch()
    given = {name: tmp_path / value for name, value in settings.items()}
    client = Connection(CallbackAPIVersion.VERSION2)
    with pytest.raises(UserError, match=why):
        authenticate(client, Broker(tls=True, **given))
