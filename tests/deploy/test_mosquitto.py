"""The broker's rules, tried against a real mosquitto."""

import subprocess
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from tests.parts import answers, free_port, program, wait_until

DEPLOY = Path(__file__).parents[2] / "deploy" / "mosquitto"
NAMES = ("hub", "pocket-1", "pocket-2")


@pytest.fixture
def broker(tmp_path):
    """Mosquitto with the settings that ship; only its port and the paths of its files are this test's."""
    port = free_port()
    passwords = tmp_path / "passwd"
    passwords.write_text("".join(f"{name}:secret-{name}\n" for name in NAMES))
    passwords.chmod(0o600)
    subprocess.run([program("mosquitto_passwd"), "-U", str(passwords)], check=True)
    acl = tmp_path / "acl"
    acl.write_text((DEPLOY / "moodscape.acl").read_text())
    text = (DEPLOY / "moodscape.conf").read_text()
    text = text.replace("listener 1883", f"listener {port}").replace("/etc/mosquitto/moodscape.passwd", str(passwords))
    config = tmp_path / "mosquitto.conf"
    config.write_text("user root\n" + text.replace("/etc/mosquitto/moodscape.acl", str(acl)))
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([program("mosquitto"), "-c", str(config)], stdout=log, stderr=log)
    wait_until(lambda: answers(port))
    yield port
    process.kill()
    process.wait()


class Client:
    """A client that knows what it heard and how each of its publishes was answered."""

    def __init__(self, port, name, password=None):
        self.heard, self.answered, self.refused = [], {}, None
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.username_pw_set(name, password or f"secret-{name}")
        self._client.on_connect = lambda _c, _u, _f, reason, _p: setattr(self, "refused", reason.is_failure)
        self._client.on_message = lambda _c, _u, message: self.heard.append((message.topic, message.payload))
        self._client.on_publish = lambda _c, _u, mid, reason, _p: self.answered.update({mid: reason})
        self._client.on_subscribe = lambda _c, _u, mid, reasons, _p: self.answered.update({mid: reasons[0]})
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        wait_until(lambda: self.refused is not None)

    def publish(self, topic):
        mid = self._client.publish(topic, b"{}", qos=1).mid
        return wait_until(lambda: self.answered.get(mid))

    def subscribe(self, topic):
        _, mid = self._client.subscribe(topic, qos=1)
        wait_until(lambda: mid in self.answered)

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


@pytest.mark.needs("mosquitto")
def test_a_device_reaches_its_own_topics_and_no_others(broker):
    hub, mine, other = (Client(broker, name) for name in NAMES)
    try:
        hub.subscribe("moodscape/v1/+/moment")
        mine.subscribe("moodscape/v1/#")  # as much as it can get
        other.subscribe("moodscape/v1/pocket-2/stored")
        assert not mine.publish("moodscape/v1/pocket-1/moment").is_failure
        assert mine.publish("moodscape/v1/pocket-2/moment").is_failure
        assert mine.publish("moodscape/v1/pocket-1/stored").is_failure
        hub.publish("moodscape/v1/pocket-2/stored")
        hub.publish("moodscape/v1/pocket-1/stored")
        wait_until(lambda: mine.heard and other.heard and hub.heard)
        assert {topic for topic, _ in mine.heard} == {"moodscape/v1/pocket-1/stored"}
        assert {topic for topic, _ in other.heard} == {"moodscape/v1/pocket-2/stored"}
        assert {topic for topic, _ in hub.heard} == {"moodscape/v1/pocket-1/moment"}
    finally:
        for client in (hub, mine, other):
            client.close()


@pytest.mark.needs("mosquitto")
@pytest.mark.parametrize(("name", "password"), [("pocket-1", "wrong"), ("stranger", "secret-stranger")])
def test_who_has_no_password_is_refused(broker, name, password):
    client = Client(broker, name, password)
    client.close()
    assert client.refused
