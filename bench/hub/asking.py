"""How soon a store of years answers: each question many times, with other values, through the code of the API."""

import json
import resource
import time
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta

import numpy as np

from bench.hub.years import DAYS, FIRST_DAY, HOME, OFFSET_MIN, WORDS
from bench.table import Figure
from hub.query import pages
from hub.query.filter import parse
from hub.query.plan import plan
from hub.query.summary import summary
from hub.stores.cells import PER_DEGREE
from hub.stores.store import Store
from moments import EMOTIONS

_TIMES = 40
_FIRST = date(1970, 1, 1) + timedelta(days=FIRST_DAY)
_ZONES = ("Asia/Seoul", "Asia/Kathmandu", "Europe/Berlin")


def _day(n: int) -> str:
    return (_FIRST + timedelta(days=int(n))).isoformat()


def _instant(n: int) -> str:
    return datetime.fromtimestamp((FIRST_DAY + int(n)) * 86_400 - OFFSET_MIN * 60, UTC).isoformat()


def _list(store: Store, query: list[tuple[str, str]]) -> int:
    """One call of `/api/moments` without the HTTP around it."""
    filter_, _ = parse(query)
    with store.reading() as connection:
        planned = plan(connection, filter_)
        page = pages.page(connection, filter_, pages.Paging(), planned)
        pages.total(connection, filter_, planned)
    json.dumps(page.items)
    return len(page.items)


def _summary(store: Store, query: list[tuple[str, str]], *by: str) -> int:
    filter_, _ = parse(query)
    with store.reading() as connection:
        buckets = summary(connection, filter_, by)
    json.dumps(buckets)
    return len(buckets)


def _timed(calls: Iterable[Callable[[], int]]) -> tuple[float, float, float]:
    """Give the 95th percentile in ms, by the clock and by CPU (user and system), and the mean of what was found."""
    walls, cpus, found = [], [], []
    for call in calls:
        before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        found.append(call())
        walls.append(1000 * (time.perf_counter() - begun))
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpus.append(1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime))
    return float(np.percentile(walls, 95)), float(np.percentile(cpus, 95)), float(np.mean(found))


def _box(rng: np.random.Generator) -> str:
    """A box of 1 to 11 km a side, around somewhere that is not far from home."""
    lat, lon = np.array(HOME) + rng.normal(0, 0.03, 2)
    half = rng.uniform(0.005, 0.05)
    return f"{lon - half:.4f},{lat - half:.4f},{lon + half:.4f},{lat + half:.4f}"


def questions(store: Store) -> dict[str, tuple[float | None, list[Callable[[], int]]]]:
    """Give each figure's bar in ms and its calls."""
    rng = np.random.default_rng(5)
    weeks = rng.integers(0, DAYS - 7, _TIMES)
    listed = [
        [("emotion", EMOTIONS[n % 8]), ("from", _day(week)), ("to", _day(week + 7)), ("bbox", _box(rng))]
        for n, week in enumerate(weeks)
    ]
    months = rng.integers(0, DAYS - 31, _TIMES)
    spots = [np.array(HOME) + rng.normal(0, 0.03, 2) for _ in range(_TIMES)]
    spots[::4] = _homes(store)
    near = [[("near", f"{lat:.6f},{lon:.6f}"), ("radius_m", "300")] for lat, lon in spots]
    text = [[("text", WORDS[int(n)])] for n in np.geomspace(1, 1500, 10)] * (_TIMES // 10)
    return {
        "list: emotion, week and box": (30, [lambda q=q: _list(store, q) for q in listed]),
        "summary by hour over a month": (
            50, [lambda m=m: _summary(store, [("from", _day(m)), ("to", _day(m + 31))], "hour") for m in months],
        ),
        "summary by hour over a month, another time zone": (
            None,
            [
                lambda m=m, n=n: _summary(
                    store, [("from", _instant(m)), ("to", _instant(m + 31)), ("tz", _ZONES[n % 3])], "hour"
                )
                for n, m in enumerate(months)
            ],
        ),
        "summary by day over three years": (150, [lambda: _summary(store, [], "day")] * 10),
        "list: within 300 m, over three years": (50, [lambda q=q: _list(store, q) for q in near]),
        "list: ten words in notes": (50, [lambda q=q: _list(store, q) for q in text]),
    }  # fmt: skip


def _homes(store: Store) -> list[np.ndarray]:
    """Where people were most: the middles of those cells, homes and places of work."""
    with store.reading() as connection:
        found = connection.exec_driver_sql("SELECT row, col FROM cells ORDER BY uses DESC LIMIT 10").all()
    return [np.array([(row + 0.5) / PER_DEGREE - 90, (col + 0.5) / PER_DEGREE - 180]) for row, col in found]


def figures(store: Store) -> dict[str, Figure]:
    """Ask all of them."""
    found = {}
    for name, (bar, calls) in questions(store).items():
        _timed(calls)  # so that what a hub that runs has at hand is at hand
        wall, cpu, count = _timed(calls)
        found[f"{name}, p95"] = Figure(wall, "ms", bar)
        found[f"{name}, p95 of CPU"] = Figure(cpu, "ms")
        assert count > 0, name
    return found
