"""Names that a person gives to places."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, insert, select, true, update

from hub.stores import owners
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


def _whose(connection: Connection, owner: str | None) -> ColumnElement[bool]:
    """Give what holds for the named places of an owner; None: of anybody."""
    return true() if owner is None else table.c.owner.in_(owners.places_of(connection, owner))


def of(connection: Connection, owner: str | None) -> list[Named]:
    """Give an owner's named places; None: everybody's."""
    t = table.c
    asked = select(t.id, t.name, t.lat, t.lon, t.radius_m).where(_whose(connection, owner)).order_by(t.name, t.id)
    return [Named(*row) for row in connection.execute(asked)]


def name(store: Store, owner: str | None, place: Named) -> Named:
    """Give a place a name: one of the owner's named ones when the id is one, else a new one.

    Without an owner the id may be of anybody's, which stays whose it was, and a new one is nobody's.
    """
    values = {"name": place.name, "lat": place.lat, "lon": place.lon, "radius_m": place.radius_m}
    values |= {} if owner is None else {"owner": owner}
    with store.writing() as connection:
        this = (table.c.id == place.id) & _whose(connection, owner)
        if connection.execute(update(table).where(this).values(values)).rowcount:
            return place
        new = uuid7()
        connection.execute(insert(table).values({"owner": "", **values, "id": new}))
    return Named(new, place.name, place.lat, place.lon, place.radius_m)


def forget(store: Store, owner: str | None, place_id: str) -> bool:
    """Take a name away, without an owner anybody's; False when there is none with this id."""
    with store.writing() as connection:
        this = (table.c.id == place_id) & _whose(connection, owner)
        return connection.execute(delete(table).where(this)).rowcount > 0
