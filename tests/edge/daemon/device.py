"""A device process for the tests of the daemon."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from moments import Moment
from tests.edge.parts import silence, voice
from tests.parts import free_port, wait_until

ROOT = Path(__file__).parents[3]


def pcm(samples):
    return (samples * 32767).astype("<i2").tobytes()


SPEECH = pcm(voice(1.5)) + pcm(silence(1.5))


class Device:
    """A device process that hears what the test writes to it."""

    def __init__(self, folder, port, source="pipe:-", env=None, **settings):
        self.folder, self.log = folder, folder / "device.log"
        values = {
            "device": "pocket-1",
            "source": source,
            "broker.port": port,
            "outbox.path": folder / "state" / "outbox.db",
            "gps.port": free_port(),
        } | {key.replace("__", "."): value for key, value in settings.items()}
        overrides = [part for key, value in values.items() for part in ("--set", f"{key}={value}")]
        command = [sys.executable, "-m", "tests.edge.run_device", "edge", "run", *overrides]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=out, stderr=out, env=os.environ | (env or {})
            )

    def text(self):
        return self.log.read_text(errors="replace")

    def ready(self):
        wait_until(lambda: "listening" in self.text() or self.process.poll() is not None, 20)
        assert self.process.poll() is None, self.text()
        return self

    def hears(self, sound=SPEECH):
        self.process.stdin.write(sound)
        self.process.stdin.flush()
        return self

    def ends(self, seconds=20):
        self.process.stdin.close()
        return self.process.wait(seconds)

    def waiting(self):
        db = sqlite3.connect(self.folder / "state" / "outbox.db")
        try:
            return [Moment.from_json(body) for (body,) in db.execute("SELECT body FROM outbox ORDER BY seq")]
        finally:
            db.close()
