import json
import queue
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from contextlib import closing

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from edge.config import Broker
from edge.delivery.publisher import Publisher
from edge.delivery.window import FIRST
from hub.ca import prepare
from moments import uuid7
from moments.errors import UserError
from tests.edge.delivery.conftest import DEVICE, FakeHub
from tests.edge.making import moment, moments
from tests.parts import answers, free_port, program, wait_until

pytestmark = pytest.mark.needs("mosquitto")


def test_a_moment_leaves_the_outbox_when_the_hub_says_stored_and_not_before(hub, outbox, publishing):
    hub.answering = False
    publisher = publishing()
    outbox.put(first := moment())
    publisher.wake()
    wait_until(lambda: hub.heard == [first.id])
    time.sleep(0.3)
    assert outbox.depth == 1, "the broker's acknowledgement is not the hub's word"
    hub.answering = True
    wait_until(lambda: outbox.depth == 0)
    assert hub.heard == [first.id]


def test_what_waits_from_before_is_sent_in_order(hub, outbox, publishing):
    many = moments(30)
    for each in many:
        outbox.put(each)
    publishing()
    wait_until(lambda: outbox.depth == 0)
    assert hub.heard == [each.id for each in many]


def test_what_is_heard_now_goes_out_before_a_backlog_that_nobody_answers(hub, outbox, publishing):
    for each in moments(1500):
        outbox.put(each)
    hub.answering = False
    publisher = publishing()
    wait_until(lambda: len(hub.heard) == FIRST)
    outbox.put(now := moment())
    publisher.wake()
    wait_until(lambda: now.id in hub.heard)
    assert len(hub.heard) == FIRST + 1, "the backlog keeps to its window"


def test_what_stays_unanswered_is_sent_again_and_reported_and_holds_up_nothing(hub, outbox, publishing):
    lost, *rest = moments(3)
    hub.silent_about.add(lost.id)
    publisher = publishing(resend_s=0.4)
    for each in [lost, *rest]:
        outbox.put(each)
    publisher.wake()
    wait_until(lambda: outbox.depth == 1)
    wait_until(lambda: hub.heard.count(lost.id) >= 3)
    wait_until(lambda: publisher.unanswered == 1)
    assert all(hub.heard.count(each.id) == 1 for each in rest)
    hub.silent_about.clear()
    wait_until(lambda: outbox.depth == 0)
    wait_until(lambda: publisher.unanswered == 0)


def test_a_moment_whose_bytes_the_disk_has_changed_goes_a_few_times_and_is_counted(hub, outbox, publishing):
    outbox.put(broken := moment())
    with closing(sqlite3.connect(outbox.path, isolation_level=None)) as other:
        other.execute("UPDATE outbox SET body = replace(CAST(body AS TEXT), ?, ?)", (broken.id, uuid7()))
    publisher = publishing(resend_s=0.2)
    wait_until(lambda: outbox.depth == 0, 15)
    assert outbox.dropped == {"corrupt": 1}
    assert (len(hub.heard), broken.id in hub.heard) == (3, False)
    wait_until(lambda: publisher.unanswered == 0)


def test_the_wait_between_sendings_grows(hub, outbox, publishing):
    hub.answering = False
    publisher = publishing(resend_s=0.3)
    outbox.put(moment())
    publisher.wake()
    time.sleep(3.0)  # at 0.3, 0.9, 2.1 s
    assert 3 <= len(hub.heard) <= 5


def test_a_broker_that_dies_and_forgets_loses_nothing(mosquitto, hub, outbox, publishing):
    hub.answering = False
    publisher = publishing()
    wait_until(lambda: publisher.connected)
    many = moments(50)
    for each in many:
        outbox.put(each)
    publisher.wake()
    wait_until(lambda: len(hub.heard) == 50)
    mosquitto.kill()
    wait_until(lambda: not publisher.connected)
    outbox.put(late := moment())
    publisher.wake()
    hub.batch.clear()  # the hub died with what it had not stored
    hub.heard.clear()
    hub.answering = True
    mosquitto.start()
    wait_until(lambda: outbox.depth == 0, 20)
    assert set(hub.heard) == {each.id for each in [*many, late]}


def test_while_no_hub_listens_only_probes_are_sent_and_all_of_it_once_one_does(mosquitto, outbox, publishing):
    publisher = publishing()
    for each in moments(300):
        outbox.put(each)
    publisher.wake()
    wait_until(lambda: publisher.trouble == "no hub listens at the broker")
    time.sleep(2.5)
    assert publisher.counts["sent"] + publisher.counts["resent"] <= 310
    hub = FakeHub(mosquitto)
    wait_until(lambda: outbox.depth == 0)
    assert len(set(hub.heard)) == len(hub.heard) == 300
    assert publisher.trouble is None
    hub.close()


def test_the_status_is_kept_for_who_comes_later_and_the_last_will_says_offline(mosquitto, hub, outbox, publishing):
    publisher = publishing()
    wait_until(lambda: hub.said.get("status"))
    assert hub.said["status"][-1] == {"state": "listening", "since": "2026-05-22T09:00:00+09:00"}
    publisher._connection._client.socket().shutdown(2)  # as a network that is gone
    wait_until(lambda: {"state": "offline", "since": None} in hub.said["status"])
    wait_until(lambda: hub.said["status"][-1]["state"] == "listening", 15)


def test_leaving_says_offline(mosquitto, hub, outbox):
    publisher = Publisher(DEVICE, Broker(host=mosquitto.host, port=mosquitto.port), outbox)
    publisher.start()
    wait_until(lambda: publisher.connected)
    begun = time.monotonic()
    publisher.close("2026-05-22T10:00:00+09:00")
    assert time.monotonic() - begun < 2
    wait_until(lambda: hub.said.get("status") == [{"state": "offline", "since": "2026-05-22T10:00:00+09:00"}])
    assert not [thread for thread in threading.enumerate() if thread.name == "publish"]


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"ids": 3}', b'{"ids": [1]}', b"\xff\xfe", b'{"id": []}'])
def test_nothing_that_arrives_makes_the_device_mute(hub, outbox, publishing, payload):
    publisher = publishing()
    wait_until(lambda: publisher.connected)
    hub.send("stored", payload)
    wait_until(lambda: publisher.counts["faults"] == 1)
    outbox.put(moment())
    publisher.wake()
    wait_until(lambda: outbox.depth == 0)
    assert publisher.connected


def test_a_command_reaches_its_handler_and_one_that_raises_is_counted(hub, outbox, publishing):
    got = queue.SimpleQueue()

    def handler(payload):
        got.put(payload)
        raise ZeroDivisionError

    publisher = publishing(on_command=handler)
    wait_until(lambda: publisher.connected)
    hub.send("command", {"id": "1", "do": "ping"})
    assert json.loads(got.get(timeout=5)) == {"id": "1", "do": "ping"}
    hub.send("command", {"id": "2", "do": "ping"})
    assert json.loads(got.get(timeout=5))["id"] == "2"
    publisher.say("reply", {"id": "2", "ok": True})
    wait_until(lambda: hub.said.get("reply") == [{"id": "2", "ok": True}])


def test_an_unreachable_broker_is_said_in_one_sentence_and_tried_again(outbox):
    port = free_port()
    publisher = Publisher(DEVICE, Broker(host="127.0.0.1", port=port), outbox)
    publisher.start()
    wait_until(lambda: publisher.trouble and "cannot be reached" in publisher.trouble)
    assert f"127.0.0.1:{port}" in publisher.trouble
    wait_until(lambda: publisher._connection.attempts >= 2)
    publisher.close("")


def test_a_broker_that_takes_few_messages_at_once_gets_no_more(tmp_path, outbox):
    config, port = tmp_path / "small.conf", free_port()
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 3\n")
    command = [program("mosquitto"), "-c", str(config)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as broker:
        wait_until(lambda: answers(port))
        hub = FakeHub(Broker(host="127.0.0.1", port=port))
        publisher = Publisher(DEVICE, Broker(host="127.0.0.1", port=port), outbox)
        for each in moments(100):
            outbox.put(each)
        publisher.start()
        wait_until(lambda: outbox.depth == 0)
        assert publisher._connection._client.max_inflight_messages == 3
        assert publisher.counts["connections"] == 2
        publisher.close("")
        hub.close()
        broker.terminate()


def test_a_missing_password_file_is_a_mistake_in_the_settings(outbox, tmp_path):
    with pytest.raises(UserError, match="password or certificate files"):
        Publisher(DEVICE, Broker(password_file=tmp_path / "none"), outbox)


def test_an_encrypted_key_is_refused_as_nobody_is_there_to_be_asked_for_its_password(outbox, tmp_path):
    prepare(tmp_path, ["localhost"])
    key = load_pem_private_key((tmp_path / "hub.key").read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (tmp_path / "locked.key").write_bytes(locked)
    files = {"cert_file": tmp_path / "hub.crt", "key_file": tmp_path / "locked.key"}
    with pytest.raises(UserError, match="password or certificate files cannot be used"):
        Publisher(DEVICE, Broker(tls=True, **files), outbox)


@pytest.mark.slow
def test_a_long_backlog_drains_each_sent_once_and_read_and_deleted_by_the_hundred(hub, outbox, publishing):
    """How fast it drains is measured by `bench.outbox`; here what makes it fast is counted."""
    n = 40_000
    body = moment().to_json()
    rows = [(i + 1, i.to_bytes(16, "big"), renamed(body, i), 0, 0.0, None, None) for i in range(n)]
    outbox._file.write(lambda db: db.executemany("INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?)", rows))
    outbox._next = n + 1
    asked = Counter()
    outbox._file._db.set_trace_callback(lambda sql: asked.update([sql.split(" ", 2)[0]]))
    publisher = publishing()
    wait_until(lambda: outbox.depth == 0, 100, step=0.25)
    assert len(hub.heard) == len(set(hub.heard)) == n
    assert publisher.counts["connections"] == 1
    assert publisher.counts["resent"] == 0
    assert publisher.counts["sent"] == n
    assert asked["COMMIT"] <= n / 100, "each commit waits for the disk"
    assert asked["SELECT"] <= n / 40, "a query for a few rows only costs more than it brings"


def renamed(body, i):
    values = json.loads(body)
    text = f"{i:032x}"
    values["id"] = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    return json.dumps(values).encode()
