"""A hub that runs before a real broker, with the moments that it is given, and how Chromium is started."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from moments import Moment
from moments.topics import topic
from tests.parts import Broker, answers, free_port, wait_until

CHROMIUM = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Hub:
    """A hub that runs, and what a device would do to it."""

    url: str
    broker: Broker
    process: subprocess.Popen

    def publish(self, *moments: Moment) -> None:
        """Publish moments as their devices do, and wait until the broker has them."""
        self._send([(topic(moment.device, "moment"), moment.to_json(), False) for moment in moments])

    def say(self, device: str, kind: str, payload: bytes) -> None:
        """Publish a device's word about itself, which the broker retains."""
        self._send([(topic(device, kind), payload, True)])

    def _send(self, messages: list[tuple[str, bytes, bool]]) -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.connect(self.broker.host, self.broker.port)
        client.loop_start()
        for sent in [client.publish(name, payload, qos=1, retain=retain) for name, payload, retain in messages]:
            sent.wait_for_publish(5)
        client.disconnect()
        client.loop_stop()

    def get(self, path: str) -> dict:
        """Ask the API; an answer that is no success gives {}."""
        try:
            with urllib.request.urlopen(self.url + path) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            error.close()
            return {}

    def put(self, path: str, body: dict) -> None:
        """Change something over the API."""
        asked = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="PUT"
        )
        urllib.request.urlopen(asked).close()

    def newest(self, query: str = "") -> dict:
        """The newest moment that a filter matches."""
        return self.get(f"/api/moments?limit=1&{query}")["items"][0]

    def stop(self) -> None:
        """End hub and broker."""
        self.process.terminate()
        self.process.wait(60)
        self.broker.kill()


def demo_wav(path: Path, seconds: float) -> Path:
    """Write the first seconds of the demo's recording as a WAV file (16 kHz, mono, 16 bit)."""
    import soundfile

    with resources.as_file(resources.files("moodscape") / "demo" / "day.ogg") as recording:
        samples, rate = soundfile.read(recording, frames=int(seconds * 16_000), dtype="int16")
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


def start_hub(folder: Path, moments: list[Moment], *settings: str) -> Hub:
    """Start a broker and a hub whose store holds these moments."""
    from hub.stores.store import Store

    path = folder / "hub.db"
    store = Store(path)
    for at in range(0, len(moments), 5000):
        store.take(moments[at : at + 5000])
    store.close()
    broker = Broker(folder).start()
    port = free_port()
    command = [str(Path(sys.executable).with_name("moodscape")), "hub", "run"]
    for setting in (f"http.port={port}", f"broker.port={broker.port}", f"store.path={path}", *settings):
        command += ["--set", setting]
    with (folder / "hub.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    hub = Hub(f"http://127.0.0.1:{port}", broker, process)
    wait_until(lambda: answers(port) and hub.get("/healthz"), 30)
    return hub
