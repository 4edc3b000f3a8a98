"""Who is connected: no more at a time than there are descriptors for, and who shows a token before who shows none."""

import resource
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

LISTENING: Final = "listening"
"""In the `state` of the server's lifespan: the socket that callers came by."""

LET_IN: Final = "let_in"
"""In the `state` of a call's scope: keeps its connection until it is answered."""

_DESCRIPTORS: Final = 1024
"""More are of no use: the client of the broker waits with `select`, which knows no descriptor beyond."""

_LEAVING: Final = 32
"""So many that were sent away may still hold their descriptors; who knocks then waits until one of them is gone."""


def most_callers() -> int:
    """Say how many may be connected: half as many as there may be descriptors. Store and broker need theirs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _DESCRIPTORS:
        soft = min(hard, _DESCRIPTORS)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(soft, _DESCRIPTORS) // 2


class Listening(socket.socket):
    """A socket that asyncio listens on.

    Beyond `most` callers, the one is sent away that has waited longest without a call that its token let in: also one
    that does not end its handshake, and who knocks then where all others are being answered.
    """

    def __init__(self, bound: socket.socket, most: int) -> None:
        super().__init__(fileno=bound.detach())
        self._most = most
        self._here: dict[Any, _Caller] = {}
        """By their addresses; of those that wait, who does so longest comes first."""
        self._leaving: set[_Caller] = set()

    def accept(self) -> tuple[socket.socket, Any]:
        """Take the next caller. Raises BlockingIOError where none knocks, or too many are still leaving."""
        if len(self._leaving) >= _LEAVING:
            raise BlockingIOError
        accepted, address = super().accept()
        caller = _Caller(fileno=accepted.detach())
        caller.left = partial(self._forget, address, caller)
        self._here[address] = caller
        if len(self._here) > self._most:
            self._send_one_away()
        return caller, address

    def let_in(self, address: Any) -> None:
        """A call of this caller was let in, and is being answered."""
        if caller := self._here.get(address):
            caller.served = True

    def answered(self, address: Any) -> None:
        """This caller was answered, and waits like all others."""
        if caller := self._here.pop(address, None):
            caller.served = False
            self._here[address] = caller

    def _send_one_away(self) -> None:
        address = next(address for address, caller in self._here.items() if not caller.served)
        caller = self._here.pop(address)
        self._leaving.add(caller)
        with suppress(OSError):  # it left by itself
            caller.shutdown(socket.SHUT_RDWR)  # asyncio finds the end, and closes it

    def _forget(self, address: Any, caller: "_Caller") -> None:
        self._leaving.discard(caller)
        if self._here.get(address) is caller:  # another may have come from there since
            del self._here[address]


class _Caller(socket.socket):
    served = False
    left: Callable[[], None]

    def close(self) -> None:
        super().close()
        self.left()
