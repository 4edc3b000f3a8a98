"""System parts that tests start for real: where they are, and a broker on a port of its own."""

import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

PARTS = {
    "mosquitto": "mosquitto",
    "mosquitto_passwd": "mosquitto",
    "gpsd": "gpsd",
    "gpsfake": "gpsd-clients",
    "pulseaudio": "pulseaudio",
    "chromium": "chromium",
    "espeak-ng": "espeak-ng",
    "systemd-analyze": "systemd",
    "initdb": "postgresql",
    "influxd": "influxdb",
    "nginx": "nginx-light",
    "debootstrap": "debootstrap",
    "docker-compose": "docker-compose",
    "ssh-keygen": "openssh-client",
}
"""Program to Debian package: the one list of system parts (with libraries in `deploy/parts.txt`)."""


def program(name: str) -> str | None:
    """Find a program, also in the folders that only root's PATH has, and those of Debian's PostgreSQL."""
    servers = ":".join(map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"))))
    return (
        shutil.which(name, path=servers)
        or shutil.which(name)
        or shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin")
    )


def free_port() -> int:
    """Give a TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(true, seconds: float = 10.0, step: float = 0.02):
    """Wait until `true()` gives something true and give that; AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(step)
    raise AssertionError(f"not within {seconds} s: {true}")


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether something listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((host, port)) == 0


@dataclass
class Broker:
    """A real mosquitto that keeps nothing on disk."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    process: subprocess.Popen | None = None

    def bounds(self) -> list[str]:
        """Give the lines of its configuration that bound queues: there are no bounds."""
        return ["max_queued_messages 0", "max_inflight_messages 0", "set_tcp_nodelay true"]

    def start(self) -> "Broker":
        """Start it (again, on the same port) and wait until it answers."""
        config = self.folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} {self.host}\nallow_anonymous true\npersistence false\n"
            + "".join(f"{line}\n" for line in self.bounds())
        )
        path = program("mosquitto")
        assert path, "mosquitto is not installed"
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen([path, "-c", str(config)], stdout=log, stderr=log)
        wait_until(lambda: answers(self.port, self.host))
        return self

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
