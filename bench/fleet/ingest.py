"""As fast as it goes: how many moments a second some workers store in one PostgreSQL, and which part is the limit."""

import asyncio
import os
import resource
import threading
import time
from pathlib import Path

from sqlalchemy import create_engine, text

from bench.fleet import verdict
from bench.fleet.fleet import Fleet
from bench.fleet.life import Script, health
from bench.fleet.world import World, started
from bench.table import Figure

_DEVICES = 200
_EACH = 20
"""Moments of each device that are always under way."""
_LOOK_S = 0.05
_REPORT_S = 0.5
_WAITS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


class _Locks:
    """Looks how many workers wait for another's transaction to end."""

    def __init__(self, world: World) -> None:
        self._engine = create_engine(world.url, isolation_level="AUTOCOMMIT")
        self._looks: list[int] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with self._engine.connect() as connection:
            while not self._ending.wait(_LOOK_S):
                self._looks.append(int(connection.execute(text(_WAITS)).scalar_one()))

    def close(self) -> float:
        """Give how many waited, on average."""
        self._ending.set()
        self._thread.join()
        self._engine.dispose()
        return sum(self._looks) / len(self._looks)


def _own_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def _press(world: World, fleet: Fleet, seconds: float) -> tuple[float, dict[str, float], float]:
    """Keep as many under way; gives moments a second, the CPU share of each part, and how many workers waited."""
    await fleet.come(1.0)

    async def feed(until: float) -> None:
        while time.monotonic() < until:
            for device in fleet.devices:
                for _ in range(_EACH - len(device.waiting)):
                    fleet.make(device)
            await asyncio.sleep(0.01)

    await feed(time.monotonic() + seconds / 4)  # until it is warm
    before, own, done, begun = world.cpu_s(), _own_cpu_s(), len(fleet.stored), time.monotonic()
    locks = _Locks(world)
    await feed(time.monotonic() + seconds)
    took, done = time.monotonic() - begun, len(fleet.stored) - done
    shares = {part: (now - before[part]) / took for part, now in world.cpu_s().items()}
    shares["devices"] = (_own_cpu_s() - own) / took
    waits = locks.close()
    await fleet.until(lambda: fleet.waiting == 0, 60)
    return done / took, shares, waits


async def _report(world: World, fleet: Fleet, seconds: float) -> dict[str, float]:
    """Let each device say twice a second how it is; gives what a word of it costs each part in CPU seconds."""
    before, end, said = world.cpu_s(), time.monotonic() + seconds, 0
    while (now := time.monotonic()) < end:
        for device in fleet.devices:
            device.say("health", health(0))
            said += 1
        await asyncio.sleep(max(0.0, now + _REPORT_S - time.monotonic()))
    await asyncio.sleep(2.0)  # until the last is stored
    return {part: (now - before[part]) / said for part, now in world.cpu_s().items()}


def figures(folder: Path, script: Script, *, workers: int, seconds: float) -> dict[str, Figure]:
    """Press so many workers for so long."""
    with started(folder, workers) as world:
        fleet = Fleet(_DEVICES, world.broker.port, script)

        async def both() -> tuple[tuple[float, dict[str, float], float], dict[str, float]]:
            pressed = await _press(world, fleet, seconds)
            reported = await _report(world, fleet, seconds / 3)
            fleet.end()
            return pressed, reported

        (rate, shares, waits), reported = asyncio.run(both())
        held = verdict.kept(world.url, fleet.made, fleet.stored)
        rss = [worker.rss_mb() for worker in world.workers]
    found = {
        "seconds of it": Figure(seconds, "s"),
        "stored a second": Figure(rate, "1/s"),
        "lost": held["lost"],
        "double": held["double"],
        "sent again": Figure(sum(each.tries > 1 for each in fleet.stored.values()), "moments"),
        **{f"CPU of the {part}": Figure(100 * share, "% of a core") for part, share in shares.items()},
        **{f"CPU of the {part} for a moment": Figure(1e6 * share / rate, "us") for part, share in shares.items()},
        **{f"CPU of the {part} for a health message": Figure(1e6 * spent, "us") for part, spent in reported.items()},
        "cores of this machine": Figure(os.cpu_count() or 1, "cores"),
        "workers that wait for another's transaction": Figure(waits, "workers"),
        "memory of a worker": Figure(max(rss), "MB"),
    }
    return {f"ingest, {workers} worker{'s' * (workers > 1)}: {name}": figure for name, figure in found.items()}
