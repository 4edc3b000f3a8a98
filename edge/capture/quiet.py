"""Keeps C libraries from writing to the terminal or the journal on their own."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_turn = threading.Lock()
_inside = 0
_kept = -1  # what file descriptor 2 is, while it leads nowhere


@contextmanager
def c_libraries_quiet() -> Iterator[None]:
    """Send file descriptor 2 nowhere for a moment; it comes back when the last thread inside leaves.

    PortAudio, JACK, libmpg123 and TensorFlow write there whatever they like, at each opening of a microphone some
    thirty lines. What Python writes to standard error in that moment, in any thread, is lost too: keep it short.
    """
    global _inside, _kept  # noqa: PLW0603 - there is one descriptor 2 for the whole process
    with _turn:
        _inside += 1
        if _kept < 0:
            _kept = os.dup(2)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
    try:
        yield
    finally:
        with _turn:
            _inside -= 1
            if _inside == 0:
                _give_back()


def c_libraries_loud() -> None:
    """Give file descriptor 2 back at once, although a library hangs inside: else nothing is ever logged again."""
    with _turn:
        _give_back()


def _give_back() -> None:
    global _kept  # noqa: PLW0603
    if _kept >= 0:
        os.dup2(_kept, 2)
        os.close(_kept)
        _kept = -1
