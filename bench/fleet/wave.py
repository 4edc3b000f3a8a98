"""Every device comes back at once, each with moments that waited."""

import asyncio
import time
from pathlib import Path

import numpy as np

from bench.fleet import verdict
from bench.fleet.fleet import Fleet
from bench.fleet.life import Script
from bench.fleet.world import started
from bench.table import Figure

_AWAY_S = 3600.0
_QUIET_S = 10.0
BAR_S = 60.0


async def _come_back(fleet: Fleet, each: int) -> float:
    """Let all be known to the broker, leave, gather so many moments and come back; gives when they came."""
    await fleet.come(_QUIET_S)
    for device in fleet.devices:
        device.offline()
    await asyncio.sleep(_QUIET_S)  # so that the hubs are done with what the broker says of that
    for device in fleet.devices:
        for n in range(each):
            fleet.make(device, ago_s=_AWAY_S * (each - n) / each)
    back = time.monotonic()
    for device in fleet.devices:
        device.online()
    await fleet.until(lambda: fleet.waiting == 0, 5 * BAR_S)
    fleet.end()
    return back


def figures(folder: Path, script: Script, *, devices: int, workers: int, each: int) -> dict[str, Figure]:
    """Let so many devices come back with so many moments each."""
    with started(folder, workers) as world:
        fleet = Fleet(devices, world.broker.port, script)
        before = world.cpu_s()
        back = asyncio.run(_come_back(fleet, each))
        spent = {part: now - before[part] for part, now in world.cpu_s().items()}
        held = verdict.kept(world.url, fleet.made, fleet.stored)
        a_moment = verdict.bytes_a_moment(world.url)
        resident = {"worker": max(worker.rss_mb() for worker in world.workers), "broker": world.broker_mb()}
    first = np.full(devices, np.inf)
    last = np.array([np.inf if device.waiting else 0.0 for device in fleet.devices])
    for stored in fleet.stored.values():
        first[stored.device] = min(first[stored.device], stored.stored - back)
        last[stored.device] = max(last[stored.device], stored.stored - back)
    done = len(fleet.stored)
    found = {
        "devices": Figure(devices, "devices"),
        **held,
        "all stored after": Figure(float(last.max()), "s", BAR_S),
        "devices that waited longer than that for a moment": Figure(int((last > BAR_S).sum()), "devices", 0),
        "first moment of a device stored after, median": Figure(float(np.median(first)), "s"),
        "first moment of a device stored after, longest": Figure(float(first.max()), "s"),
        "stored a second": Figure(done / float(last.max()), "1/s"),
        "sent again": Figure(sum(stored.tries > 1 for stored in fleet.stored.values()), "moments"),
        **{f"CPU of the {part} for a moment": Figure(1e6 * used / done, "us") for part, used in spent.items()},
        "PostgreSQL's disk for a moment, indexes included": Figure(a_moment, "bytes"),
        **{f"memory of the {part}": Figure(mb, "MB") for part, mb in resident.items()},
    }
    return {f"wave: {name}": figure for name, figure in found.items()}
