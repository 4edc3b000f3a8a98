"""The hub as a memory, measured.

    python -m bench.hub [--short] [--only PART …] [--moments N] [--keep FILE]

It prints a table; a full run also writes `bench/results/hub.json`. `--keep` keeps the store of years at a path, or
asks the one that is there.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.table import Figure, report

PARTS = ("years", "ingest", "streams", "killed", "erased")


def _years(folder: Path, count: int, keep: Path | None) -> dict[str, Figure]:
    from bench.hub.asking import figures
    from bench.hub.years import fill
    from hub.stores.store import Store

    path = keep or folder / "years.db"
    found: dict[str, Figure] = {}
    new = not path.exists()
    store = Store(path)
    if new:
        found["years: seconds to write them"] = Figure(fill(store, count), "s")
        store.close()
        store = Store(path)
    store.scrub()
    with store.reading() as connection:
        there = connection.exec_driver_sql("SELECT count(*) FROM moments").scalar()
    found["years: moments"] = Figure(there, "moments")
    found["years: size on disk, indexes included"] = Figure(path.stat().st_size / there, "bytes", 400)
    found |= figures(store)
    store.close()
    return found


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="bench.hub")
    parser.add_argument("--short", action="store_true", help="seconds in place of minutes; writes no results")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--moments", type=int, help="in the store of years (10 000 000; short: 200 000)")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="where the store of years is or stays")
    args = parser.parse_args()
    short: bool = args.short
    from bench.hub import erased, ingest, kills, streams

    measured: dict[str, Callable[[Path], dict[str, Figure]]] = {
        "years": lambda folder: _years(folder, args.moments or (200_000 if short else 10_000_000), args.keep),
        "ingest": lambda folder: ingest.figures(folder, 20 if short else 600),
        "streams": lambda folder: streams.figures(folder, 10 if short else 60),
        "killed": lambda folder: kills.figures(folder, 8 if short else 100),
        "erased": lambda folder: erased.figures(folder, 1000 if short else 20_000),
    }
    for part in args.only:
        with tempfile.TemporaryDirectory(prefix="hub") as name:
            report("hub", measured[part](Path(name)), write=not short, beside=True)


if __name__ == "__main__":
    main()
