"""Years of five people's moments, written straight into a store's tables as ingest would have left them.

Each has a home, a place of work and some others that are visited often, walks between them, and goes on a trip every
other week. Rows go in by the order of their time with all indexes in place, so that the file is as large, and as
loosely packed, as one that grew over the years.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import insert, update

from hub.stores import cells, rollups, rows, words
from hub.stores.dialect import put_rows
from hub.stores.store import Store
from hub.stores.tables import cells as cell_table
from hub.stores.tables import counters, devices, moments, notes, phrases, scenes

FIRST_DAY = int(datetime(2023, 5, 1, tzinfo=UTC).timestamp()) // 86_400
DAYS = 1096
PEOPLE = 5
HOME = (35.1341, 129.1032)
OFFSET_MIN = 540
LABELS = [(f"scene_{n}", ("nature", "city", "people", "home")[n % 4]) for n in range(30)]
RULES = [f'{{"id":"rule-{n}","because":"scene {n} in the evening"}}' for n in range(20)]
MODELS = '{"gate":"gate-1@3f2a9c1d","speech":"speech-1@ab12cd34","scene":"scene-1@99aa01ff","rules":"1"}'
WORDS = [f"word{n:04d}" for n in range(2000)]
NOTES = 100_000


def _spots(rng: np.random.Generator) -> np.ndarray:
    """Twelve places of one person (degrees), the first two of which are home and work."""
    return np.array(HOME) + rng.normal(0, 0.03, (12, 2))


def _day(rng: np.random.Generator, spots: np.ndarray, count: int, first_ms: int) -> dict[str, np.ndarray]:
    """One person's day: starts (ms), places (degrees), what was felt and heard, as arrays."""
    start = np.sort(rng.integers(7 * 3_600_000, 24 * 3_600_000, count)) + first_ms - OFFSET_MIN * 60_000
    hour = (start - first_ms + OFFSET_MIN * 60_000) // 3_600_000
    plan = np.where(rng.random(24) < 0.5, 0, rng.integers(0, 12, 24))
    plan[9:17] = 1
    plan[20:] = 0
    trip = rng.random() < 1 / 14
    there = np.array(HOME) + rng.uniform(-2, 2, 2)
    at = there + rng.normal(0, 0.01, (24, 2)) if trip else spots[plan]
    place = at[hour] + rng.normal(0, 0.00015, (count, 2))
    walking = rng.random(count) < 0.05
    place[walking] += rng.normal(0, 0.01, (int(walking.sum()), 2))
    speech = rng.random(count) < 0.3
    shares = rng.dirichlet([2, 2, 1, 0.7, 0.5, 0.4, 0.3, 0.6], count)
    return {
        "start": start,
        "place": np.round(place, 6),
        "speech": speech,
        "shares": np.round(shares * 10_000).astype(np.int64),
        "scene": np.minimum(rng.geometric(0.12, count) - 1, len(LABELS) - 1),
    }


def _rows(total: int, seed: int) -> Iterator[list[tuple[Any, ...]]]:
    """Rows of `moments` without seq and cell, a day of all people at a time."""
    rng = np.random.default_rng(seed)
    people = [_spots(np.random.default_rng((seed, n))) for n in range(PEOPLE)]
    done = 0
    for day in range(DAYS):
        upto = total * (day + 1) // DAYS
        made = []
        for person, spots in enumerate(people):
            count = (upto - done) // PEOPLE + (person < (upto - done) % PEOPLE)
            made += _tuples(rng, person, _day(rng, spots, count, (FIRST_DAY + day) * 86_400_000))
        done = upto
        made.sort(key=lambda row: row[1])
        yield made


def _tuples(rng: np.random.Generator, person: int, day: dict[str, np.ndarray]) -> list[tuple[Any, ...]]:
    count = len(day["start"])
    noise = rng.bytes(10 * count)
    whole = [rng.integers(*span, count).tolist() for span in ((0, 10_000), (-600_000, -100_000), (30_000, 300_000))]
    seconds = np.round(rng.uniform(0.5, 15, count), 3).tolist()
    valence, arousal = (np.round(rng.uniform(-1, 1, count), 4).tolist() for _ in range(2))
    placed = (rng.random(count) < 0.9).tolist()
    made, before = [], None
    for n, (start, (lat, lon), speech, shares, scene) in enumerate(
        zip(*(day[name].tolist() for name in ("start", "place", "speech", "shares", "scene")), strict=True)
    ):
        id_ = start.to_bytes(6, "big") + bytes([0x70 | noise[10 * n] & 15]) + noise[10 * n + 1 : 10 * n + 10]
        shares[shares.index(max(shares))] -= sum(shares) - 10_000
        felt = shares.index(max(shares))
        confidence = shares[felt] / 10_000
        numbers = (*shares, whole[0][n], whole[1][n] // 1000 * 1000, whole[2][n] if placed[n] else rows._NONE)  # noqa: SLF001
        numbers += (210_000, 12_000) if placed[n] else (rows._NONE, rows._NONE)  # noqa: SLF001
        made.append(
            (
                id_, start, OFFSET_MIN, seconds[n], person + 1, 0, 0, 0 if speech else 1,
                felt if confidence > 0.3 else 8, confidence, valence[n], arousal[n], scene + 1,
                lat if placed[n] else None, lon if placed[n] else None,
                None if speech else scene % len(RULES) + 2, 1, None, None, None if speech else before,
                rows._FELT.pack(*numbers), None,  # noqa: SLF001
            )
        )  # fmt: skip
        before = id_
    return made


_AFTER_LON = 15  # in a row with seq in front


def fill(store: Store, total: int, seed: int = 7) -> float:
    """Write so many moments and 100 000 notes (or one for a hundred moments); gives the seconds that it took."""
    begun = time.monotonic()
    known: dict[tuple[int, int], int] = {}
    used: dict[Any, Counter[Any]] = {scenes: Counter(), phrases: Counter(), cell_table: Counter()}
    if not store.shared:
        _hurry(store)
    with store.writing() as connection:
        people = [{"n": n + 1, "id": f"pocket-{n + 1}", "owner": f"owner-{n + 1}", "seen_ms": 0} for n in range(PEOPLE)]
        connection.execute(insert(devices), people)
        for n, (label, group) in enumerate(LABELS, 1):
            said = "".join(f" {word}" for word in words.words(f"{label} {group}"))
            connection.execute(
                insert(scenes).values(
                    n=n, key=json.dumps([label, group], separators=(",", ":")), label=label, words=said, uses=0
                )
            )
        connection.execute(
            insert(phrases), [{"n": n, "key": key, "uses": 0} for n, key in enumerate([MODELS, *RULES], 1)]
        )
    seq = 0
    for day in _rows(total, seed):
        made = []
        for row in day:
            seq += 1
            lat, lon = row[13], row[14]
            cell = None
            if lat is not None:
                where = (cells.row_of(lat), cells.col_of(lon))
                cell = known.setdefault(where, len(known) + 1)
            made.append((seq, *row[:_AFTER_LON], cell, *row[_AFTER_LON:]))
        used[scenes].update(row[13] for row in made)
        used[cell_table].update(row[16] for row in made if row[16])
        used[phrases].update(row[17] for row in made if row[17])
        used[phrases][1] += len(made)
        with store.writing() as connection:
            store._at.room_for(connection, {made[0][2], made[-1][2]} if made else ())  # noqa: SLF001
            put_rows(connection, moments, rows.COLUMNS, made)
            rollups.shift(connection, [(row[2], row[3], row[5], row[9], row[4], row[11], row[12]) for row in made], 1)
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{seq:,} moments, {time.monotonic() - begun:.0f} s ")
    _finish(store, seq, known, used)
    return time.monotonic() - begun


def _hurry(store: Store) -> None:
    """Let the one connection that writes here go fast: there is nothing to lose yet."""
    connection = store._at.engine.raw_connection()  # noqa: SLF001
    for pragma in ("synchronous = OFF", "secure_delete = OFF", "cache_size = -400000", "wal_autocheckpoint = 20000"):
        connection.driver_connection.execute(f"PRAGMA {pragma}").close()
    connection.close()


def _finish(store: Store, seq: int, known: dict[tuple[int, int], int], used: dict[Any, Counter[Any]]) -> None:
    rng = np.random.default_rng(3)
    with store.writing() as connection:
        made = [(n, row, col) for (row, col), n in known.items()]
        put_rows(
            connection, cell_table, ("n", "key", "row", "col", "uses"),
            [(n, f"[{row},{col}]", row, col, used[cell_table][n]) for n, row, col in made],
        )  # fmt: skip
        cells.take_up(connection, made)
        for table in (scenes, phrases):
            for n, count in used[table].items():
                connection.execute(update(table).where(table.c.n == n).values(uses=count))
        connection.execute(insert(counters).values(name="arrived", value=seq))
        noted = np.sort(rng.choice(seq, min(NOTES, seq // 100), replace=False)) + 1
        for n in noted.tolist():
            said = " ".join(WORDS[min(int(k), len(WORDS) - 1)] for k in rng.zipf(1.3, 12))
            connection.execute(insert(notes).values(seq=n, text=said))
            words.take_up(connection, n, said)
