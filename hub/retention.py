"""Erases what has become old, when the owner has set an age for it.

What a person made on purpose stays: marks, uploads, notes, and moments with a note or a correction.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.exc import DatabaseError

from hub.config import Retention
from hub.stores.store import Store, now_ms
from hub.stores.tables import moments, notes

_log = logging.getLogger(__name__)

_EVERY_S: Final = 3600.0
_DAY_MS: Final = 86_400_000


def forget_old(store: Store, retention: Retention, at_ms: int) -> int:
    """Erase what is too old at a Unix time in ms; gives how many moments."""
    m = moments.c
    erased = 0
    for basis, days in (("speech", retention.speech_days), ("scene", retention.scene_days)):
        if days is not None:
            old: list[Any] = [
                m.start_ms < at_ms - days * _DAY_MS,
                m.basis == basis,
                m.origin == "ambient",
                m.correction.is_(None),
                m.seq.not_in(select(notes.c.seq).correlate(None)),
            ]
            erased += store.erase(old)
    return erased


class Retainer:
    """Does so once an hour, in a thread of its own."""

    def __init__(self, store: Store, retention: Retention, clock: Callable[[], int] = now_ms) -> None:
        self._store = store
        self._retention = retention
        self._clock = clock
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention")

    def start(self) -> None:
        """Begin, with what is too old already."""
        self._thread.start()

    def close(self) -> None:
        """End after the stretch in hand."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                forget_old(self._store, self._retention, self._clock())
            except DatabaseError as error:
                _log.error(
                    "what is too old cannot be erased; trying again in an hour", extra={"reason": str(error.orig)}
                )
            self._closing.wait(_EVERY_S)
