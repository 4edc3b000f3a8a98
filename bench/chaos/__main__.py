"""Chaos: the real device among real parts, and everything that can happen to it, at random.

python -m bench.chaos [--minutes 30] [--seed N]    prints a table and writes bench/results/chaos.json
"""

import argparse
import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.chaos import verdict
from bench.chaos.faults import Fault, Turns, kinds
from bench.chaos.sounds import Spoken
from bench.chaos.witness import Holding, holding
from bench.chaos.world import World
from bench.table import Figure, report
from moments.errors import WorkError
from tests.parts import wait_until

LAST_KILL = 0.6
"""After this share of the time neither device nor hub is killed, so that one life of each sees many faults."""
DRAIN_S = 60.0


@dataclass
class Outcome:
    """What a run of chaos showed."""

    network: str
    faults: list[Fault]
    kept: int
    lost: int
    stored_twice: int
    dead_letters: int
    deaf: list[float]
    voices: int
    unheard: int
    leaked_files: int
    leaked_threads: int
    ended_by_itself: int
    exit_code: int

    def figures(self) -> dict[str, Figure]:
        """Give what the report shows; the recoveries are seconds from the end of a cause until all was well."""
        found = {
            f"faults (network: {self.network})": Figure(len(self.faults), "", 200, "at least"),
            "moments kept by the device": Figure(self.kept, ""),
            "moments lost": Figure(self.lost, "", 0),
            "moments stored twice": Figure(self.stored_twice, "", 0),
            "dead letters": Figure(self.dead_letters, "", 0),
            "longest deaf after a microphone fault": Figure(max(self.deaf, default=0.0), "s", 5),
            "voices played in healthy times": Figure(self.voices, ""),
            "of them not in the hub": Figure(self.unheard, "", 0),
            "files leaked": Figure(self.leaked_files, "", 0),
            "threads leaked": Figure(self.leaked_threads, "", 0),
            "times the device ended by itself": Figure(self.ended_by_itself, "", 0),
            "exit code of the device at the end": Figure(self.exit_code, "", 0),
        }
        for kind in sorted({fault.kind for fault in self.faults}):
            mine = [fault for fault in self.faults if fault.kind == kind]
            times = [fault.recovery_s for fault in mine if fault.recovery_s is not None]
            found[f"{kind}: times"] = Figure(len(mine), "")
            found[f"{kind}: not seen to recover"] = Figure(len(mine) - len(times), "", 0)
            found[f"{kind}: recovery, median"] = Figure(statistics.median(times) if times else 0.0, "s")
            found[f"{kind}: recovery, longest"] = Figure(max(times, default=0.0), "s")
        return found


def run(folder: Path, minutes: float, seed: int) -> Outcome:
    """Let faults happen for so many minutes, with all files in `folder`.

    Raises WorkError where a system part is missing.
    """
    chance = random.Random(seed)
    lives: dict[int, list[Holding]] = {}
    with World(folder) as world:
        turns = Turns(world, chance)
        all_kinds = kinds(world, chance)
        gentle = [kind for kind in all_kinds if kind.name not in {"device killed", "hub killed"}]
        begin = time.monotonic()
        while (went := (time.monotonic() - begin) / 60 / minutes) < 1:
            turns.one(all_kinds if went < LAST_KILL else gentle)
            turns.watch(chance.uniform(0.2, 1.0))
            if turns.calm:
                for process in (world.device, world.hub.process):
                    if process is not None:
                        lives.setdefault(process.pid, []).append(holding(process.pid))
        turns.watch(20.0)
        return _judge(world, turns, lives)


def _judge(world: World, turns: Turns, lives: dict[int, list[Holding]]) -> Outcome:
    for process in (world.device, world.hub.process):
        if process is not None:
            lives.setdefault(process.pid, []).append(holding(process.pid))
    world.sounds.close()
    exit_code = _leave(world.device)
    world.start_device()  # what it could not send in its last second and a half it sends now
    try:
        wait_until(lambda: set(world.diary.kept) <= {moment["id"] for moment in world.hub.moments()}, DRAIN_S)
    except AssertionError:
        sys.stderr.write("not all that was kept has reached the hub\n")
    world.kill_device()
    world.diary.close()
    moments = world.hub.moments()
    kept, ids = world.diary.kept, [moment["id"] for moment in moments]
    heard = verdict.spans(moments, kept, world.shifts, world.unix_at_0)
    voices = verdict.in_healthy_times(world.sounds.spoken, turns.faults, heard)
    files, threads = verdict.leaked(lives)
    _write_down(world.folder / "notes.json", turns.faults, heard, voices, lives)
    return Outcome(
        network=world.cable.how,
        faults=turns.faults,
        kept=len(kept),
        lost=len(set(kept) - set(ids)),
        stored_twice=len(ids) - len(set(ids)) + verdict.overlaps(heard),
        dead_letters=len(world.hub.get("/api/dead-letters")["items"]),
        deaf=verdict.longest_deaf_s(heard, turns.faults),
        voices=len(voices),
        unheard=sum(not verdict.was_heard(voice, heard) for voice in voices),
        leaked_files=files,
        leaked_threads=threads,
        ended_by_itself=len(world.ends),
        exit_code=exit_code,
    )


def _leave(device: subprocess.Popen[bytes]) -> int:
    """Ask the device to leave; gives its exit code. One that does not within 15 s tells in its log where it hangs."""
    device.send_signal(signal.SIGTERM)
    try:
        return device.wait(15)
    except subprocess.TimeoutExpired:
        device.send_signal(signal.SIGABRT)
        return device.wait()


def _write_down(
    into: Path,
    faults: Sequence[Fault],
    heard: Sequence[verdict.Span],
    voices: Sequence[Spoken],
    lives: Mapping[int, Sequence[Holding]],
) -> None:
    """Leave what the verdict was made from, in monotonic seconds, for whoever asks why."""
    unheard = [asdict(voice) for voice in voices if not verdict.was_heard(voice, heard)]
    notes = {"faults": [asdict(f) for f in faults], "moments": [asdict(s) for s in heard], "unheard": unheard}
    notes["held"] = [[asdict(look) for look in (*looks[:3], looks[-1])] for looks in lives.values()]
    into.write_text(json.dumps(notes, indent=1) + "\n")


def main() -> int:
    """Run, print the table; a full run (30 minutes or more) writes bench/results/chaos.json."""
    parser = argparse.ArgumentParser(prog="bench.chaos", description="Real faults at random around the real device.")
    parser.add_argument("--minutes", type=float, default=30.0, help="how long faults happen (30)")
    parser.add_argument("--seed", type=int, default=None, help="the run's dice (drawn, and printed)")
    parser.add_argument("--folder", type=Path, default=None, help="an empty folder that keeps logs and stores")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if asked.seed is None else asked.seed
    sys.stdout.write(f"seed {seed}\n")
    sys.stdout.flush()
    try:
        with tempfile.TemporaryDirectory(prefix="chaos") as folder:
            outcome = run(asked.folder or Path(folder), asked.minutes, seed)
    except WorkError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    report("chaos", outcome.figures(), write=asked.minutes >= 30)
    return 0


if __name__ == "__main__":
    sys.exit(main())
