"""Notices what other hubs store in the same database."""

from typing import Final

from sqlalchemy.exc import DatabaseError

from hub.every import Every
from hub.stores.arrival import last_seq
from hub.stores.store import Store

_EVERY_S: Final = 0.1


class Watcher(Every):
    """Looks ten times a second, and then calls those who wait for what is new."""

    def __init__(self, store: Store) -> None:
        super().__init__(_EVERY_S, self._look, "watch")
        self._store = store
        self._known = -1

    def _look(self) -> None:
        try:
            with self._store.reading() as connection:
                last = last_seq(connection)
        except DatabaseError:  # ingest tells of it
            return
        if last != self._known:
            self._known = last
            for call in self._store.on_new:
                call()
