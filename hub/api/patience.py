"""HTTP/1.1 for callers that may be slow on purpose: uvicorn by itself waits for a head as long as it takes."""

import asyncio
from functools import partial
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from hub.api.breaking_off import BREAK_OFF
from hub.callers import LET_IN, LISTENING, Listening

_HEAD_S: Final = 15.0
"""How long the whole head may take, counted from the connection or from the answer before."""


class Patience(H11Protocol):
    """Ends a connection whose next request's head is not whole in time. The body's time is the guard's matter."""

    _end: asyncio.TimerHandle | None = None
    _listening: Listening | None = None
    _address: Any = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, BREAK_OFF: self._break_off}
        self._listening = self.app_state.get(LISTENING)
        if self._listening is not None:
            self._address = transport.get_extra_info("peername")
            self.app_state[LET_IN] = partial(self._listening.let_in, self._address)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take bytes; the wait ends with the last of the head, and no other prolongs it."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Begin to wait for the next head."""
        if self._listening is not None:
            self._listening.answered(self._address)
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def _break_off(self) -> None:
        self.cycle.disconnected = True  # the rest of the answer is not awaited
        self.transport.abort()

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._end is None:
            self._end = self.loop.call_later(_HEAD_S, self.transport.abort)

    def _stop(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None
