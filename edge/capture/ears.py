"""A microphone that heals: it is opened anew, by its stable name, when it is lost or gives no sound worth the name."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final, Protocol, TypeVar

from edge.capture.liveness import Fault, Liveness, State
from edge.capture.quiet import c_libraries_loud
from edge.capture.source import Source
from edge.sound import Block
from moments.errors import UserError, WorkError

_log = logging.getLogger(__name__)
T = TypeVar("T")

_LOUD: Final = {State.HEALTHY: logging.INFO, State.SUSPECT: logging.WARNING}


OPENS_WITHIN_S: Final = 6.0
"""A driver that takes longer hangs: a sound server may, which dies while it is asked."""
OPENINGS: Final = 1000
"""Eight hours without a microphone: PortAudio has kept about 13 kB of memory at each opening."""


class DriverHangs(WorkError):  # noqa: N818 - named for what it is
    """The microphone's driver does not come back from opening it, or has kept too much memory.

    Only a new process gets rid of it.
    """


class Driven(Source, Protocol):
    """A source with a driver, which knows what its sound does not show.

    `lost_s`: seconds of sound that were not taken in time.
    """

    lost_s: float

    @property
    def fault(self) -> Fault | None:
        """Tell what is wrong now."""


class Ears:
    """A source that never ends before it is closed. `open_source` opens the microphone and may fail at any time.

    `blocks` raises DriverHangs when that takes longer than `OPENS_WITHIN_S`, or when it was opened `OPENINGS` times.

    `liveness` tells from any thread how it is. While deaf, `blocks` waits in small steps; `wait` is called for each
    with its seconds and returns True when the ears were closed.
    """

    def __init__(
        self,
        open_source: Callable[[], Driven],
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self.liveness = Liveness(clock())
        self.reopened = 0
        self._lost_before_s = 0.0
        self._open_source = open_source
        self._clock = clock
        self._closed = threading.Event()
        self._wait = wait or self._closed.wait
        self._source: Driven | None = None
        self._told = State.HEALTHY

    def blocks(self) -> Iterator[Block]:
        """Give sound whenever there is some, until closed."""
        while not self._closed.is_set():
            source = self._open()
            if source is None:
                continue
            try:
                for block in source.blocks():
                    self.liveness.hear(block, self._clock(), source.fault)
                    self._tell()
                    yield block
                    if self.liveness.due(self._clock()):
                        break
                else:
                    self._lose("the microphone ended")
            except WorkError as error:
                self._lose(str(error))
            finally:
                source.close()
                self._lost_before_s, self._source = self.lost_s, None

    @property
    def lost_s(self) -> float:
        """Seconds of sound that were not taken in time, of all microphones that were opened."""
        source = self._source
        return self._lost_before_s + (source.lost_s if source is not None else 0.0)

    def close(self) -> None:
        """End `blocks`, from any thread."""
        self._closed.set()
        source = self._source
        if source is not None:
            source.close()

    def _open(self) -> Driven | None:
        """Open the source when it is due; None when it was closed or could not be opened."""
        if self.liveness.deaf:
            if self._wait(self.liveness.wait_s(self._clock())):
                return None
            if self.reopened >= OPENINGS:
                raise DriverHangs(f"the microphone was opened {OPENINGS} times and its driver keeps the memory of each")
            self.liveness.opening(self._clock())
            self.reopened += 1
        try:
            self._source = opened_in_time(self._open_source)
        except DriverHangs:
            raise
        except (UserError, WorkError) as error:
            self._lose(str(error))
            return None
        if self._closed.is_set():
            self._source.close()
            return None
        return self._source

    def _lose(self, reason: str) -> None:
        if not self._closed.is_set():
            self.liveness.lost(reason, self._clock())
            self._tell()

    def _tell(self) -> None:
        """Log each change of state once."""
        state = self.liveness.state
        if state is not self._told:
            level = _LOUD.get(state, logging.ERROR)
            _log.log(level, "the ears are %s", state.value, extra={"reason": self.liveness.reason or "-"})
            self._told = state


def opened_in_time(open_source: Callable[[], T]) -> T:
    """Open a source in a thread of its own, which is left behind when its driver hangs. Raises DriverHangs."""
    answer: queue.SimpleQueue[T | Exception] = queue.SimpleQueue()

    def open_it() -> None:
        try:
            answer.put(open_source())
        except Exception as error:  # noqa: BLE001 (raised again below)
            answer.put(error)

    threading.Thread(target=open_it, name="open-microphone", daemon=True).start()
    try:
        found = answer.get(timeout=OPENS_WITHIN_S)
    except queue.Empty:
        c_libraries_loud()
        raise DriverHangs("the microphone's driver hangs while it is opened; start the device anew") from None
    if isinstance(found, Exception):
        raise found
    return found
