"""Starts hub and device as the processes that they are in earnest, and asks the hub what it has."""

import json
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts import free_port, wait_until

COMMAND = [sys.executable, "-c", "import sys; from moodscape.cli import main; sys.exit(main())"]


def moodscape(*args: str, log: Path, env: dict[str, str] | None = None, stdin=subprocess.DEVNULL) -> subprocess.Popen:
    """Start `moodscape` with its output going to a file."""
    with log.open("ab") as out:
        # Unbuffered, so that nothing is left to flush into a process that was killed.
        return subprocess.Popen([*COMMAND, *args], bufsize=0, stdin=stdin, stdout=out, stderr=out, env=env)


def settings(**values: object) -> list[str]:
    """`broker__port=1` to `--set broker.port=1`."""
    return [part for key, value in values.items() for part in ("--set", f"{key.replace('__', '.')}={value}")]


def kill(process: subprocess.Popen) -> None:
    """SIGKILL, and wait for the end."""
    process.kill()
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


@dataclass
class Hub:
    """A hub process over one store; `start` again after `kill` opens the same store."""

    folder: Path
    broker_port: int
    port: int = field(default_factory=free_port)
    process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Hub":
        values = settings(http__port=self.port, broker__port=self.broker_port, store__path=self.folder / "hub.db")
        self.process = moodscape("hub", "run", *values, log=self.folder / "hub.log")
        return self

    def ready(self) -> "Hub":
        wait_until(self.answers, 20)
        return self

    def answers(self) -> bool:
        try:
            self.get("/healthz")
        except OSError:
            return False
        return True

    def get(self, path: str):
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            return json.load(answer)

    def moments(self) -> list[dict]:
        """All moments, oldest first, page after page."""
        found, query = [], "/api/moments?order=oldest&limit=1000"
        page = self.get(query)
        found += page["items"]
        while page["next"]:
            page = self.get(f"{query}&cursor={page['next']}")
            found += page["items"]
        return found

    def kill(self) -> None:
        if self.process is not None:
            kill(self.process)

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(10)
