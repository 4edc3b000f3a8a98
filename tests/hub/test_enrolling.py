"""Codes that let a device in once, against a real broker."""

import base64
import secrets

import pytest
from sqlalchemy.exc import OperationalError

from hub import ca, tokens
from hub.api import enrol as enrol_call
from hub.api.app import create_app
from hub.api.limits import Buckets
from hub.config import Enrol, Http, Settings
from hub.enrolling import HOLDS, Enrolling
from hub.stores import enrolments
from hub.stores.store import now_ms
from moments.enrolment import PATH
from moments.errors import UserError, WorkError
from tests.hub.conftest import serving
from tests.hub.moments import make
from tests.secured import Client, Secured

pytestmark = pytest.mark.needs("mosquitto")


@pytest.fixture
def broker(tmp_path):
    made = Secured(tmp_path, ("pocket-2",)).start()
    yield made
    made.kill()


@pytest.fixture
def settings(broker):
    served = Http(port=8443, cert_file=broker.ca / "hub.crt", key_file=broker.ca / "hub.key")
    return Settings(http=served, broker=broker.settings, enrol=Enrol(broker=f"localhost:{broker.tls_port}"))


@pytest.fixture
def enrolling(store, settings):
    return Enrolling(store, settings)


def refused(broker, name, password):
    client = Client(broker, name, password)
    client.close()
    return client.refused


def test_a_code_names_hub_and_authority_and_brings_credentials_once(store, broker, enrolling):
    code = enrolling.offer("pocket-1")
    assert code.hub == "localhost:8443"
    kept = b"".join(file.read_bytes() for file in store.path.parent.glob("hub.db*"))
    assert b"pocket-1" in kept
    assert code.secret not in kept
    brought = enrolling.redeem(code.secret)
    assert (brought.device, brought.broker) == ("pocket-1", f"localhost:{broker.tls_port}")
    assert len(brought.client_id) >= len("pocket-1-") + 16
    assert not refused(broker, "pocket-1", brought.password)
    assert tokens.look_up(store, brought.token) == tokens.Access("upload", "pocket-1")
    assert enrolling.redeem(code.secret) is None
    assert not refused(broker, "pocket-1", brought.password)


def test_where_the_hub_reaches_the_broker_by_tls_devices_are_sent_there(store, broker, settings):
    there = settings.model_copy(update={"broker": broker.by_tls, "enrol": Enrol(hub="box.local:8443")})
    enrolling = Enrolling(store, there)
    brought = enrolling.redeem(enrolling.offer("pocket-1").secret)
    assert (brought.hub, brought.broker) == ("box.local:8443", f"localhost:{broker.tls_port}")
    assert not refused(broker, "pocket-1", brought.password)


@pytest.mark.parametrize("other", ["none", "another"])
def test_no_code_sends_a_device_to_a_broker_that_it_would_not_believe(store, broker, settings, other):
    ca.prepare(broker.folder / "another", ["localhost"])
    trusted = {"none": None, "another": broker.folder / "another" / "ca.crt"}[other]
    wrong = settings.model_copy(
        update={"broker": broker.by_tls.model_copy(update={"ca_file": trusted}), "enrol": Enrol()}
    )
    with pytest.raises(UserError, match="devices trust the hub's authority alone"):
        Enrolling(store, wrong).offer("pocket-1")


def test_no_device_ends_anothers_session_by_guessing_its_name(broker, enrolling):
    brought = enrolling.redeem(enrolling.offer("pocket-1").secret)
    mine = Client(broker, "pocket-1", brought.password, brought.client_id)
    others = [Client(broker, "pocket-2", None, guess) for guess in ("pocket-1", "pocket-1-0000000000000000")]
    assert not mine.publish("moodscape/v1/pocket-1/status").is_failure
    assert mine.ended is None
    for client in (mine, *others):
        client.close()


def test_a_code_that_has_ended_or_was_never_made_brings_nothing(enrolling, monkeypatch):
    code = enrolling.offer("pocket-1")
    monkeypatch.setattr("hub.enrolling.now_ms", lambda: now_ms() + HOLDS.seconds * 1000 + 1)
    assert enrolling.redeem(code.secret) is None
    monkeypatch.undo()
    assert enrolling.redeem(code.secret) is None
    assert enrolling.redeem(secrets.token_bytes(16)) is None


def test_a_second_code_ends_the_first_and_using_it_renews_what_the_device_has(store, broker, enrolling):
    before = enrolling.redeem(enrolling.offer("pocket-1").secret)
    first, second = enrolling.offer("pocket-1"), enrolling.offer("pocket-1")
    assert not refused(broker, "pocket-1", before.password), "what it has is good until the code is used"
    assert enrolling.redeem(first.secret) is None
    after = enrolling.redeem(second.secret)
    assert refused(broker, "pocket-1", before.password)
    assert not refused(broker, "pocket-1", after.password)
    assert tokens.look_up(store, before.token) is None
    assert tokens.look_up(store, after.token)
    assert not refused(broker, "pocket-2", broker.passwords["pocket-2"])


def test_a_device_that_is_revoked_is_let_in_nowhere(store, broker, enrolling):
    brought = enrolling.redeem(enrolling.offer("pocket-1").secret)
    code = enrolling.offer("pocket-1")
    assert enrolling.revoke("pocket-1")
    assert refused(broker, "pocket-1", brought.password)
    assert tokens.look_up(store, brought.token) is None
    assert enrolling.redeem(code.secret) is None
    assert not enrolling.revoke("pocket-1")
    assert not refused(broker, "pocket-2", broker.passwords["pocket-2"])


def test_while_the_broker_is_away_a_code_stays_good(broker, enrolling):
    code = enrolling.offer("pocket-1")
    broker.process.kill()
    broker.process.wait()
    with pytest.raises(WorkError, match="cannot be reached"):
        enrolling.redeem(code.secret)
    with pytest.raises(WorkError, match="cannot be reached"):
        enrolling.offer("pocket-3")
    broker.start()
    assert enrolling.redeem(code.secret).device == "pocket-1"


def test_what_the_store_refuses_ends_nothing_and_leaves_the_code_good(store, broker, enrolling, monkeypatch):
    before = enrolling.redeem(enrolling.offer("pocket-1").secret)
    code = enrolling.offer("pocket-1")
    with monkeypatch.context() as full:
        full.setattr(tokens, "make", fails)
        with pytest.raises(OperationalError):
            enrolling.redeem(code.secret)
    assert not refused(broker, "pocket-1", before.password)
    assert tokens.look_up(store, before.token)
    assert enrolling.redeem(code.secret).device == "pocket-1"


def test_a_code_is_good_until_all_that_it_ends_has_ended(store, enrolling, monkeypatch):
    before = enrolling.redeem(enrolling.offer("pocket-1").secret)
    code = enrolling.offer("pocket-1")
    with monkeypatch.context() as full:
        full.setattr(tokens, "revoke", fails)
        with pytest.raises(OperationalError):
            enrolling.redeem(code.secret)
    after = enrolling.redeem(code.secret)
    assert tokens.look_up(store, before.token) is None
    assert tokens.look_up(store, after.token) == tokens.Access("upload", "pocket-1")
    assert len(tokens.listed(store)) == 1


def fails(*_args):
    raise OperationalError("", None, Exception("database or disk is full"))


@pytest.mark.parametrize("name", ["hub", "homeassistant", "a/b", "+", ""])
def test_what_is_no_device_is_not_enrolled_and_not_revoked(enrolling, name):
    with pytest.raises(UserError):
        enrolling.offer(name)
    with pytest.raises(UserError):
        enrolling.revoke(name)


def test_the_login_that_the_hub_uses_is_no_device(store, settings):
    settings = settings.model_copy(update={"broker": settings.broker.model_copy(update={"user": "house"})})
    with pytest.raises(UserError, match="a login of the hub's own"):
        Enrolling(store, settings).offer("house")
    with pytest.raises(UserError, match="a login of the hub's own"):
        Enrolling(store, settings).revoke("house")


def test_a_hub_without_a_certificate_says_how_to_make_one(store):
    with pytest.raises(UserError, match="moodscape hub ca"):
        Enrolling(store, Settings()).offer("pocket-1")


@pytest.fixture
def calls(store, broker, enrolling):
    """Calls of a hub that serves HTTPS and wants tokens."""
    with serving(create_app(store, tokenless=False, enrolling=enrolling), broker.ca) as made:
        yield made


def said(secret):
    return {"secret": base64.urlsafe_b64encode(secret).rstrip(b"=").decode()}


def test_the_call_takes_a_code_without_a_token_and_once(calls, enrolling):
    code = enrolling.offer("pocket-1")
    assert calls.post(PATH, json={"secret": "x"}).status_code == 422
    answer = calls.post(PATH, json=said(code.secret))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["device"] == "pocket-1"
    again = calls.post(PATH, json=said(code.secret))
    assert again.status_code == 403
    assert "was used" in again.json()["detail"]


def test_a_hub_without_https_takes_no_code(store, enrolling):
    code = enrolling.offer("pocket-1")
    with serving(create_app(store, tokenless=False, enrolling=enrolling)) as plain:
        assert plain.post(PATH, json=said(code.secret)).status_code == 404
    assert enrolling.redeem(code.secret)


def test_who_guesses_codes_is_held_back(calls, monkeypatch):
    monkeypatch.setattr(enrol_call, "_wrong", Buckets(1, 3))
    answers = [calls.post(PATH, json=said(secrets.token_bytes(16))).status_code for _ in range(4)]
    assert answers == [403, 403, 403, 429]


def test_a_devices_token_sends_its_clips_and_does_nothing_else(store, calls, enrolling):
    brought = enrolling.redeem(enrolling.offer("pocket-1").secret)
    moment = make(device="pocket-1")
    store.take([moment])
    calls.headers["Authorization"] = f"Bearer {brought.token}"
    clip = f"/api/clips/{'0' * 64}"
    assert calls.head(clip).status_code == 404
    sound = {"content": b"no such sound", "headers": {"Content-Type": "audio/flac"}}
    assert calls.put(clip, **sound).status_code == 422, "it is looked at, and its hash is wrong"
    assert calls.put(f"{clip}?device=pocket-2", **sound).json()["field"] == "device"
    for path in ("/api/moments", f"/api/moments/{moment.id}", "/api/devices", clip, "/api/export", "/metrics"):
        assert calls.get(path).status_code == 403
    assert calls.delete(f"/api/moments/{moment.id}").status_code == 403
    assert calls.post("/api/devices/pocket-1/command", json={"do": "ping"}).status_code == 403


def test_of_a_code_the_store_keeps_no_more_than_a_hash_and_no_export_shows_it(store, enrolling):
    from hub.stores import whole

    code = enrolling.offer("pocket-1")
    with store.reading() as connection:
        (row,) = connection.execute(enrolments.enrolments.select()).all()
        assert not [line for line in whole.lines(connection) if b"pocket-1" in line]
    assert code.secret not in row.digest
