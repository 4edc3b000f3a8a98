"""Makes wrong inputs out of right ones: by their structure where they are JSON, and by their bytes."""

import copy
import json
import math
import random
from collections.abc import Sequence
from typing import Any

NASTY: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 0.5, 2**31, 2**53, 2**63, -(2**63) - 1, 2**64, 10**400),
    *(1e308, -1e308, 5e-324, math.nan, math.inf, -math.inf, 90.0001, -180.0001, 86_401),
    *("", " ", "\0", "\ud800", "\u202e", "💥" * 40, "a" * 3000, "../../etc/passwd", "nan", "1e5", "null"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999-14:00", "2026-02-30T00:00:00Z", "2026-05-22"),
    *("not-an-id", "00000000-0000-0000-0000-000000000000", "{0196F3C2-8F0E-7C1A-9A52-6D0F4F1E2B33}"),
    *([], {}, [[]], {"": None}, [None] * 50, {"id": {"id": {"id": []}}}),
)
TOKENS: tuple[bytes, ...] = (
    *(b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"\\ud800", b"NaN", b"Infinity", b"1" * 5000, b"[" * 2000, b'{"a":' * 1500),
    *(
        b"null",
        b"true",
        b'""',
        b"{}",
        b"[]",
        b",",
        b":",
        b"\n",
        b"\r\n",
        b"&",
        b"=",
        b"%00",
        b"%ff",
        b"+",
        b"-",
        b"*a",
        b"&a ",
    ),
    *(
        b"!!python/object:os.system ",
        b"<<: *a",
        b"? ",
        b"- ",
        b"RIFF",
        b"data",
        b"\x7f\xff\xff\xff",
        b"\xff\xff\xff\xff",
    ),
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Give every (container, key) in a JSON value."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        at = waiting.pop()
        keys = list(at) if isinstance(at, dict) else range(len(at)) if isinstance(at, list) else ()
        for key in keys:
            found.append((at, key))
            waiting.append(at[key])
    return found


def of_json(chance: random.Random, seed: Any) -> bytes:
    """Change a JSON value in one to three places."""
    value = copy.deepcopy(seed)
    for _ in range(chance.choice((1, 1, 2, 3))):
        places = _places(value)
        if not places:
            break
        at, key = chance.choice(places)
        what = chance.random()
        if what < 0.6:
            at[key] = copy.deepcopy(chance.choice(NASTY))
        elif what < 0.75 and isinstance(at, dict):
            del at[key]
        elif what < 0.85:
            at[key] = [at[key]]
        else:
            other, name = chance.choice(places)
            at[key] = copy.deepcopy(other[name]) if name in other or isinstance(other, list) else None
    return json.dumps(value).encode("utf-8", "surrogatepass")


def of_bytes(chance: random.Random, seed: bytes, others: Sequence[bytes]) -> bytes:
    """Change bytes in one to six places."""
    value = bytearray(seed)
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        at = chance.randrange(len(value) + 1)
        to = min(len(value), at + chance.choice((1, 1, 4, 16, 200)))
        what = chance.randrange(7)
        if what == 0 and at < len(value):
            value[at] ^= 1 << chance.randrange(8)
        elif what == 1:
            value[at:to] = chance.randbytes(to - at)
        elif what == 2:
            del value[at:to]
        elif what == 3:
            value[at:at] = chance.choice(TOKENS)
        elif what == 4:
            value[at:at] = value[at:to] * chance.choice((1, 2, 30))
        elif what == 5:
            other = chance.choice(others)
            value[at:] = other[chance.randrange(len(other) + 1) :]
        else:
            del value[at:]
    return bytes(value)


class Mutator:
    """Gives inputs made of seeds, the same for the same dice."""

    def __init__(self, seeds: Sequence[bytes], dice: int) -> None:
        self._seeds = list(seeds)
        self._chance = random.Random(dice)
        self._values = []
        for seed in seeds:
            try:
                self._values.append(json.loads(seed))
            except ValueError:
                continue

    def next(self) -> bytes:
        """Give the next one."""
        if self._values and self._chance.random() < 0.6:
            return of_json(self._chance, self._chance.choice(self._values))
        return of_bytes(self._chance, self._chance.choice(self._seeds), self._seeds)
