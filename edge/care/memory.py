"""Memory that is free inside this process goes back to the machine."""

import ctypes
from contextlib import suppress


def give_back() -> None:
    """Have the C library return what it keeps for later (glibc's malloc_trim): some MB after loading."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
