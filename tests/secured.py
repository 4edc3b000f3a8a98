"""A real mosquitto with the settings that ship: logins of its own, TLS by an authority of its own."""

import json
import shutil
import ssl
import subprocess
from pathlib import Path

import paho.mqtt.client as mqtt

from hub import logins
from hub.ca import prepare
from hub.config import Broker as BrokerSettings
from tests.parts import answers, free_port, program, wait_until

DEPLOY = Path(__file__).parents[1] / "deploy" / "mosquitto"
CONNECTIONS = 20


def plugin() -> str:
    """Where Debian's mosquitto has its dynamic security."""
    return str(next(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so")))


class Secured:
    """Only its ports, the paths of its files and the number of connections are this test's."""

    def __init__(self, folder: Path, names: tuple[str, ...] = ()) -> None:
        self.folder, self.ca = folder, folder / "ca"
        self.port, self.tls_port = free_port(), free_port()
        self.passwords = {name: logins.new_password() for name in ("hub", *names)}
        prepare(self.ca, ["localhost", "127.0.0.1"])
        file = logins.first_file()
        for name, password in self.passwords.items():
            file = logins.write_into(file, name, password)
        (folder / "logins.json").write_text(json.dumps(logins.up_to_date(file)))
        (folder / "hub.password").write_text(self.passwords["hub"])
        self.settings = BrokerSettings(port=self.port, user="hub", password_file=folder / "hub.password")
        self.by_tls = self.settings.model_copy(
            update={"host": "localhost", "port": self.tls_port, "tls": True, "ca_file": self.ca / "ca.crt"}
        )
        self.more = ""
        """Lines more of its configuration, for the listener with TLS."""
        self.process: subprocess.Popen | None = None

    def start(self) -> "Secured":
        changes = {
            "listener 1883": f"listener {self.port}",
            "listener 8883": f"listener {self.tls_port} 127.0.0.1",
            "/usr/lib/mosquitto_dynamic_security.so": plugin(),
            "/var/lib/mosquitto/moodscape": str(self.folder),
            "/etc/mosquitto/certs/moodscape-ca.crt": str(self.ca / "ca.crt"),
            "/etc/mosquitto/certs/moodscape.": str(self.ca / "hub."),
            "max_connections 800": f"max_connections {CONNECTIONS}",
        }
        text = "".join((DEPLOY / name).read_text() for name in ("moodscape.conf", "moodscape-network.conf"))
        for ours, here in changes.items():
            assert ours in text
            text = text.replace(ours, here)
        config = self.folder / "mosquitto.conf"
        config.write_text(f"user root\npersistence false\nset_tcp_nodelay true\n{text}{self.more}")
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen([program("mosquitto"), "-c", str(config)], stdout=log, stderr=log)
        wait_until(lambda: answers(self.port) and answers(self.tls_port))
        return self

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            shutil.rmtree(self.ca)

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca / "ca.crt"))


class Client:
    """A client that knows what it heard and how each thing that it asked for was answered.

    A device's comes over TLS, the hub's from this machine.
    """

    def __init__(self, broker: Secured, name: str, password: str | None = None, client_id: str = "") -> None:
        self.heard, self.answered = [], {}
        self.refused = self.ended = None
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5, reconnect_on_failure=False
        )
        self._client.username_pw_set(name, password or broker.passwords[name])
        self._client.on_connect = lambda _c, _u, _f, reason, _p: setattr(self, "refused", reason.is_failure)
        self._client.on_disconnect = lambda _c, _u, _f, reason, _p: setattr(self, "ended", str(reason))
        self._client.on_message = lambda _c, _u, message: self.heard.append((message.topic, message.payload))
        self._client.on_publish = lambda _c, _u, mid, reason, _p: self.answered.update({mid: reason})
        self._client.on_subscribe = lambda _c, _u, mid, reasons, _p: self.answered.update({mid: reasons[0]})
        if name != "hub":
            self._client.tls_set_context(broker.trust())
        self._client.connect("localhost", broker.port if name == "hub" else broker.tls_port)
        self._client.loop_start()
        wait_until(lambda: self.refused is not None)

    def send(self, topic: str, payload: bytes, qos: int = 1) -> int:
        return self._client.publish(topic, payload, qos).mid

    def publish(self, topic: str, payload: bytes = b"{}"):
        """Gives the reason code that it was answered with."""
        mid = self.send(topic, payload)
        return wait_until(lambda: self.answered.get(mid))

    def subscribe(self, topic: str):
        _, mid = self._client.subscribe(topic, qos=1)
        return wait_until(lambda: self.answered.get(mid))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
