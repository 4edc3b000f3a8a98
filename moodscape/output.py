"""Standard output: it takes every letter, and one sentence tells when it cannot be written."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import IO, Any, cast

from moments.errors import WorkError


class _Output:
    """A stream that raises WorkError where it cannot be written, and BrokenPipeError where its reader left."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def buffer(self) -> "_Output":
        """The same for bytes."""
        return _Output(self._stream.buffer)

    def write(self, what: str | bytes) -> int:
        """Write text or bytes, and give how much."""
        with self._told():
            return int(self._stream.write(what))

    def flush(self) -> None:
        """Have what waits written."""
        with self._told():
            self._stream.flush()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # What waits still would be tried again, and complained of, when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            if isinstance(error, BrokenPipeError):
                raise
            raise WorkError(f"standard output cannot be written: {error.strerror}") from None


@contextmanager
def checked() -> Iterator[None]:
    r"""Have what is written meanwhile to standard output on its way at the end; a letter that it lacks becomes \xe9.

    Raises WorkError where it cannot be written, BrokenPipeError where its reader left, as `head` does.
    """
    out = sys.stdout
    if out is None:  # the first file that a part opens would take its place
        raise WorkError("standard output is closed: give it a file, or /dev/null")
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")
    checked_out = _Output(out)
    with redirect_stdout(cast("IO[str]", checked_out)):
        try:
            yield
        finally:  # --help leaves by an exception too
            checked_out.flush()
