"""A hub as a process of its own, and devices that publish to it and send again what it has not said it stored."""

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from moments import uuid7
from tests.hub.moments import make
from tests.parts import answers, free_port, wait_until

_COMMAND = [sys.executable, "-c", "import sys; from moodscape.cli import main; sys.exit(main())", "hub", "run"]


@dataclass
class Hub:
    """`moodscape hub run` with these settings."""

    folder: Path
    settings: dict[str, object]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen | None = None

    def start(self) -> "Hub":
        """Start it (again) and wait until it answers."""
        self._launch()
        wait_until(lambda: self.revived() and answers(self.port), 120)
        return self

    def _launch(self) -> None:
        sets = {"http.port": self.port, "store.path": self.folder / "hub.db"} | self.settings
        args = [part for name, value in sets.items() for part in ("--set", f"{name}={value}")]
        with (self.folder / "hub.log").open("ab") as log:
            self.process = subprocess.Popen([*_COMMAND, *args], stdout=log, stderr=log)

    def revived(self) -> bool:
        """Start it again when it has left by itself, as its unit does: its database may have been away."""
        if self.process is None or self.process.poll() is not None:
            self._launch()
        return True

    def kill(self) -> None:
        """End it at once."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it as an operator would."""
        assert self.process
        self.process.terminate()
        self.process.wait(60)

    def cpu_s(self) -> float:
        """CPU time so far, user and system."""
        assert self.process
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def rss_mb(self) -> float:
        """Resident memory."""
        assert self.process
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


class Devices:
    """One connection that publishes for a few devices, as fast as it is answered or at a rate.

    What stays unanswered for `again_s` is sent again, as the device's outbox does.
    """

    def __init__(self, port: int, *, window: int = 6000, again_s: float = 5.0) -> None:
        self._port = port
        self._window = window
        self._again_s = again_s
        self.ids: list[str] = []
        self.answered: set[str] = set()
        self._waiting: dict[str, tuple[float, str, bytes]] = {}
        self._lock = threading.Lock()
        template = make(device="pocket-0", id="00000000-0000-7000-8000-000000000000").to_json()
        self._parts = template.partition(b"00000000-0000-7000-8000-000000000000")
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.max_inflight_messages_set(4000)
        self._client.reconnect_delay_set(1, 2)
        self._client.on_connect = lambda client, *_: client.subscribe("moodscape/v1/+/stored", 1)
        self._client.on_message = self._heard
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _heard(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        ids = json.loads(message.payload)["ids"]
        with self._lock:
            self.answered.update(ids)
            for id_ in ids:
                self._waiting.pop(id_, None)

    def one(self, at: datetime, **more: object) -> None:
        """Publish one moment that starts at a time."""
        id_ = uuid7()
        device = f"pocket-{len(self.ids) % 5}"
        body = self._parts[0] + id_.encode() + self._parts[2].replace(b"pocket-0", device.encode())
        body = body.replace(b"2026-05-22T09:32:10.250+09:00", at.isoformat(timespec="milliseconds").encode())
        if more:
            body = body[:-1] + b"," + json.dumps(more)[1:].encode()
        topic = f"moodscape/v1/{device}/moment"
        with self._lock:
            self.ids.append(id_)
            self._waiting[id_] = (time.monotonic(), topic, body)
        self._client.publish(topic, body, qos=1)

    def run(self, seconds: float, rate: float | None = None, **more: object) -> None:
        """Publish for so long, at a rate per second or as fast as it is answered."""
        begun = time.monotonic()
        first, sent = datetime.now(UTC), 0
        while (now := time.monotonic() - begun) < seconds:
            if len(self._waiting) >= self._window or (rate is not None and sent >= rate * now):
                time.sleep(0.002)
                self.again()
                continue
            stamp = {"sent_ns": time.time_ns()} if more else {}
            self.one(first + timedelta(milliseconds=20 * sent), **stamp)
            sent += 1

    def again(self) -> None:
        """Send again what has waited too long."""
        if not self._client.is_connected():
            return
        late = time.monotonic() - self._again_s
        with self._lock:
            due = [(id_, row) for id_, row in self._waiting.items() if row[0] < late][:500]
            for id_, (_, topic, body) in due:
                self._waiting[id_] = (time.monotonic(), topic, body)
        for _, (_, topic, body) in due:
            self._client.publish(topic, body, qos=1)

    def settle(self, seconds: float) -> int:
        """Wait until all is answered; gives how many are not."""
        end = time.monotonic() + seconds
        while self._waiting and time.monotonic() < end:
            time.sleep(0.05)
            self.again()
        return len(self._waiting)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()
