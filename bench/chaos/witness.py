"""What is known from outside: which moments the device kept and when, what the hub has, who answers."""

import json
import re
import shutil
import sqlite3
import tempfile
import threading
import time
import uuid
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from moments.topics import topic

_KEPT = re.compile(r"moment kept basis=(\w+) .*id=([0-9a-f-]{36})")
_HEALTHY = "the ears are healthy"
_LOOK_S = 0.05


def ids_on_disk(outbox: Path) -> set[str]:
    """Give the ids in the outbox of a device that does not run, from a copy, so that its file stays as it was left."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / outbox.name
        for tail in ("", "-wal"):
            with suppress(FileNotFoundError):
                shutil.copy(f"{outbox}{tail}", f"{copy}{tail}")
        try:
            with closing(sqlite3.connect(copy)) as db:
                return {str(uuid.UUID(bytes=found)) for (found,) in db.execute("SELECT id FROM outbox")}
        except sqlite3.Error:
            return set()


def on_disk_now(outbox: Path) -> set[str] | None:
    """Give the ids in the outbox of a device that runs; None where that cannot be seen now."""
    try:
        with closing(sqlite3.connect(f"file:{outbox}?mode=ro", uri=True, timeout=0.2)) as db:
            return {str(uuid.UUID(bytes=found)) for (found,) in db.execute("SELECT id FROM outbox")}
    except sqlite3.Error:
        return None


class Diary:
    """Follows the device's log: `kept` is each moment's id with the monotonic time at which it was seen there."""

    def __init__(self, log: Path) -> None:
        self.kept: dict[str, float] = {}
        self.healthy_at = 0.0
        self._log = log
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="diary", daemon=True)
        self._thread.start()

    def add(self, ids: set[str]) -> None:
        """Note ids that were found elsewhere than in the log."""
        for each in ids:
            self.kept.setdefault(each, time.monotonic())

    def close(self) -> None:
        """Read what is left, and stop."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        self._log.touch()
        with self._log.open(encoding="utf-8", errors="replace") as log:
            rest = ""
            while True:
                ends = self._stop.is_set()
                read = log.read()
                whole, newline, rest = (rest + read).rpartition("\n")
                self._take(whole if newline else "", time.monotonic())
                rest = rest if newline else whole + rest
                if ends:
                    return
                self._stop.wait(_LOOK_S)

    def _take(self, text: str, now: float) -> None:
        for found in _KEPT.finditer(text):
            self.kept.setdefault(found[2], now)
        if _HEALTHY in text:
            self.healthy_at = now


class Caller:
    """Asks the device `ping` over the broker, several times a second, and notes when the last answer came."""

    def __init__(self, device: str, host: str, port: int) -> None:
        self._command, self._reply = topic(device, "command"), topic(device, "reply")
        self._asked_at_of_last_answer = 0.0
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, f"chaos-{uuid.uuid4()}", protocol=mqtt.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(self._reply)
        self._client.on_message = self._hear
        self._client.connect_async(host, port, keepalive=5)
        self._client.loop_start()
        self._asked = 0.0

    def answered_since(self, when: float) -> bool:
        """Tell whether the device answered a question that was asked after `when`; asks another."""
        now = time.monotonic()
        if self._client.is_connected() and now - self._asked > 0.2:
            self._asked = now
            self._client.publish(self._command, json.dumps({"id": f"chaos {now:.6f}", "do": "ping"}))
        return self._asked_at_of_last_answer > when

    def _hear(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        name, _, asked = str(json.loads(message.payload)["id"]).partition(" ")
        if name == "chaos":
            self._asked_at_of_last_answer = max(self._asked_at_of_last_answer, float(asked))

    def close(self) -> None:
        """Hang up."""
        self._client.disconnect()
        self._client.loop_stop()


@dataclass(frozen=True)
class Holding:
    """What a process holds in a calm moment: the names of its open files, and how many threads."""

    files: tuple[str, ...]
    threads: int


def holding(pid: int) -> Holding:
    """Look three times, as files and threads come and go, and give the least."""
    looks = []
    for _ in range(3):
        names = []
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                names.append(each.readlink().name)
        looks.append((names, len(list(Path(f"/proc/{pid}/task").iterdir()))))
        time.sleep(0.1)
    fewest = min((names for names, _ in looks), key=len)
    return Holding(tuple(sorted(fewest)), min(threads for _, threads in looks))
