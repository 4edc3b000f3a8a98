"""The commands that devices were given, as the store keeps them until they are answered, and a while longer."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import delete, insert, select

from hub.stores.beside import commands
from hub.stores.store import Store, now_ms

Order = dict[str, Any]

_KEPT_MS: Final = 90 * 86_400_000
"""For how long an order to erase is repeated to a device that never answers, and for how long commands are kept."""
_AT_ONCE: Final = 100

LATE: Final = json.dumps({"ok": True, "error": None, "late": True})
"""The reply of a device that erased a span; what came from it meanwhile is still to be erased here."""

NAMES_MOMENTS: Final = commands.c.body.like('%"ids":%')
"""What a person named by time, device or owner is told before what names moments: of that there may be thousands."""


def keep(store: Store, device: str, order: Order) -> None:
    """Keep an order; one that is sent once without what it was given: a mark's words are its moment's alone."""
    kept = order if order["do"] == "erase" else order | {"args": {}}
    values = {"id": order["id"], "device": device, "body": written(kept), "sent_ms": now_ms()}
    with store.writing() as connection:
        connection.execute(insert(commands).values(values))


def written(order: Order) -> str:
    """Write an order as it is kept."""
    return json.dumps(order, ensure_ascii=True, separators=(",", ":"))


def is_the_hubs(order: Order) -> bool:
    """Tell whether the hub wants something erased, and not a person who asked a device for a while."""
    return order["do"] == "erase" and order["until"] is None


def due() -> tuple[Any, ...]:
    """Say which commands, without looking into them, are orders to erase that are still due."""
    c = commands.c
    return c.reply.is_(None), c.sent_ms > now_ms() - _KEPT_MS, c.body.like('%"do":"erase"%')


def orders(store: Store, names: Sequence[str]) -> Iterator[tuple[str, Order]]:
    """Give those of these orders to erase that are still due, each with its device, in the order of `names`."""
    for at in range(0, len(names), _AT_ONCE):
        part = names[at : at + _AT_ONCE]
        with store.reading() as connection:
            found = connection.execute(select(commands).where(*due(), commands.c.id.in_(part))).all()
        for row in sorted(found, key=lambda row: part.index(row.id)):
            if (order := json.loads(row.body))["do"] == "erase":
                yield row.device, order


def drop_old(store: Store, at_ms: int) -> None:
    """Drop the commands that were given more than 90 days before a Unix time in ms, but for what is left to erase."""
    c = commands.c
    old = delete(commands).where(c.sent_ms < at_ms - _KEPT_MS, c.reply.is_distinct_from(LATE))
    with store.writing() as connection:
        connection.execute(old)


def find(store: Store, device: str, command_id: str) -> dict[str, Any] | None:
    """Give a command as the API shows it, None when there is none."""
    c = commands.c
    with store.reading() as connection:
        row = connection.execute(select(commands).where(c.id == command_id, c.device == device)).first()
    if row is None:
        return None
    said = json.loads(row.reply) if row.reply else None
    sent = datetime.fromtimestamp(row.sent_ms / 1000, UTC)
    return {
        "id": row.id,
        "do": json.loads(row.body)["do"],
        "sent": sent.isoformat(timespec="milliseconds"),
        "reply": said and {"ok": said["ok"], "error": said["error"]},
    }
