"""A device is let in at a hub by a code, over TLS from the first byte to the last; and is let in no more."""

import json
import stat
import subprocess
import urllib.error
import urllib.request

import pytest
import yaml

from edge.config import load
from edge.delivery.connection import try_login
from moodscape.cli import main
from moodscape.demo.run import RECORDING
from tests.e2e.processes import kill, moodscape, settings
from tests.parts import free_port, wait_until
from tests.secured import Secured

pytestmark = [pytest.mark.slow, pytest.mark.needs("mosquitto")]


class Hub:
    """A hub that serves HTTPS and wants tokens, at a broker with logins of its own."""

    def __init__(self, folder, broker):
        self.url = f"https://localhost:{free_port()}"
        self.config, self._broker, self._log = folder / "hub.yaml", broker, folder / "hub.log"
        values = {
            "http": {"port": int(self.url.rpartition(":")[2]), "open_on_loopback": False}
            | {name: str(broker.ca / f"hub.{kind}") for name, kind in (("cert_file", "crt"), ("key_file", "key"))},
            "broker": {"port": broker.port, "user": "hub", "password_file": str(folder / "hub.password")},
            "store": {"path": str(folder / "hub.db")},
            "enrol": {"broker": f"localhost:{broker.tls_port}"},
        }
        self.config.write_text(yaml.safe_dump(values))
        self.process = moodscape("hub", "run", "--config", str(self.config), log=self._log)
        wait_until(lambda: self.get("/healthz"), 30)
        self.token = None

    def do(self, *words):
        return main(["hub", *words, "--config", str(self.config)])

    def get(self, path):
        asked = urllib.request.Request(f"{self.url}{path}")
        if path.startswith("/api/"):
            asked.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(asked, timeout=10, context=self._broker.trust()) as answer:
                return json.load(answer)
        except urllib.error.URLError:
            return None


@pytest.fixture
def broker(tmp_path):
    made = Secured(tmp_path).start()
    yield made
    made.kill()


@pytest.fixture
def hub(tmp_path, broker):
    made = Hub(tmp_path, broker)
    yield made
    kill(made.process)


def test_an_enrolled_devices_moments_arrive_until_it_is_revoked(tmp_path, hub, capsys):
    assert hub.do("token", "me") == 0
    hub.token = capsys.readouterr().out.strip()
    assert hub.do("enrol", "pocket-1") == 0
    code = capsys.readouterr().out.strip()

    mine = tmp_path / "device" / "edge.yaml"
    enrol = ["edge", "enrol", code, "--config", str(mine)]
    assert main(enrol) == 0
    assert "pocket-1 is let in" in capsys.readouterr().out
    assert {file.name for file in mine.parent.iterdir()} == {"edge.yaml", "edge.ca.crt", "edge.password", "edge.token"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in mine.parent.iterdir()} == {0o600}
    before = mine.read_text()
    assert main(enrol) == 1
    assert "was used" in capsys.readouterr().err
    assert mine.read_text() == before

    log = tmp_path / "device.log"
    here = settings(source=f"file:{RECORDING}", outbox__path=tmp_path / "outbox.db", gps__port=free_port())
    device = moodscape("edge", "run", "--config", str(mine), *here, log=log)
    try:
        moments = wait_until(lambda: (hub.get("/api/moments?limit=1") or {}).get("items"), 60)
        assert moments[0]["device"] == "pocket-1"
        assert device.wait(60) == 0, "it was told that all is stored"
    finally:
        kill(device)

    config = load(mine)
    assert config.clips.hub == hub.url
    assert config.broker.client_id.startswith("pocket-1-")
    assert f" as {config.broker.client_id} " in (tmp_path / "mosquitto.log").read_text()
    assert try_login("pocket-1", config.broker, 5) is None

    def state():
        (shown,) = hub.get("/api/devices")["items"]
        return shown["status"]["state"]

    device = moodscape(
        "edge", "run", "--config", str(mine), *here, "--set", "source=pipe:-", log=log, stdin=subprocess.PIPE
    )
    try:
        wait_until(lambda: state() != "offline", 60)
        assert hub.do("revoke", "pocket-1") == 0
        wait_until(lambda: state() == "offline")
        assert device.poll() is None, "it did not say so itself"
    finally:
        kill(device)
    assert try_login("pocket-1", config.broker, 5) == "Not authorized"
    assert hub.do("revoke", "pocket-1") == 1
