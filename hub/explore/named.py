"""Names that a person gives to places."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from hub.stores.beside import named_places as table
from hub.stores.store import Store
from moments import uuid7


@dataclass(frozen=True, slots=True)
class Named:
    """A circle on the earth with a name."""

    id: str
    name: str
    lat: float
    lon: float
    radius_m: float


def of(connection: Connection, owner: str) -> list[Named]:
    """Give an owner's named places."""
    t = table.c
    asked = select(t.id, t.name, t.lat, t.lon, t.radius_m).where(t.owner == owner).order_by(t.name, t.id)
    return [Named(*row) for row in connection.execute(asked)]


def name(store: Store, owner: str, place: Named) -> Named:
    """Give a place a name: one of the owner's named ones when the id is one, else a new one."""
    values = {"name": place.name, "lat": place.lat, "lon": place.lon, "radius_m": place.radius_m}
    this = (table.c.id == place.id) & (table.c.owner == owner)
    with store.writing() as connection:
        if connection.execute(update(table).where(this).values(values)).rowcount:
            return place
        new = uuid7()
        connection.execute(insert(table).values(id=new, owner=owner, **values))
    return Named(new, place.name, place.lat, place.lon, place.radius_m)


def forget(store: Store, owner: str, place_id: str) -> bool:
    """Take a name away; False when there is none with this id."""
    with store.writing() as connection:
        this = (table.c.id == place_id) & (table.c.owner == owner)
        return connection.execute(delete(table).where(this)).rowcount > 0
