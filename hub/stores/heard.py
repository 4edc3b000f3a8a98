"""Devices that were heard: that they were, and what they said of themselves."""

from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import Connection, bindparam, select, update

from hub.stores.dialect import put_rows
from hub.stores.letters import now_ms
from hub.stores.tables import devices

_STEP: Final = 500  # keys in one IN


def note(connection: Connection, said: Mapping[str, Mapping[str, str]]) -> dict[str, int]:
    """Note of each device that it was heard, and its `status` and `health` where it said them; gives their numbers.

    A number is only taken for a device that is new: PostgreSQL counts one up for every row that is offered, also for
    one that is there already, and moments have room for two thousand million.
    """
    now = now_ms()
    numbers = _numbers(connection, said)
    new = sorted(said.keys() - numbers.keys())
    if new:
        put_rows(connection, devices, ("id", "seen_ms"), [(device, now) for device in new])
        numbers |= _numbers(connection, new)
    known = sorted(numbers[device] for device in said if device not in new)
    for at in range(0, len(known), _STEP):
        connection.execute(update(devices).where(devices.c.n.in_(known[at : at + _STEP])).values(seen_ms=now))
    for kind in sorted({kind for told in said.values() for kind in told}):
        words = sorted((numbers[device], told[kind]) for device, told in said.items() if kind in told)
        if words:
            put = update(devices).where(devices.c.n == bindparam("this")).values({kind: bindparam("body")})
            connection.execute(put, [{"this": n, "body": body} for n, body in words])
    return numbers


def _numbers(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    wanted, found = list(names), dict[str, int]()
    for at in range(0, len(wanted), _STEP):
        some = devices.c.id.in_(wanted[at : at + _STEP])
        found.update((row.id, row.n) for row in connection.execute(select(devices.c.id, devices.c.n).where(some)))
    return found
