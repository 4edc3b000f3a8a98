"""All devices in one event loop: they live their day, and what becomes of each moment is noted."""

import asyncio
import heapq
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from bench.fleet.device import Device, Stored
from bench.fleet.life import HEALTH_S, Life, Script, health
from moments import Moment

_TICK_S = 0.5


class Fleet:
    """So many devices at the broker on a port.

    `made` has the ids of all moments; `stored` what became of those that the hub has answered.
    """

    def __init__(self, count: int, port: int, script: Script, seed: int = 9) -> None:
        self.rng = random.Random(seed)
        self.made: list[str] = []
        self.stored: dict[str, Stored] = {}
        self.devices = [Device(n, port, self._told, random.Random(seed + n)) for n in range(count)]
        self._lives = [Life(device.name, script, random.Random(seed * 7 + device.n)) for device in self.devices]
        self._scenes = [moment for _, moment in script.ends]
        self._tasks: list[asyncio.Task[None]] = []

    def _told(self, moment_id: str, stored: Stored) -> None:
        self.stored[moment_id] = stored

    async def come(self, within_s: float) -> None:
        """Let the devices connect, spread over so many seconds. Raises AssertionError when they do not."""
        self._tasks.append(asyncio.ensure_future(self._ticking()))
        for device in self.devices:
            device.online(self.rng.uniform(0, within_s))
        assert await self.until(lambda: self.settled, within_s + 120), "the fleet does not reach the broker"

    def live(self) -> None:
        """Let the devices live their day from here on."""
        self._tasks.append(asyncio.ensure_future(self._living()))

    def rest(self) -> None:
        """Make nothing more."""
        while len(self._tasks) > 1:
            self._tasks.pop().cancel()

    def end(self) -> None:
        """Cut all lines."""
        for task in self._tasks:
            task.cancel()
        for device in self.devices:
            device.offline()

    def make(self, device: Device, moment: Moment | None = None, ago_s: float = 0.0) -> None:
        """Let a device make a moment: one of the script, any by default, which ended so long ago."""
        at = datetime.now(UTC) - timedelta(seconds=ago_s)
        new = self._lives[device.n].live(moment or self.rng.choice(self._scenes), at)
        self.made.append(new.id)
        device.make(new)

    @property
    def waiting(self) -> int:
        """How many moments are not stored."""
        return len(self.made) - len(self.stored)

    @property
    def settled(self) -> bool:
        """Tell whether 99 of 100 devices whose network is there are connected; some are always on their way."""
        wanted = [device for device in self.devices if device.wanted]
        return sum(device.connected for device in wanted) >= 0.99 * len(wanted)

    async def until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is true; False when it is not after so long."""
        end = time.monotonic() + seconds
        while not true():
            for task in self._tasks:
                if task.done():
                    task.result()  # raises what ended it
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.05)
        return True

    async def _ticking(self) -> None:
        while True:
            now = time.monotonic()
            for device in self.devices:
                device.tick(now)
            await asyncio.sleep(max(0.05, now + _TICK_S - time.monotonic()))

    async def _living(self) -> None:
        now = time.monotonic()
        due: list[tuple[float, int, Moment | None]] = []
        lives: list[Iterator[tuple[float, Moment]]] = []
        for n, life in enumerate(self._lives):
            lives.append(life.begin(now))
            at, moment = next(lives[n])
            due.append((at, 2 * n, moment))
            due.append((now + self.rng.uniform(0, HEALTH_S), 2 * n + 1, None))
        heapq.heapify(due)
        while True:
            at, which, moment = due[0]
            if (wait := at - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            device = self.devices[which // 2]
            if moment is not None:
                self.make(device, moment)
                later, following = next(lives[device.n])
                heapq.heapreplace(due, (later, which, following))
            else:
                if device.connected:
                    device.say("health", health(len(device.waiting)))
                heapq.heapreplace(due, (at + HEALTH_S, which, None))
