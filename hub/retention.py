"""Erases what has become old, when the owner has set an age for it; what an owner set comes before the hub's settings.

What a person made on purpose stays: marks, uploads, notes, and moments with a note or a correction. Of a mark and an
upload the sound may go by its own age.
"""

import logging
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.exc import DatabaseError

from hub import commanded
from hub.config import Retention
from hub.every import Every
from hub.forgetting import Forgetting
from hub.records.clips import UNNAMED_DAYS, drop_unnamed
from hub.settings.keep import read
from hub.stores.beside import clips
from hub.stores.store import Ending, Store, now_ms
from hub.stores.tables import devices, moments, notes

_log = logging.getLogger(__name__)

_EVERY_S: Final = 3600.0
_DAY_MS: Final = 86_400_000
_whose: Final = func.coalesce(devices.c.owner, "")


def _ages(store: Store, retention: Retention) -> dict[str, dict[str, int | None]]:
    """Give the ages that hold for each owner's devices."""
    found: dict[str, dict[str, int | None]] = {}
    with store.reading() as connection:
        for owner in connection.execute(select(_whose).distinct()).scalars().all():
            own = read(connection, owner).settings.retention.model_dump()
            general = retention.model_dump()
            found[owner] = {name: own[name] if own[name] is not None else general[name] for name in own}
    return found


def forget_old(store: Store, forgetting: Forgetting, retention: Retention, at_ms: int) -> int:
    """Erase what is too old at a Unix time in ms; gives how many moments."""
    m = moments.c
    erased = 0
    for owner, ages in _ages(store, retention).items():
        numbers = select(devices.c.n).where(_whose == owner)
        for basis in ("speech", "scene"):
            days = ages[f"{basis}_days"]
            if days is not None:
                old: list[Any] = [
                    m.device.in_(numbers),
                    m.start_ms < at_ms - days * _DAY_MS,
                    m.basis == basis,
                    m.origin == "ambient",
                    m.correction.is_(None),
                    m.seq.not_in(select(notes.c.seq).correlate(None)),
                ]
                erased += forgetting.where(old)
        if (days := ages["clip_days"]) is not None:
            names = select(devices.c.id).where(_whose == owner)
            forgetting.old_clips(at_ms - days * _DAY_MS, clips.c.device.in_(names))
    return erased


class Retainer(Every):
    """Does so once an hour, beginning with what is too old already."""

    def __init__(
        self, store: Store, forgetting: Forgetting, retention: Retention, clock: Callable[[], int] = now_ms
    ) -> None:
        super().__init__(_EVERY_S, self._forget, "retention")
        self._store = store
        self._forgetting = forgetting
        self._retention = retention
        self._clock = clock

    def _forget(self) -> None:
        try:
            self._forgetting.finish()  # what a person wants erased comes before what is only old
            forget_old(self._store, self._forgetting, self._retention, self._clock())
            self._store.drop_old_letters(self._clock())
            commanded.drop_old(self._store, self._clock())
            drop_unnamed(self._store, self._clock() - UNNAMED_DAYS * _DAY_MS)
            self._forgetting.finish()
            self._forgetting.old_parts(self._clock())
        except Ending:
            _log.info("not all that is to go is erased; the next start goes on")
        except DatabaseError as error:
            _log.error("what is too old cannot be erased; trying again in an hour", extra={"reason": str(error.orig)})
        except OSError as error:  # the disk of the sounds
            _log.error("what is too old cannot be erased; trying again in an hour", extra={"reason": error.strerror})
