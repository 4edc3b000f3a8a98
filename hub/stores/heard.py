"""Devices that were heard: that they were, and what they said of themselves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, update

from hub.stores.dialect import put_rows, stretches
from hub.stores.letters import now_ms
from hub.stores.tables import devices
from hub.stores.terms import known


@dataclass(frozen=True, slots=True)
class Report:
    """A device's word, a JSON object: `kind` is status or health, of itself, or reply, to a command."""

    device: str
    kind: str
    body: str


def note(connection: Connection, names: Iterable[str], reports: Sequence[Report] = ()) -> dict[str, int]:
    """Note of each device that it was heard, and what it reports as its `status` and `health`; gives their numbers.

    A number is only taken for a device that is new: PostgreSQL counts one up for every row that is offered, also for
    one that is there already, and moments have room for two thousand million.
    """
    now = now_ms()
    heard = {*names, *(report.device for report in reports)}
    numbers = known(connection, devices.c.id, heard)
    new = sorted(heard - numbers.keys())
    for some in stretches(sorted(numbers.values())):
        connection.execute(update(devices).where(devices.c.n.in_(some)).values(seen_ms=now))
    if new:
        put_rows(connection, devices, ("id", "seen_ms"), [(device, now) for device in new])
        numbers |= known(connection, devices.c.id, new)
    for kind in sorted({report.kind for report in reports}):
        last = {numbers[report.device]: report.body for report in reports if report.kind == kind}
        put = update(devices).where(devices.c.n == bindparam("this")).values({kind: bindparam("body")})
        connection.execute(put, [{"this": n, "body": body} for n, body in sorted(last.items())])
    return numbers
