"""What is kept of an owner beside moments, and how it is forgotten."""

from typing import Final

from sqlalchemy import Connection, Text, and_, delete, not_, or_, select, update

from hub.stores import unfinished
from hub.stores.beside import clips, commands, named_places
from hub.stores.rollups import DAY
from hub.stores.schema import METADATA
from hub.stores.tables import devices, rollups

_OWED: Final = and_(
    commands.c.body.like('%"do":"erase"%'), or_(commands.c.reply.is_(None), commands.c.reply.like('%"late"%'))
)
"""Orders to erase that a device, or the hub after it, has not carried out."""


def places_of(connection: Connection, owner: str) -> list[str]:
    """Say under whom the named places of an owner are kept: those of nobody are of whoever has all devices.

    A device of nobody counts where it has moments and does not stand for uploads.
    """
    from hub.records.whose import UPLOADS  # which needs the store, as the store needs this

    days = select(rollups.c.at).where(rollups.c.span == DAY, rollups.c.device == devices.c.n)
    counts = or_(devices.c.owner.is_not(None), and_(devices.c.id != UPLOADS, days.exists()))
    sole = set(connection.execute(select(devices.c.owner).where(counts).distinct()).scalars()) == {owner}
    return [owner, ""] if sole else [owner]


def forget(connection: Connection, owner: str) -> None:
    """Erase an owner: in every table, the rows that name the owner or, as text, one of the owner's devices.

    The devices stay by their ids alone: they may be heard again, and what they are still to erase waits for them.
    """
    ids = list(connection.execute(select(devices.c.id).where(devices.c.owner == owner)).scalars())
    sounds = connection.execute(select(clips.c.sha256).where(clips.c.device.in_(ids))).scalars()
    unfinished.leave_sounds(connection, sounds)
    connection.execute(delete(named_places).where(named_places.c.owner.in_(places_of(connection, owner))))
    for table in METADATA.sorted_tables:
        if table is devices:
            continue
        if "owner" in table.c:
            connection.execute(delete(table).where(table.c.owner == owner))
        if "device" in table.c and isinstance(table.c.device.type, Text) and ids:
            gone = delete(table).where(table.c.device.in_(ids))
            connection.execute(gone.where(not_(_OWED)) if table is commands else gone)
    nothing = dict.fromkeys(("name", "owner", "status", "health"))
    connection.execute(update(devices).where(devices.c.owner == owner).values(nothing))
