"""The faults: how each begins, how it ends, and when all is well again after it."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.chaos.witness import on_disk_now
from bench.chaos.world import World

MICROPHONE = frozenset({"microphone unplugged", "sound server killed"})
DEAFENS = MICROPHONE | {"device killed"}


@dataclass
class Fault:
    """One fault in monotonic seconds: when it began, when its cause was gone, when all was well again."""

    kind: str
    begin: float
    ended: float = 0.0
    well: float | None = None
    kept_at_end: int = 0

    @property
    def recovery_s(self) -> float | None:
        """Seconds from the end of its cause until all was well; None where that was not seen."""
        return None if self.well is None else self.well - self.ended


@dataclass(frozen=True)
class Kind:
    """A kind of fault. `well`: whether the world is well again after one. `apart`: kinds it does not meet."""

    name: str
    begin: Callable[[World], None]
    end: Callable[[World], None]
    lasts_s: tuple[float, float]
    well: Callable[[World, Fault], bool]
    apart: frozenset[str] = field(default_factory=frozenset)


def _hears(world: World, fault: Fault) -> bool:
    """Its log says so, or it never lost a moment's sound. From when on it heard is measured later, in the moments."""
    return world.diary.healthy_at > fault.begin or any(at > fault.ended + 3 for at in world.diary.kept.values())


def _delivers(world: World, fault: Fault) -> bool:
    """It answers, and all that was kept before the end of the fault is in the hub."""
    return world.caller.answered_since(fault.ended) and world.hub.count() >= fault.kept_at_end


def _stores(world: World, fault: Fault) -> bool:
    return world.hub.count() >= fault.kept_at_end


def _writes(world: World, fault: Fault) -> bool:
    """A moment that was kept after the end of the fault is on the disk."""
    found = on_disk_now(world.outbox) or set()
    return any(world.diary.kept.get(each, 0.0) > fault.ended for each in found)


def _answers(world: World, fault: Fault) -> bool:
    return world.caller.answered_since(fault.ended)


def _has_a_fix(world: World, fault: Fault) -> bool:
    """The hub's newest moment was kept after the end of the fault and tells a place."""
    try:
        newest = world.hub.get("/api/moments?limit=1000&has=place")["items"]
    except (OSError, ValueError):
        return False
    return any(world.diary.kept.get(each["id"], 0.0) > fault.ended for each in newest)


def _nothing(_world: World) -> None:
    """A jump of the clock does not end."""


def kinds(world: World, chance: random.Random) -> list[Kind]:
    """Give the kinds of fault that this machine allows."""

    def jump(_world: World) -> None:
        """Move the clock by half an hour to two days, to where it never was."""
        shift = 0.0
        while any(abs(shift - before) < 600 for before in world.shifts):
            shift = chance.choice((-1, 1)) * chance.uniform(1800, 172_800)
        world.shift_clock(round(shift))

    found = [
        Kind(
            "microphone unplugged", lambda w: w.pulse.unplug(), lambda w: w.pulse.plug_in(), (0.3, 4.0), _hears, DEAFENS
        ),
        Kind(
            "sound server killed",
            lambda w: w.pulse.kill(),
            lambda w: w.pulse.start() and None,
            (0.3, 4.0),
            _hears,
            DEAFENS,
        ),
        Kind("broker killed", lambda w: w.broker.kill(), lambda w: w.broker.start() and None, (0.0, 5.0), _delivers),
        Kind("network cut", lambda w: w.cable.cut(), lambda w: w.cable.mend(), (1.0, 8.0), _delivers),
        Kind("hub killed", lambda w: w.hub.kill(), lambda w: w.hub.start() and None, (0.0, 5.0), _stores),
        Kind(
            "device killed",
            lambda w: w.kill_device(),
            lambda w: w.start_device(),
            (0.0, 1.0),
            _delivers,
            DEAFENS | {"disk full"},
        ),
        Kind("clock jumps", jump, _nothing, (0.0, 0.0), _answers),
        Kind("gpsd gone", lambda w: w.gpsd.stop(), lambda w: w.receive(), (1.0, 8.0), _has_a_fix),
    ]
    if world.disk.real:
        found.append(
            Kind(
                "disk full",
                lambda w: w.disk.fill(),
                lambda w: w.disk.free(),
                (3.0, 10.0),
                _writes,
                frozenset({"device killed"}),
            )
        )
    return found


class Turns:
    """Runs faults one after the other, sometimes two at once, for so many seconds."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.faults: list[Fault] = []
        self._world, self._chance = world, chance
        self._open: list[tuple[Kind, Fault]] = []
        self._bag: list[Kind] = []

    def one(self, kinds: list[Kind]) -> None:
        """Do one fault, or two that meet, and wait until all is well, 10 s at most."""
        first = self._draw(kinds)
        together = [first]
        if self._chance.random() < 0.3:
            second = next((k for k in self._bag if k.name not in first.apart and first.name not in k.apart), None)
            if second is not None and second is not first:
                self._bag.remove(second)
                together.append(second)
        begun = [(kind, Fault(kind.name, time.monotonic())) for kind in together]
        for kind, _ in begun:
            kind.begin(self._world)
        for kind, fault in begun:
            self.watch(self._chance.uniform(*kind.lasts_s))
            kind.end(self._world)
            fault.ended = time.monotonic()
            fault.kept_at_end = len(self._world.diary.kept)
            self.faults.append(fault)
            self._open.append((kind, fault))
        until = time.monotonic() + 10.0
        while self._open and time.monotonic() < until:
            self.watch(0.1)

    def watch(self, seconds: float) -> None:
        """Let time go by, and look which faults are over."""
        until = time.monotonic() + seconds
        while True:
            self._world.mind_device()
            for kind, fault in list(self._open):
                if kind.well(self._world, fault):
                    fault.well = time.monotonic()
                    self._open.remove((kind, fault))
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(0.1, left))

    @property
    def calm(self) -> bool:
        """Tell whether all faults are over."""
        return not self._open

    def _draw(self, kinds: list[Kind]) -> Kind:
        """Draw from a bag that is filled anew when it is empty, so that all kinds come often."""
        names = {kind.name for kind in kinds}
        self._bag = [kind for kind in self._bag if kind.name in names]
        if not self._bag:
            self._bag = self._chance.sample(kinds, len(kinds))
        return self._bag.pop()
