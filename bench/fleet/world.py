"""The parts that the fleet speaks to: a real mosquitto, hubs that share a subscription, one PostgreSQL on the disk."""

import os
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.hub.running import Hub
from bench.outbox import resident_mb
from tests.parts import Broker, wait_until
from tests.postgres import Cluster

SHIPPED: Final = Path(__file__).parents[2] / "deploy" / "mosquitto" / "moodscape.conf"
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Mosquitto(Broker):
    """A broker with the bounds that ship, without its doors."""

    def bounds(self) -> list[str]:
        """Give those that ship."""
        return re.findall(r"^(?:max|persistent)_\w+ .*$", SHIPPED.read_text(), re.MULTILINE)


class World:
    """A broker, a database and so many hub workers; `cpu_s` tells what each has used since it was started."""

    def __init__(self, folder: Path, workers: int, postgres: Cluster) -> None:
        self.broker = Mosquitto(folder)
        self.postgres = postgres
        self.url = postgres.new()
        self.workers = [Hub(folder, self._settings(n)) for n in range(workers)]

    def _settings(self, n: int) -> dict[str, object]:
        broker = {"broker.port": self.broker.port, "broker.share_group": "hubs", "broker.client_id": f"hub-{n}"}
        return broker | {"store.url": self.url}

    def start(self) -> "World":
        """Start all."""
        self.broker.start()
        for worker in self.workers:
            worker.start()
            wait_until(lambda worker=worker: ready(worker), 60)
        return self

    def stop(self) -> None:
        """End all but the database."""
        for worker in self.workers:
            if worker.process is not None:
                worker.stop()
        self.broker.kill()

    def cpu_s(self) -> dict[str, float]:
        """CPU time so far, user and system, of the workers together, PostgreSQL with all that it forked, the broker."""
        assert self.broker.process is not None
        return {
            "hub": sum(worker.cpu_s() for worker in self.workers),
            "PostgreSQL": _family_cpu_s(self.postgres.pid),
            "broker": sum(_cpu(self.broker.process.pid)[:2]),
        }

    def broker_mb(self) -> float:
        """Memory that the broker has resident."""
        return resident_mb(self.broker.process, "VmRSS")


@contextmanager
def started(folder: Path, workers: int) -> Iterator[World]:
    """Give a world that runs, over a database that writes through to the disk; all of it is gone afterwards."""
    postgres = Cluster(durable=True).start()
    try:
        world = World(folder, workers, postgres)
        try:
            yield world.start()
        finally:
            world.stop()
    finally:
        postgres.stop()


def ready(worker: Hub) -> bool:
    """Tell whether a worker reaches its store and the broker."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{worker.port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:  # also what HTTP calls an error
        return False


def _cpu(pid: int) -> list[float]:
    """User and system time of a process, and of those of its children that have ended (s)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return [0.0] * 4
    return [int(field) / _TICKS for field in fields[11:15]]


def _family_cpu_s(pid: int) -> float:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(_cpu(pid)) + sum(sum(_cpu(int(child))[:2]) for child in children)
