"""What a device makes of a code, against a server that stands for a hub; tests/e2e/test_enrol.py has a real one."""

import base64
import errno
import hashlib
import json
import os
import ssl
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from configs import shipped
from edge.care.enrol import enrol
from edge.config import load
from hub.ca import prepare
from moments.enrolment import PATH, Code
from moments.errors import UserError, WorkError
from tests.parts import free_port

SECRET = bytes(range(16))
CREDENTIALS = {
    "device": "pocket-1",
    "broker": "hub.local:8883",
    "client_id": "pocket-1-0011223344556677",
    "password": "p" * 43,
    "hub": "hub.local:8443",
    "token": "mood_" + "t" * 43,
}


class Door:
    """Serves HTTPS with a certificate for `name`; shows the authority's certificate, and notes what it is told."""

    def __init__(self, folder, name="localhost"):
        self.shown = self.fingerprint = None
        self.said, self.answer = [], (200, json.dumps(CREDENTIALS))
        authority, _, _ = prepare(folder, [name])
        self.fingerprint = bytes.fromhex(authority.fingerprint)
        self.shown = (folder / "ca.crt").read_bytes()
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self._give(200, door.shown)

            def do_POST(self):
                door.said.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
                self._give(door.answer[0], door.answer[1].encode())

            def _give(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # a device that hangs up is what is tested

        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(folder / "hub.crt", folder / "hub.key")
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.code = self.code_of(self.fingerprint)

    def code_of(self, fingerprint):
        return Code(f"localhost:{self._server.server_port}", fingerprint, SECRET).text()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def door(tmp_path):
    made = Door(tmp_path / "ca")
    yield made
    made.close()


@pytest.fixture
def mine(tmp_path):
    """Settings that the owner wrote, and that a group may read."""
    path = tmp_path / "device" / "edge.yaml"
    path.parent.mkdir()
    path.write_text("# mine\ngps:\n  round_m: 100  # coarse\nbroker: {host: old, user: someone}\n")
    path.chmod(0o640)
    return path


def test_settings_are_set_and_what_the_owner_wrote_stays(door, mine):
    brought = enrol(f" {door.code}\n", mine)
    assert brought.device == "pocket-1"
    secret = base64.urlsafe_b64encode(SECRET).rstrip(b"=").decode()
    assert door.said == [(PATH, {"secret": secret})]
    assert "# mine\n" in mine.read_text()
    config = load(mine)
    assert config.gps.round_m == 100
    broker, clips = config.broker, config.clips
    assert (broker.host, broker.port, broker.tls, broker.user) == ("hub.local", 8883, True, "pocket-1")
    assert broker.client_id == CREDENTIALS["client_id"]
    assert broker.password_file.read_text().strip() == CREDENTIALS["password"]
    assert clips.token_file.read_text().strip() == CREDENTIALS["token"]
    assert clips.hub == "https://hub.local:8443"
    assert not clips.enabled, "being let in switches no recording on"
    der = ssl.PEM_cert_to_DER_cert(broker.ca_file.read_text())
    assert hashlib.sha256(der).digest() == door.fingerprint
    assert {stat.S_IMODE(file.stat().st_mode) for file in mine.parent.iterdir()} == {0o640}


def test_settings_that_are_not_there_are_made_for_their_owner_alone(door, tmp_path):
    mine = tmp_path / "new" / "edge.yaml"
    enrol(door.code, mine)
    assert load(mine).broker.host == "hub.local"
    assert "the device does not know the time" in mine.read_text(), "with what the shipped ones explain"
    assert {stat.S_IMODE(file.stat().st_mode) for file in mine.parent.iterdir()} == {0o600}


def test_what_a_code_brought_survives_a_power_cut_with_its_names(door, mine, synced):
    enrol(door.code, mine)
    assert synced[-1] == ["edge.ca.crt", "edge.password", "edge.token", "edge.yaml"]
    assert len(synced) == 5, "each of them, and the trial before the code was used up"


def test_who_is_not_the_hub_of_the_code_is_told_nothing(door, mine, tmp_path):
    before = mine.read_text()
    with pytest.raises(WorkError, match="is not the hub that made this code"):
        enrol(door.code_of(bytes(32)), mine)
    real, _, _ = prepare(tmp_path / "real", ["localhost"])
    code, own = door.code_of(bytes.fromhex(real.fingerprint)), door.shown
    door.shown = (tmp_path / "real" / "ca.crt").read_bytes()  # which anybody may fetch
    with pytest.raises(WorkError, match="certificate that is not to be trusted"):
        enrol(code, mine)
    door.shown += own
    with pytest.raises(WorkError, match=r"not to be trusted|is not the hub that made this code"):
        enrol(code, mine)
    assert door.said == []
    assert mine.read_text() == before
    assert list(mine.parent.iterdir()) == [mine]


def test_a_hub_whose_certificate_is_for_another_name_is_told_nothing(tmp_path, mine):
    door = Door(tmp_path / "box", "box.local")
    try:
        with pytest.raises(WorkError, match="not to be trusted: Hostname mismatch"):
            enrol(door.code, mine)
    finally:
        door.close()
    assert door.said == []


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (403, '{"detail": "This code was used."}', "This code was used"),
        (500, "oops", "it answers 500"),
        (503, '{"detail": 1}', "does not let this device in: 1"),
        (200, "{}", "credentials that cannot be used"),
        (200, json.dumps(CREDENTIALS | {"device": "../etc"}), r"cannot be used \(device\)"),
        (200, json.dumps(CREDENTIALS | {"password": "a\nb"}), r"cannot be used \(password\)"),
        (200, json.dumps(CREDENTIALS | {"broker": "x"}), r"cannot be used \(broker\)"),
        (200, "[" * 100_000, "credentials that cannot be used"),
    ],
)
def test_an_answer_that_is_no_credentials_changes_nothing(door, mine, status, body, why):
    before = mine.read_text()
    door.answer = status, body
    with pytest.raises(WorkError, match=why):
        enrol(door.code, mine)
    assert mine.read_text() == before
    assert list(mine.parent.iterdir()) == [mine]


def test_a_hub_that_is_not_there_is_named(mine):
    with pytest.raises(WorkError, match="cannot be reached"):
        enrol(Code(f"localhost:{free_port()}", bytes(32), SECRET).text(), mine)


@pytest.mark.parametrize("code", ["", "pocket-1", "enrol_AAAA"])
def test_what_is_no_code_is_refused(mine, code):
    with pytest.raises(UserError, match="no enrolment code"):
        enrol(code, mine)


def test_a_code_is_not_used_up_where_nothing_can_be_kept(door, mine, tmp_path):
    with pytest.raises(UserError, match="--config FILE"):
        enrol(door.code, shipped("edge.yaml"))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        enrol(door.code, tmp_path / "file" / "edge.yaml")
    mine.write_text("- a list\n")
    with pytest.raises(UserError, match="must hold settings"):
        enrol(door.code, mine)
    assert door.said == []


def test_a_code_is_not_used_up_on_a_full_disk(door, mine, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", no_room_for(100))
    before = mine.read_text()
    for settings in (mine, tmp_path / "new" / "edge.yaml"):
        with pytest.raises(UserError, match="cannot be written: No space left on device"):
            enrol(door.code, settings)
    assert door.said == []
    assert mine.read_text() == before
    assert list(mine.parent.iterdir()) == [mine]
    assert list((tmp_path / "new").iterdir()) == []


def test_a_disk_that_fills_up_while_the_code_is_used_is_told_with_the_remedy(door, mine, monkeypatch):
    before = mine.read_text()
    monkeypatch.setattr(os, "fsync", no_room_for(100, lambda: door.said))
    with pytest.raises(WorkError, match=r"No space left.*the code is used up.*`moodscape hub enrol pocket-1` make"):
        enrol(door.code, mine)
    assert door.said
    assert mine.read_text() == before
    assert list(mine.parent.iterdir()) == [mine]


def no_room_for(most, when=lambda: True):
    """A disk that, when it is so, has no room for a file of more than so many bytes."""

    def fsync(file):
        if when() and os.fstat(file).st_size > most:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return fsync
