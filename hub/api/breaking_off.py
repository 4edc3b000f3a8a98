"""Answers that cannot be finished, since the hub ends or its store fails: broken off, without a word of a failure.

A caller sees that what it got is not whole: the connection closes before the answer's last byte.
"""

import asyncio
import logging
from typing import Final

from sqlalchemy.exc import DatabaseError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.api.problems import OURS, document
from hub.stores.store import Ending

BREAK_OFF: Final = "break_off"
"""In the `state` of a call's scope: closes its connection, whatever the server still expects of the answer."""

_log = logging.getLogger(__name__)


class BreakingOff:
    """ASGI middleware around what answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except asyncio.CancelledError:  # the server has waited long enough for its end
            if BREAK_OFF not in scope.get("state", {}):
                raise
            if not begun:
                await document(503, "The hub is about to end.", headers={"Connection": "close"})(scope, receive, send)
                return
        except RuntimeError as error:  # Starlette's, for what could be answered if no answer had begun
            why = error.__cause__
            foreseen = isinstance(why, Ending | DatabaseError) and not isinstance(why, OURS)
            if not foreseen or BREAK_OFF not in scope.get("state", {}):
                raise
            if isinstance(why, DatabaseError):
                _log.error("an answer was broken off: the store cannot be read", extra={"reason": str(why.orig)})
        else:
            return
        scope["state"][BREAK_OFF]()
