"""A microphone that heals: it is opened anew, by its stable name, when it is lost or gives no sound worth the name."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from edge.capture.liveness import Liveness, State
from edge.capture.source import Source
from edge.sound import Block
from moments.errors import UserError, WorkError

_log = logging.getLogger(__name__)

_LOUD: Final = {State.HEALTHY: logging.INFO, State.SUSPECT: logging.WARNING}


class Ears:
    """A source that never ends before it is closed. `open_source` opens the microphone and may fail at any time.

    `liveness` tells from any thread how it is. While deaf, `blocks` waits in small steps; `wait` is called for each
    with its seconds and returns True when the ears were closed.
    """

    def __init__(
        self,
        open_source: Callable[[], Source],
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self.liveness = Liveness(clock())
        self.reopened = 0
        self._open_source = open_source
        self._clock = clock
        self._closed = threading.Event()
        self._wait = wait or self._closed.wait
        self._source: Source | None = None
        self._told = State.HEALTHY

    def blocks(self) -> Iterator[Block]:
        """Give sound whenever there is some, until closed."""
        while not self._closed.is_set():
            source = self._open()
            if source is None:
                continue
            try:
                for block in source.blocks():
                    self.liveness.hear(block, self._clock())
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
                self._source = None

    def close(self) -> None:
        """End `blocks`, from any thread."""
        self._closed.set()
        source = self._source
        if source is not None:
            source.close()

    def _open(self) -> Source | None:
        """Open the source when it is due; None when it was closed or could not be opened."""
        if self.liveness.deaf:
            if self._wait(self.liveness.wait_s(self._clock())):
                return None
            self.liveness.opening(self._clock())
            self.reopened += 1
        try:
            self._source = self._open_source()
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
