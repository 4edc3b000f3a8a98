"""Calls made up from the OpenAPI document: none may fail or hang the hub.

    python -m bench.schema [--cases 112000] [--resume FILE] [--minutes N]

schemathesis reads the hub's own document and makes calls that fit it and calls that do not: queries, headers, bodies.
Then it makes each of them again with about half of what was made up replaced by the document's examples, which name
what is really there, so that calls come behind the first check. They go to a real server, over a store with some
moments. A failure is an answer of 500 or above, or one that takes longer than ten seconds. `--resume` keeps the tally
in a file after each operation and goes on from there; `--minutes` leaves after so long.
"""

import argparse
import contextlib
import json
import random
import sys
import tempfile
import time
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import schemathesis

from bench.table import Figure, report
from hub.api import documented
from hub.api.app import create_app
from hub.stores.store import Report, Store
from hub.telling import Telling
from moments import Clip
from tests.hub.conftest import serving
from tests.hub.moments import make

SLOW_S = 10.0
ENDLESS = {"/api/stream"}
"""Never ends by itself; the other fuzzed queries of the filter are the same."""
NEGATIVE = 0.2
"""The share of calls that are made not to fit: they take schemathesis three times as long."""


@dataclass
class Tally:
    """How many calls were made, what they were answered, and what failed; `done`: operations by mode."""

    cases: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    done: list[str] = field(default_factory=list)


def _fill(store: Store, client: httpx.Client) -> None:
    """Put there what the examples of the document name."""
    sound = Clip(sha256=documented.SOUND, seconds=30.0, media_type="audio/wav")
    named = make(id=documented.MOMENT, clip=sound, record=documented.RECORD, origin="mark")
    held = [named, make(basis="none", origin="note", place=None, scene=None), *(make() for _ in range(30))]
    store.take(held, reports=[Report("pocket-1", "status", '{"state":"listening"}')])
    store.write_note(documented.MOMENT, "by the sea")
    store.describe_device("pocket-1", name="pocket", owner="Ann")
    client.put(f"/api/clips/{documented.SOUND}?device=pocket-1", content=b"RIFF").raise_for_status()
    client.post("/api/tokens", json={"name": "one"}).raise_for_status()
    Telling(store, lambda *_, **__: True).command("pocket-1", {"id": documented.COMMAND, "do": "ping", "until": None})


def fuzz(folder: Path, cases: int, *, seed: int = 1, resume: Path | None = None, minutes: float = 1e9) -> Tally:
    """Make about so many calls, shared among the operations; gives the tally of all, those before included."""
    tally = Tally(**json.loads(resume.read_text())) if resume and resume.exists() else Tally()
    end = time.monotonic() + 60 * minutes
    store = Store(folder / "hub.db")
    app = create_app(store, send=lambda *_, **__: True)
    with serving(app) as client:
        _fill(store, client)
        document = client.get("/openapi.json").json()
        schema = schemathesis.openapi.from_dict(document)
        operations = [found.ok() for found in schema.get_all_operations()]
        operations = [one for one in operations if one.path not in ENDLESS]
        operations.sort(key=lambda one: one.method.upper() == "DELETE")  # what is named is there until then
        many = [one for one in operations if _asks(one, document)]
        for operation in operations:
            for mode in schemathesis.GenerationMode:
                name = f"{operation.label} {mode.value}"
                if name in tally.done or time.monotonic() > end:
                    continue
                share = NEGATIVE if mode is schemathesis.GenerationMode.NEGATIVE else 1 - NEGATIVE
                each = max(1, int(cases * share / len(many) / 1.7))  # most are sent twice
                _fuzz(client, operation, mode, document, each=each, seed=seed, tally=tally)
                tally.done.append(name)
                if resume:
                    resume.write_text(json.dumps(asdict(tally)))
    store.close()
    return tally


def _described(operation: Any, document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][operation.path][operation.method.lower()]
    return found


def _asks(operation: Any, document: dict[str, Any]) -> bool:
    """Tell whether there is anything to make up."""
    found = _described(operation, document)
    return bool(found.get("parameters") or found.get("requestBody"))


def _fuzz(client: httpx.Client, operation, mode, document, *, each: int, seed: int, tally: Tally) -> None:
    try:
        strategy = operation.as_strategy(generation_mode=mode)
    except Exception as error:  # noqa: BLE001 - an operation without anything to spoil has no such calls
        sys.stdout.write(f"{operation.label}: no calls of mode {mode.value}: {type(error).__name__}\n")
        return
    described, rng = _described(operation, document), random.Random(f"{seed} {operation.label} {mode.value}")

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
        _send(client, operation, case, tally)
        if _deepen(case, described, document, rng):
            _send(client, operation, case, tally)

    with contextlib.suppress(hypothesis.errors.Unsatisfiable):  # nothing can be made wrong about this operation
        call()


def _send(client: httpx.Client, operation, case, tally: Tally) -> None:
    try:
        asked = _asked(case, str(client.base_url).rstrip("/"))
        begun = time.monotonic()
        answer = client.request(**asked)
    except (ValueError, TypeError, AttributeError, httpx.InvalidURL, httpx.LocalProtocolError):
        return  # no such call can be put on the wire
    except httpx.TimeoutException:
        tally.failures.append(f"{operation.label}: no answer: {asked!r:.600}")
        return
    took = time.monotonic() - begun
    code = str(answer.status_code)
    tally.cases += 1
    tally.codes[code] = tally.codes.get(code, 0) + 1
    tally.slowest_s = max(tally.slowest_s, took)
    # The store and the broker may be said to be away: 503 is an answer, and readyz gives it here.
    if (answer.status_code >= 500 and answer.status_code != 503) or took > SLOW_S:
        tally.failures.append(f"{operation.label}: {code} in {took:.1f} s: {asked!r:.600}")


def _deepen(case, described: dict[str, Any], document: dict[str, Any], rng: random.Random) -> bool:
    """Put examples of the document in place of about half of what was made up; tells whether anything was replaced."""
    replaced = False
    for one in described.get("parameters", []):
        values = {"path": case.path_parameters, "query": case.query, "header": case.headers}[one["in"]]
        if one["name"] in values and rng.random() < 0.6:
            values[one["name"]] = rng.choice(one["schema"]["examples"])
            replaced = True
    for body in described.get("requestBody", {}).get("content", {}).values():
        if rng.random() < 0.4:
            shape = body["schema"]
            if "$ref" in shape:
                shape = document["components"]["schemas"][shape["$ref"].rpartition("/")[2]]
            case.body = body.get("example") or rng.choice(shape["examples"])
            replaced = True
    return replaced


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
    parser.add_argument("--cases", type=int, default=112_000)
    parser.add_argument("--resume", type=Path, metavar="FILE")
    parser.add_argument("--minutes", type=float, default=1e9)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        tally = fuzz(Path(folder), args.cases, resume=args.resume, minutes=args.minutes)
    sys.stdout.write(f"answers by status: {dict(sorted(tally.codes.items()))}; slowest {tally.slowest_s:.2f} s\n")
    for line in sorted(set(tally.failures))[:50]:
        sys.stdout.write(f"{line}\n")
    answered = sum(count for code, count in tally.codes.items() if code.startswith("2"))
    figures = {
        "calls made up from the OpenAPI document": Figure(tally.cases, "calls", 100_000, "at least"),
        "… of which did what they asked": Figure(100 * answered / max(1, tally.cases), "%"),
        "… answered with a failure of the hub, or not within 10 s": Figure(len(tally.failures), "calls", 0),
    }
    report("hub", figures, write=args.cases >= 100_000, beside=True)
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
