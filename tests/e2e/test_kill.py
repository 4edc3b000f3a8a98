"""No moment is lost, and none stored twice, whoever is killed whenever."""

import random
import re
import sqlite3
import subprocess
import threading
import time

import pytest
import soundfile

from moodscape.demo.run import RECORDING
from tests.e2e.processes import Hub, kill, moodscape, settings
from tests.parts import wait_until

SPEED = 8  # the device is fed this many times faster than sound
KILLS = 20


class FedDevice:
    """A device that hears the demo's recording over and over through a pipe, also across its own deaths."""

    def __init__(self, folder, broker_port):
        self.folder = folder
        self.log = folder / "device.log"
        self._settings = settings(
            source="pipe:-", device="pocket-1", broker__port=broker_port, outbox__path=folder / "outbox.db"
        )
        sound, rate = soundfile.read(RECORDING, dtype="int16")
        self._chunks = [sound[at : at + rate // 10].tobytes() for at in range(0, len(sound), rate // 10)]
        self._stop = threading.Event()
        self._feeder = threading.Thread(target=self._feed)
        self.start()
        self._feeder.start()

    def start(self):
        self.process = moodscape("edge", "run", *self._settings, log=self.log, stdin=subprocess.PIPE)

    def kill(self):
        kill(self.process)

    def _feed(self):
        at = 0
        while not self._stop.is_set():
            try:
                self.process.stdin.write(self._chunks[at % len(self._chunks)])
                at += 1
            except (BrokenPipeError, ValueError):
                time.sleep(0.05)  # it was killed; the next life goes on where this one ended
            time.sleep(0.1 / SPEED)

    def kept(self) -> set[str]:
        """The ids that the device said it had put into its outbox."""
        return set(re.findall(r"moment kept.* id=([0-9a-f-]{36})", self.log.read_text(errors="replace")))

    def waiting(self) -> int:
        with sqlite3.connect(self.folder / "outbox.db") as outbox:
            (rows,) = outbox.execute("SELECT count(*) FROM outbox").fetchone()
        outbox.close()
        return rows

    def end(self) -> int:
        self._stop.set()
        self._feeder.join()
        self.process.stdin.close()  # the end of its sound: it flushes, waits for the hub's word, leaves
        return self.process.wait(60)


@pytest.mark.slow
@pytest.mark.needs("mosquitto")
@pytest.mark.timeout(300)
def test_every_moment_that_entered_the_outbox_is_stored_once_whoever_is_killed(tmp_path, mosquitto):
    chance = random.Random(11)
    hub = Hub(tmp_path, mosquitto.port).start().ready()
    device = FedDevice(tmp_path, mosquitto.port)
    try:
        for turn in range(KILLS):
            heard = len(device.kept())
            wait_until(lambda heard=heard: len(device.kept()) > heard, 60)  # each life has something to lose
            time.sleep(chance.uniform(0.0, 0.8))
            victim = ("device", "broker", "hub")[turn % 3]
            if victim == "device":
                device.kill()
                device.start()
            elif victim == "broker":
                mosquitto.kill()
                time.sleep(chance.uniform(0.0, 0.5))
                mosquitto.start()
            else:
                hub.kill()
                time.sleep(chance.uniform(0.0, 0.5))
                hub.start()
        hub.ready()
        assert device.end() == 0
        stored = [moment["id"] for moment in hub.moments()]
        assert len(stored) == len(set(stored)), "stored twice"
        assert device.kept() <= set(stored), "lost"
        assert len(device.kept()) >= KILLS
        assert device.waiting() == 0
        assert hub.get("/api/dead-letters")["items"] == []
    finally:
        kill(device.process)
        hub.kill()
