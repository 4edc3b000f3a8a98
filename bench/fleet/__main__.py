"""Thousands of virtual devices at real hubs, measured.

    python -m bench.fleet [--devices N] [--minutes M] [--press S] [--only PART …] [--short]

It prints a table and writes `bench/results/fleet.json`; the parts' figures stand beside each other there.
"""

import argparse
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.fleet import ingest, killing, life, wave
from bench.table import Figure, report

PARTS = ("ingest", "wave", "killed")
WORKERS = 3
EACH = 50
SCRIPT_MINUTES = 30


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="bench.fleet")
    parser.add_argument("--devices", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=30, help="of the part in which hubs and broker are killed")
    parser.add_argument("--press", type=float, default=60, help="seconds of each part that goes as fast as it can")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--short", action="store_true", help="seconds in place of minutes; writes no results")
    args = parser.parse_args()
    short: bool = args.short
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection is a file; the broker inherits it
    with tempfile.TemporaryDirectory(prefix="fleet") as name:
        folder = Path(name)
        script = life.script(folder, 2 if short else SCRIPT_MINUTES)
        press_s = 10 if short else args.press
        minutes = 1.5 if short else args.minutes
        measured: dict[str, Callable[[], dict[str, Figure]]] = {
            "ingest": lambda: {
                **ingest.figures(folder, script, workers=1, seconds=press_s),
                **ingest.figures(folder, script, workers=2, seconds=press_s),
            },
            "wave": lambda: wave.figures(folder, script, devices=args.devices, workers=WORKERS, each=EACH),
            "killed": lambda: killing.figures(
                folder, script, devices=args.devices, workers=WORKERS, seconds=60 * minutes
            ),
        }
        lived = {"life: moments of a device an hour": Figure(script.moments_an_hour, "moments")}
        lived["life: bytes of a moment on the wire"] = Figure(script.bytes_a_moment(), "bytes")
        lived["life: bytes of a health message"] = Figure(len(life.health(0)), "bytes")
        report("fleet", lived, write=not short, beside=True)
        for part in args.only:
            report("fleet", measured[part](), write=not short, beside=True)


if __name__ == "__main__":
    main()
