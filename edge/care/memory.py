"""Memory that this process does not need goes back to the machine."""

import ctypes
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_MAPS: Final = Path("/proc/self/maps")
_DONT_NEED: Final = 4
"""Linux' MADV_DONTNEED: pages of a file that is only read are dropped, and come back from the file when touched."""


def give_back() -> None:
    """Give back some MB after loading: what the C library keeps for later, and what was read of the weights files.

    The interpreters have packed the weights into memory of their own, and hardly touch the files again.
    """
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.malloc_trim(0)
        for begin, size in _mapped(".tflite"):
            library.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(size), _DONT_NEED)


def _mapped(suffix: str) -> Iterator[tuple[int, int]]:
    """Give address and size of each part of a file of this kind that is mapped for reading only."""
    for line in _MAPS.read_text().splitlines():
        span, rights, *_, name = line.split(maxsplit=5)
        if name.endswith(suffix) and "w" not in rights:
            begin, end = (int(address, 16) for address in span.split("-"))
            yield begin, end - begin
