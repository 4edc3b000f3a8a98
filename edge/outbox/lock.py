"""One device an outbox."""

import fcntl
from pathlib import Path
from typing import IO

from moments.errors import WorkError


def only_one(outbox: Path) -> IO[str] | None:
    """Hold a lock beside the outbox until it is closed; None where the disk takes none.

    Raises WorkError when another device holds it: two would throw each other off the broker and send all twice.
    """
    try:
        outbox.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = outbox.with_name(f"{outbox.name}.lock").open("w", encoding="utf-8")
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise WorkError(f"another device runs with {outbox}: end it, or set another outbox.path") from None
    return lock
