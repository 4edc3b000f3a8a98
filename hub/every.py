"""Work that is done again and again beside everything else."""

import threading
from collections.abc import Callable


class Every:
    """Calls `work` in a thread of its own, and again so many seconds after it returned, from `start` to `close`."""

    def __init__(self, seconds: float, work: Callable[[], object], name: str) -> None:
        self._seconds = seconds
        self._work = work
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name)

    def start(self) -> None:
        """Begin, at once."""
        self._thread.start()

    def close(self) -> None:
        """End after the work in hand."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._work()
            self._closing.wait(self._seconds)
