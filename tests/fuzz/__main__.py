"""Fuzzing: a million wrong inputs for every parser of foreign bytes, none of which may crash.

python -m tests.fuzz [--inputs 1100000] [--dice N]     prints a table and writes bench/results/fuzz.json

Inputs are mutations of right ones, by structure and by bytes; coverage does not guide them. An input crashes a parser
when it raises anything but what its caller expects of it. Each crash is printed, and kept in the folder `--crashes`.
"""

import argparse
import hashlib
import logging
import random
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from bench.table import Figure, report
from tests.fuzz.mutate import Mutator
from tests.fuzz.targets import Target, all_targets

_SLOW_S = 2.0


@dataclass
class Found:
    """What one target did with its inputs: `crashes` holds one input for each different place of a crash."""

    inputs: int = 0
    crashes: dict[str, bytes] = field(default_factory=dict)
    slowest_s: float = 0.0


def fuzz(target: Target, inputs: int, dice: int) -> Found:
    """Give a target so many inputs, its seeds first."""
    found = Found()
    mutator = Mutator(target.seeds, dice)
    for n in range(inputs):
        payload = target.seeds[n] if n < len(target.seeds) else mutator.next()
        begun = time.process_time()
        try:
            target.take(payload)
        except target.refuses:
            pass
        except Exception as error:  # noqa: BLE001 (that is what is looked for)
            frames = traceback.extract_tb(error.__traceback__)
            where = (
                f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}: {str(error)[:120]}"
            )
            if where not in found.crashes:
                found.crashes[where] = payload
        found.inputs += 1
        found.slowest_s = max(found.slowest_s, time.process_time() - begun)
    return found


def run(inputs: int, dice: int) -> dict[str, Found]:
    """Give all targets together so many inputs."""
    logging.disable(logging.CRITICAL)
    try:
        with all_targets() as targets:
            return {each.name: fuzz(each, max(20, round(each.share * inputs)), dice) for each in targets}
    finally:
        logging.disable(logging.NOTSET)


def main() -> int:
    """Fuzz, print the table; a run of a million or more writes bench/results/fuzz.json."""
    parser = argparse.ArgumentParser(prog="tests.fuzz", description="Wrong inputs for every parser of foreign bytes.")
    parser.add_argument("--inputs", type=int, default=1_100_000, help="how many, all targets together")
    parser.add_argument("--dice", type=int, default=None, help="the mutations (drawn, and printed)")
    parser.add_argument("--crashes", type=Path, default=None, help="a folder for inputs that crash a parser")
    asked = parser.parse_args()
    dice = random.SystemRandom().randrange(1_000_000) if asked.dice is None else asked.dice
    sys.stdout.write(f"dice {dice}\n")
    found = run(asked.inputs, dice)
    figures = {}
    for name, each in found.items():
        figures[f"{name}: inputs"] = Figure(each.inputs, "")
        figures[f"{name}: crashes"] = Figure(len(each.crashes), "", 0)
        figures[f"{name}: slowest input, CPU"] = Figure(each.slowest_s, "s", _SLOW_S)
        for where, payload in each.crashes.items():
            sys.stderr.write(f"{name}: {where}\n")
            if asked.crashes is not None:
                asked.crashes.mkdir(parents=True, exist_ok=True)
                (asked.crashes / hashlib.sha256(payload).hexdigest()[:12]).write_bytes(payload)
    total = sum(each.inputs for each in found.values())
    crashes = sum(len(each.crashes) for each in found.values())
    figures |= {"inputs, all": Figure(total, "", 1_000_000, "at least"), "crashes, all": Figure(crashes, "", 0)}
    report("fuzz", figures, write=total >= 1_000_000)
    return 1 if crashes else 0


if __name__ == "__main__":
    sys.exit(main())
