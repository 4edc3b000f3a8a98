"""Notices what other hubs store in the same database."""

import threading
from typing import Final

from sqlalchemy.exc import DatabaseError

from hub.stores.arrival import last_seq
from hub.stores.store import Store

_EVERY_S: Final = 0.1


class Watcher:
    """Looks ten times a second, in a thread of its own, and then calls those who wait for what is new."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        known = -1
        while not self._closing.wait(_EVERY_S):
            try:
                with self._store.reading() as connection:
                    last = last_seq(connection)
            except DatabaseError:  # ingest tells of it
                continue
            if last != known:
                known = last
                for call in self._store.on_new:
                    call()
