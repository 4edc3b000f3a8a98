import base64
import datetime as dt
import hashlib
import http.server
import ipaddress
import ssl
import threading
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from edge.records import upload
from edge.records.clip import Safe, packed
from edge.records.shelf import Shelf
from edge.records.upload import Hub, Uploader, try_hub
from edge.sound import RATE
from moments import uuid7
from moments.errors import UserError
from tests.parts import free_port, wait_until

TOKEN = "t0ken"  # noqa: S105 (of a stand-in)


class ClipHub(http.server.ThreadingHTTPServer):
    """Takes clips as the hub does: by range, complete only with the right hash, each device's by themselves.

    `parts`: what has arrived of those that are not whole, by hash and device. `fault(handler)` may answer instead.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.parts, self.whole, self.asked = {}, {}, []
        self.fault = lambda _: False
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        self.port = self.server_port

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, offset=None):
        self.send_response(status)
        if offset is not None:
            self.send_header("Upload-Offset", str(offset))
        self.send_header("Content-Length", "0")
        self.end_headers()
        return True

    @property
    def name(self):
        return urlsplit(self.path).path.rpartition("/")[2]

    @property
    def part(self):
        return self.name, parse_qs(urlsplit(self.path).query).get("device", [None])[0]

    def do_HEAD(self):
        self.server.asked.append(("HEAD", self.path))
        if self.server.fault(self):
            return
        if self.name in self.server.whole:
            self.answer(200)
        else:
            self.answer(404, len(self.server.parts.get(self.part, b"")))

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(("PUT", self.path))
        if not self.server.fault(self):
            self.take(body)

    def take(self, body):
        parts, name, part = self.server.parts, self.name, self.part
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self.answer(401)
            return
        span, total = self.headers["Content-Range"].removeprefix("bytes ").split("/")
        first, last = map(int, span.split("-"))
        here = parts.get(part, b"")
        if first != len(here):
            self.answer(409, len(here))
            return
        assert last - first + 1 == len(body)
        parts[part] = here + body
        if len(parts[part]) < int(total):
            self.answer(202, len(parts[part]))
        elif hashlib.sha256(parts[part]).hexdigest() == name:
            self.server.whole[name] = parts.pop(part)
            self.answer(201)
        else:
            del parts[part]
            self.answer(422, 0)


@pytest.fixture
def hub():
    made = ClipHub()
    yield made
    made.close()


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "clips", Safe(None), max_days=30, max_disk_share=0.5)


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


@pytest.fixture
def uploading(shelf, hub, token):
    started = []

    def go(port=None, **more):
        settings = {
            "device": "pocket-1",
            "url": f"http://127.0.0.1:{port or hub.port}",
            "token_file": token,
            "ca_file": None,
        } | more
        started.append(Uploader(shelf, Hub(**settings), back_off_s=(0.05, 0.2)))
        started[-1].start()
        return started[-1]

    yield go
    for each in started:
        each.close(5)
    assert not any(thread.name == "upload" for thread in threading.enumerate())


def keep(shelf, number=1, seconds=8, record=None, kind="mark", moments=()):
    sound = np.random.default_rng(number).integers(-9000, 9000, seconds * RATE).astype(np.int16)
    label, content = packed(sound, Safe(None), kind=kind, record=record, moments=list(moments), begin=float(number))
    assert shelf.put(label, content)
    return label


def test_a_clip_goes_to_the_hub_in_pieces_and_is_then_no_longer_here(hub, shelf, uploading):
    record = uuid7()
    label = keep(shelf, record=record, moments=[uuid7()])
    sound = shelf.sound(label.sha256)
    uploader = uploading()
    wait_until(lambda: shelf.all() == [])
    assert hub.whole == {label.sha256: sound}
    assert uploader.sent == 1
    assert uploader.trouble is None
    puts = [path for method, path in hub.asked if method == "PUT"]
    assert len(puts) == -(-len(sound) // upload._PIECE) > 2
    assert parse_qs(urlsplit(puts[0]).query) == {"device": ["pocket-1"], "seconds": ["8"], "record": [record]}


def test_an_ordinary_clip_is_sent_as_its_moment_s(hub, shelf, uploading):
    moment = uuid7()
    keep(shelf, seconds=1, kind="ordinary", moments=[moment])
    uploading()
    wait_until(lambda: shelf.all() == [])
    assert [method for method, _ in hub.asked] == ["HEAD", "PUT"]
    for _, path in hub.asked:
        assert parse_qs(urlsplit(path).query) == {"device": ["pocket-1"], "seconds": ["1"], "moment": [moment]}


def test_marks_go_first_and_a_new_clip_wakes_the_sender(hub, shelf, uploading):
    ordinary, mark = keep(shelf, 2, kind="ordinary", seconds=1), keep(shelf, 1, seconds=1)
    uploader = uploading()
    wait_until(lambda: len(hub.whole) == 2)
    assert list(hub.whole) == [mark.sha256, ordinary.sha256]
    later = keep(shelf, 3, seconds=1)
    uploader.wake()
    wait_until(lambda: later.sha256 in hub.whole)


def test_a_connection_that_breaks_costs_one_piece_and_a_restart_goes_on_where_it_was(hub, shelf, uploading):
    label = keep(shelf)
    puts = []

    def breaks(handler):
        if handler.command != "PUT":
            return False
        puts.append(handler.headers["Content-Range"])
        if len(puts) == 3:
            handler.close_connection = True
            handler.connection.close()
            return True
        return False

    hub.fault = breaks
    uploading()
    wait_until(lambda: label.sha256 in hub.whole)
    assert len(puts) == len(set(puts)) + 1, "only what broke off was sent twice"


def test_what_the_hub_has_already_is_not_sent(hub, shelf, uploading):
    label = keep(shelf)
    hub.whole[label.sha256] = b""
    uploading()
    wait_until(lambda: shelf.all() == [])
    assert [method for method, _ in hub.asked] == ["HEAD"]


def test_a_hub_that_has_another_part_says_where_to_go_on(hub, shelf, uploading):
    label = keep(shelf)
    sound = shelf.sound(label.sha256)

    def forgets(handler):
        if handler.command == "HEAD":
            handler.answer(404, 70_000)  # and it was another hub's word: this one has 100 bytes
            hub.parts[label.sha256, "pocket-1"] = sound[:100]
            return True
        return False

    hub.fault = forgets
    uploading()
    wait_until(lambda: hub.whole.get(label.sha256) == sound)


def test_a_wrong_hash_sends_it_anew(hub, shelf, uploading):
    label = keep(shelf)
    hub.parts[label.sha256, "pocket-1"] = b"not its beginning"
    sound = shelf.sound(label.sha256)
    uploading()
    wait_until(lambda: hub.whole.get(label.sha256) == sound)


def test_a_hub_in_trouble_is_asked_with_back_off_and_the_reason_told(hub, shelf, uploading):
    keep(shelf, seconds=1)
    hub.fault = lambda handler: handler.answer(503)
    uploader = uploading()
    wait_until(lambda: uploader.trouble and "503" in uploader.trouble)
    hub.fault = lambda _: False
    wait_until(lambda: len(hub.whole) == 1)
    wait_until(lambda: uploader.trouble is None)


def test_an_unreachable_hub_is_told_and_tried_again(hub, shelf, uploading):
    keep(shelf, seconds=1)
    uploader = uploading(port=free_port())
    wait_until(lambda: uploader.trouble)
    assert "do not reach http://127.0.0.1" in uploader.trouble
    assert len(shelf.all()) == 1


def test_a_token_that_is_refused_is_named(hub, shelf, uploading, token):
    token.write_text("another")
    keep(shelf, seconds=1)
    uploader = uploading()
    wait_until(lambda: uploader.trouble and "clips.token_file" in uploader.trouble)
    token.write_text(TOKEN)
    wait_until(lambda: len(hub.whole) == 1)


def test_a_clip_that_the_hub_does_not_want_holds_up_no_other(hub, shelf, uploading):
    unwanted, other = keep(shelf, 2, seconds=1), keep(shelf, 1, seconds=1)
    hub.fault = lambda handler: handler.command == "PUT" and unwanted.sha256 in handler.path and handler.answer(413)
    uploader = uploading()
    wait_until(lambda: other.sha256 in hub.whole)
    wait_until(lambda: uploader.trouble is None)
    assert [kept.label for kept in shelf.all()] == [unwanted]


def test_a_clip_that_is_erased_while_it_is_sent_is_sent_no_further(hub, shelf, uploading):
    label = keep(shelf)
    puts = []

    def erases(handler):
        if handler.command == "PUT":
            puts.append(handler.path)
            shelf.erase(sha256s=[label.sha256])
        return False

    hub.fault = erases
    other = keep(shelf, 0, seconds=1)
    uploading()
    wait_until(lambda: other.sha256 in hub.whole)
    assert len([path for path in puts if label.sha256 in path]) == 1
    assert label.sha256 not in hub.whole


def test_a_clip_whose_record_was_erased_on_the_hub_goes_from_here_too(hub, shelf, uploading):
    keep(shelf, seconds=1)
    hub.fault = lambda handler: handler.command == "PUT" and handler.answer(410)
    uploader = uploading()
    wait_until(lambda: shelf.all() == [])
    assert uploader.sent == 0


def test_nothing_is_sent_of_a_clip_that_the_hub_tells_to_be_erased_when_it_is_asked(hub, shelf, uploading):
    keep(shelf, seconds=1)
    hub.fault = lambda handler: handler.command == "HEAD" and handler.answer(410)
    uploading()
    wait_until(lambda: shelf.all() == [])
    assert [method for method, _ in hub.asked] == ["HEAD"]


def test_a_clip_that_cannot_be_read_is_dropped_and_counted(hub, shelf, uploading):
    label, other = keep(shelf, 2, seconds=1), keep(shelf, 1, seconds=1)
    path = next(kept.path for kept in shelf.all() if kept.label == label)
    path.write_bytes(path.read_bytes()[:-1])
    uploading()
    wait_until(lambda: other.sha256 in hub.whole)
    assert shelf.all() == []
    assert shelf.dropped == {"broken": 1}


def test_a_clip_whose_key_is_not_here_waits_for_it_and_holds_up_no_other(hub, shelf, uploading, tmp_path, caplog):
    key = tmp_path / "key"
    key.write_bytes(base64.b64encode(bytes(32)))
    sealed, content = packed(np.ones(RATE, np.int16), Safe(key), kind="mark", record=None, moments=[], begin=9.0)
    shelf.put(sealed, content)
    other = keep(shelf, 1, seconds=1)
    uploader = uploading()
    wait_until(lambda: other.sha256 in hub.whole and uploader.trouble)
    assert "set clips.key_file" in uploader.trouble
    assert [kept.label for kept in shelf.all()] == [sealed]
    uploader.wake()
    wait_until(lambda: uploader._woken.is_set() is False)
    assert caplog.text.count("cannot be opened and stays") == 1


def test_over_https_the_certificate_is_checked(hub, shelf, uploading, tmp_path):
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    hub.socket = context.wrap_socket(hub.socket, server_side=True)
    label = keep(shelf, seconds=1)
    url = f"https://127.0.0.1:{hub.port}"
    stranger = uploading(url=url)
    wait_until(lambda: stranger.trouble and "certificate" in stranger.trouble.lower())
    stranger.close(5)
    assert hub.asked == []
    uploading(url=url, ca_file=certificate)
    wait_until(lambda: label.sha256 in hub.whole)


def self_signed(folder):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hub")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "hub.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_token_that_cannot_be_used_is_a_mistake_in_the_settings(shelf, tmp_path, content):
    path = tmp_path / "other"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=r"clips\.token_file"):
        Uploader(shelf, Hub("pocket-1", "http://127.0.0.1:1", path, None)).start()


def test_a_certificate_file_that_cannot_be_used_is_a_mistake_in_the_settings(shelf, tmp_path):
    with pytest.raises(UserError, match=r"clips\.ca_file"):
        Uploader(shelf, Hub("pocket-1", "https://127.0.0.1:1", None, tmp_path / "none")).start()


@pytest.mark.parametrize(("status", "told"), [(404, None), (422, "no device pocket-1"), (401, "token"), (500, "500")])
def test_the_hub_is_tried_as_the_device_and_its_answer_told_in_words(hub, token, status, told):
    hub.fault = lambda handler: handler.answer(status)
    said = try_hub(Hub("pocket-1", f"http://127.0.0.1:{hub.port}", token, None))
    assert said is None if told is None else told in said
    assert hub.asked == [("HEAD", f"/api/clips/{'0' * 64}?device=pocket-1")]
