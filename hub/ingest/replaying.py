"""Judges dead letters again: what an older hub could not read may be a moment to this one."""

from sqlalchemy import delete, select

from hub.ingest import judge
from hub.stores.store import Store
from hub.stores.tables import letters
from moments import Moment


def replay(store: Store) -> tuple[int, int]:
    """Judge all dead letters again; gives how many became moments (or were there) and how many stay."""
    waiting = letters.c
    with store.reading() as connection:
        found = connection.execute(select(waiting.n, waiting.topic, waiting.payload)).all()
    taken = 0
    for n, topic, payload in found:
        judged = judge.moment(topic, bytes(payload))
        if isinstance(judged, Moment):
            store.take([judged])
            with store.writing() as connection:
                connection.execute(delete(letters).where(waiting.n == n))
            taken += 1
    return taken, len(found) - taken
