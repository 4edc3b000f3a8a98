"""`moodscape hub run` as a process."""

import signal
import socket
import subprocess
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from hub.config import Http
from hub.serve import listen
from tests.e2e.processes import COMMAND, Hub
from tests.hub.moments import make
from tests.parts import free_port, wait_until


@pytest.fixture
def hub(tmp_path):
    running = Hub(tmp_path, free_port()).start().ready()  # no broker is there
    yield running
    running.kill()


def test_it_serves_without_a_broker_says_so_and_leaves_with_0_within_5_s(hub):
    log = hub.folder / "hub.log"
    wait_until(lambda: "the broker does not answer" in log.read_text())
    assert f"The hub: {hub.url}" in log.read_text()
    stream = urllib.request.urlopen(f"{hub.url}/api/stream", timeout=10)
    ended = threading.Thread(target=stream.read)
    ended.start()
    begun = time.monotonic()
    hub.process.send_signal(signal.SIGTERM)
    assert hub.process.wait(5) == 0
    assert time.monotonic() - begun < 5
    ended.join(2)
    assert not ended.is_alive()
    stream.close()
    assert "Traceback" not in log.read_text()
    assert not (hub.folder / "hub.db-wal").exists()  # it was closed in order


def test_a_second_hub_over_the_same_file_is_refused_and_other_commands_are_not(hub, tmp_path):
    second = Hub(hub.folder, hub.broker_port).start()
    wait_until(lambda: second.process.poll() is not None or second.answers(), 20)
    second.kill()
    last = (hub.folder / "hub.log").read_text().splitlines()[-1]
    assert second.process.returncode == 2
    assert last == f"moodscape: another hub runs with {hub.folder}/hub.db: end it, or set another store.path"
    held = tmp_path / "held.ndjson"
    held.write_bytes(make().to_json() + b"\n")
    for verb in (["token", "a"], ["import", held], ["backup", tmp_path / "copy.db"], ["erase", "device=pocket-1"]):
        ran = subprocess.run([*COMMAND, "hub", *verb, "--set", f"store.path={hub.folder}/hub.db"], timeout=60)
        assert ran.returncode == 0, verb
    hub.kill()
    assert second.start().ready().stop() == 0


def test_a_port_that_is_taken_is_named_with_the_remedy(hub, tmp_path_factory):
    second = Hub(tmp_path_factory.mktemp("second"), hub.broker_port, port=hub.port).start()
    assert second.process.wait(20) == 2
    text = (second.folder / "hub.log").read_text()
    assert f"moodscape: cannot listen on 127.0.0.1 port {hub.port}: Address already in use" in text
    assert "--set http.port=N" in text


def test_what_is_sent_to_a_caller_does_not_wait_for_its_acknowledgements():
    with listen(Http(port=free_port())) as listening, socket.create_connection(listening.getsockname()[:2]):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_what_it_holds_open_does_not_grow_with_what_is_asked_at_once(hub):
    def held():
        links = []
        for each in Path(f"/proc/{hub.process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # a connection that ended meanwhile
                links.append(each.readlink().name)
        return sorted(name for name in links if name.startswith("hub.db"))

    before = held()
    asking = [threading.Thread(target=hub.get, args=("/api/moments",)) for _ in range(6)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert held() == before
