"""The fleet lives while hubs and broker are killed at random and devices lose their network."""

import asyncio
import random
import time
from pathlib import Path

import numpy as np

from bench.fleet import verdict
from bench.fleet.device import Device
from bench.fleet.fleet import Fleet
from bench.fleet.life import Script
from bench.fleet.verdict import Outage
from bench.fleet.world import World, ready, started
from bench.table import Figure
from tests.parts import wait_until

_SPREAD_S = 10.0
_BETWEEN_S = (20.0, 40.0)
_DEAD_S = (0.5, 5.0)
_CATCH_UP_S = 5.0
"""What waited through an outage is stored within so long of its end; it counts as a part of it."""
_BROKER_SHARE = 0.25
_ALONE_EVERY_S, _ALONE_S = 1200.0, (5.0, 120.0)
"""A device's own network goes about so often and is back after so long."""
_TOWER_SHARE, _TOWER_S = 1 / 3, 60.0
"""Once, in the middle, so many devices lose their network together."""


class Killer:
    """Ends one part after another, and starts it again."""

    def __init__(self, world: World, fleet: Fleet, rng: random.Random) -> None:
        self._world, self._fleet, self._rng = world, fleet, rng
        self.outages: list[Outage] = []

    async def run(self, end: float) -> None:
        """Kill until `end`."""
        while True:
            wait = self._rng.uniform(*_BETWEEN_S)
            if time.monotonic() + wait + max(_DEAD_S) + _CATCH_UP_S > end:
                return
            await asyncio.sleep(wait)
            await self._kill_one()

    async def _kill_one(self) -> None:
        broker = self._rng.random() < _BROKER_SHARE
        worker = self._rng.choice(self._world.workers)
        part = self._world.broker if broker else worker
        begin = time.monotonic()
        await asyncio.to_thread(part.kill)
        await asyncio.sleep(self._rng.uniform(*_DEAD_S))
        await asyncio.to_thread(part.start)
        workers = self._world.workers if broker else [worker]
        for each in workers:
            await asyncio.to_thread(wait_until, lambda each=each: ready(each), 60)
        assert await self._fleet.until(lambda: self._fleet.settled, 120), "devices do not find back to the broker"
        name = "broker" if broker else "worker"
        self.outages.append(Outage(name, begin, time.monotonic() + _CATCH_UP_S))


async def _lose_network(device: Device, seconds: float) -> None:
    device.offline()
    await asyncio.sleep(seconds)
    device.online()


async def _wander(fleet: Fleet, rng: random.Random, begin: float, end: float) -> None:
    """Let devices lose their network: each alone now and then, and once many together."""
    gone: set[asyncio.Task[None]] = set()
    middle: float | None = (begin + end) / 2
    while (now := time.monotonic()) < end:
        leaving = [(device, rng.uniform(*_ALONE_S)) for device in fleet.devices if rng.random() < 1 / _ALONE_EVERY_S]
        if middle is not None and now > middle:
            leaving = [(device, _TOWER_S) for device in fleet.devices if rng.random() < _TOWER_SHARE]
            middle = None
        for device, seconds in leaving:
            if device.wanted:
                task = asyncio.ensure_future(_lose_network(device, min(seconds, max(1.0, end - now))))
                gone.add(task)
                task.add_done_callback(gone.discard)
        await asyncio.sleep(1.0)
    await asyncio.gather(*gone)


async def _live(world: World, fleet: Fleet, seconds: float, rng: random.Random) -> list[Outage]:
    await fleet.come(_SPREAD_S)
    fleet.live()
    begin = time.monotonic()
    killer = Killer(world, fleet, rng)
    async with asyncio.TaskGroup() as group:
        group.create_task(killer.run(begin + seconds))
        group.create_task(_wander(fleet, rng, begin, begin + seconds))
    fleet.rest()
    await fleet.until(lambda: fleet.waiting == 0, 180)
    fleet.end()
    return killer.outages


def figures(folder: Path, script: Script, *, devices: int, workers: int, seconds: float) -> dict[str, Figure]:
    """Let so many devices live for so long."""
    with started(folder, workers) as world:
        fleet = Fleet(devices, world.broker.port, script)
        outages = asyncio.run(_live(world, fleet, seconds, random.Random(3)))
        held = verdict.kept(world.url, fleet.made, fleet.stored)
    late = verdict.outside(fleet.stored.values(), outages)
    every = np.array([each.stored - each.first_sent for each in fleet.stored.values()])
    found = {
        "devices": Figure(devices, "devices"),
        "workers": Figure(workers, "workers"),
        "seconds": Figure(seconds, "s"),
        "workers killed": Figure(sum(out.part == "worker" for out in outages), "times"),
        "broker killed": Figure(sum(out.part == "broker" for out in outages), "times"),
        **held,
        "never answered": Figure(fleet.waiting, "moments", 0),
        "moments a second": Figure(len(fleet.made) / seconds, "1/s"),
        "sent again": Figure(sum(each.tries > 1 for each in fleet.stored.values()), "moments"),
        "connections": Figure(sum(device.connections for device in fleet.devices), "connections"),
        "moments outside of outages": Figure(100 * len(late) / len(every), "%"),
        "publish to stored outside of outages, median": Figure(float(np.median(late)), "s"),
        "publish to stored outside of outages, p99": Figure(float(np.percentile(late, 99)), "s", 1),
        "publish to stored, all, p99": Figure(float(np.percentile(every, 99)), "s"),
        "publish to stored, all, longest": Figure(float(every.max()), "s"),
    }
    return {f"killed: {name}": figure for name, figure in found.items()}
