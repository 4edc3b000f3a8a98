"""Calls made up from the OpenAPI document and from nothing: none may fail or hang the hub.

    python -m bench.schema [--cases 180000]

schemathesis reads the hub's own document and makes calls that fit it and calls that do not: queries, headers, bodies.
They go to a real server, over a store with some moments. A failure is an answer of 500 or above, or
one that takes longer than ten seconds.
"""

import argparse
import contextlib
import sys
import tempfile
import time
import warnings
from pathlib import Path

import httpx
import hypothesis
import schemathesis

from bench.table import Figure, report
from hub.api.app import create_app
from hub.stores.store import Report, Store
from moments import uuid7
from tests.hub.conftest import serving
from tests.hub.moments import make

SLOW_S = 10.0
ENDLESS = {"/api/stream"}
"""Never ends by itself; the other fuzzed queries of the filter are the same."""


class Failed(Exception):  # noqa: N818
    """An answer that is a failure of the hub."""


class Tally:
    """How many calls were made, what they were answered, and what failed."""

    def __init__(self) -> None:
        self.cases = 0
        self.codes: dict[int, int] = {}
        self.failures: list[str] = []
        self.slowest_s = 0.0


def _fill(store: Store) -> None:
    held = [make(), make(basis="none", origin="note", place=None, scene=None), make(origin="mark", record=uuid7())]
    store.take(held, reports=[Report("pocket-1", "status", '{"state":"listening"}')])
    store.write_note(held[0].id, "by the sea")


def fuzz(folder: Path, cases: int, seed: int = 1) -> Tally:
    """Make up to `cases` calls, shared among the operations, some of which have fewer; gives the tally."""
    store = Store(folder / "hub.db")
    _fill(store)
    app = create_app(store, send=lambda *_, **__: True)
    tally = Tally()
    with serving(app) as client:
        schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
        operations = [found.ok() for found in schema.get_all_operations()]
        operations = [one for one in operations if one.path not in ENDLESS]
        each = max(1, cases // (2 * len(operations)))
        for operation in operations:
            for mode in schemathesis.GenerationMode:
                _fuzz(client, operation, mode, each=each, seed=seed, tally=tally)
    store.close()
    return tally


def _fuzz(client: httpx.Client, operation, mode, *, each: int, seed: int, tally: Tally) -> None:
    try:
        strategy = operation.as_strategy(generation_mode=mode)
    except Exception as error:  # noqa: BLE001 - an operation without anything to spoil has no such calls
        sys.stdout.write(f"{operation.label}: no calls of mode {mode.value}: {type(error).__name__}\n")
        return

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=each,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategy)
    def call(case) -> None:
        begun = time.monotonic()
        try:
            answer = client.request(**_asked(case, str(client.base_url).rstrip("/")))
        except (ValueError, TypeError, AttributeError, httpx.InvalidURL, httpx.LocalProtocolError):
            return  # no such call can be put on the wire
        except httpx.TimeoutException:
            tally.failures.append(f"{operation.label}: no answer: {_asked(case)!r:.600}")
            return
        took = time.monotonic() - begun
        tally.cases += 1
        tally.codes[answer.status_code] = tally.codes.get(answer.status_code, 0) + 1
        tally.slowest_s = max(tally.slowest_s, took)
        # The store and the broker may be said to be away: 503 is an answer, and readyz gives it here.
        if (answer.status_code >= 500 and answer.status_code != 503) or took > SLOW_S:
            tally.failures.append(f"{operation.label}: {answer.status_code} in {took:.1f} s: {_asked(case)!r:.600}")

    with contextlib.suppress(hypothesis.errors.Unsatisfiable):  # nothing can be made wrong about this operation
        call()


def _asked(case, base: str = "http://127.0.0.1") -> dict:
    """Give a case as httpx takes it."""
    asked = case.as_transport_kwargs(base_url=base)
    return {
        name: asked[name]
        for name in ("method", "url", "params", "headers", "json", "data", "files", "cookies")
        if asked.get(name)
    }


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=180_000)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        tally = fuzz(Path(folder), args.cases)
    sys.stdout.write(f"answers by status: {dict(sorted(tally.codes.items()))}; slowest {tally.slowest_s:.2f} s\n")
    for line in sorted(set(tally.failures))[:50]:
        sys.stdout.write(f"{line}\n")
    figures = {
        "calls made up from the OpenAPI document": Figure(tally.cases, "calls", 100_000, "at least"),
        "… answered with a failure of the hub, or not within 10 s": Figure(len(tally.failures), "calls", 0),
    }
    report("hub", figures, write=tally.cases >= 100_000, beside=True)
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
