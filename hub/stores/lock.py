"""One hub an SQLite file."""

import fcntl
import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from moments.errors import UserError


def only_one(place: Path | str) -> AbstractContextManager[Any]:
    """Hold a lock beside the store's file until it is left; none for a database, or where the disk takes none.

    Raises UserError when another hub holds it: two would throw each other off the broker, and each would tell its page
    only what it took itself. What writes to the store beside a hub, as `hub import` does, asks for no lock.
    """
    if isinstance(place, str):
        return nullcontext()
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = Path(os.path.realpath(place))  # a link to a store names the same one
        lock = file.with_name(f"{file.name}.lock").open("w", encoding="utf-8")
    except OSError:
        return nullcontext()  # where that matters, the store cannot be opened either, and says why
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise UserError(f"another hub runs with {place}: end it, or set another store.path") from None
    except OSError:
        pass
    return lock
