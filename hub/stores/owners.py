"""What is kept of an owner beside moments, and how it is forgotten."""

from sqlalchemy import Connection, Text, delete, select, update

from hub.stores.schema import METADATA
from hub.stores.tables import devices


def forget(connection: Connection, owner: str) -> None:
    """Erase an owner: in every table, the rows that name the owner or, as text, one of the owner's devices.

    The devices stay by their ids alone: they may be heard again.
    """
    ids = list(connection.execute(select(devices.c.id).where(devices.c.owner == owner)).scalars())
    for table in METADATA.sorted_tables:
        if table is devices:
            continue
        if "owner" in table.c:
            connection.execute(delete(table).where(table.c.owner == owner))
        if "device" in table.c and isinstance(table.c.device.type, Text) and ids:
            connection.execute(delete(table).where(table.c.device.in_(ids)))
    nothing = dict.fromkeys(("name", "owner", "status", "health"))
    connection.execute(update(devices).where(devices.c.owner == owner).values(nothing))
