"""Keeps C libraries from writing to the terminal or the journal on their own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def c_libraries_quiet() -> Iterator[None]:
    """Send file descriptor 2 nowhere for a moment.

    PortAudio, JACK, libmpg123 and TensorFlow write there whatever they like, at each opening of a microphone some
    thirty lines. What Python writes to standard error in that moment, in any thread, is lost too: keep it short.
    """
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
