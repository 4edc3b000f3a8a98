"""Moments as they are committed, as server-sent events.

Every subscriber has a place of its own in the order of arrival, and what it gets next is asked of the store. Those at
the same place with the same filter share one question while it is asked, so that many cost about as much as one; one
that is slow, or was away, is at another place and asks for itself. Nothing is queued or kept for anybody.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Final

from hub.metrics import Metrics
from hub.query.filter import Filter
from hub.query.pages import arrivals
from hub.stores.arrival import last_seq
from hub.stores.store import Store

_GATHER_S: Final = 0.05  # commits within it wake the subscribers once
_BEAT_S: Final = 15.0
_AT_ONCE: Final = 500
_RETRY_MS: Final = 2000


class Feed:
    """One for an app; lives in the event loop that `attach` is called in."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._telling: asyncio.TimerHandle | None = None
        self._shared: dict[tuple[Filter, int], asyncio.Task[tuple[bytes, int]]] = {}
        self._closed = False
        self._doubts = 0

    def attach(self) -> None:
        """Begin to hear of commits."""
        self._loop = asyncio.get_running_loop()
        self._store.on_new.append(self._committed)

    def close(self) -> None:
        """End all streams, at once."""
        self._closed = True
        if self._committed in self._store.on_new:
            self._store.on_new.remove(self._committed)
        self._tell()

    def doubt(self) -> None:
        """Have every stream ask at once whether it may go on: a token has ended. From any thread."""
        self._doubts += 1
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell)

    def _committed(self) -> None:
        """Hear of a commit, in the writer's thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stir)

    def _stir(self) -> None:
        if self._telling is None and self._loop is not None:
            self._telling = self._loop.call_later(_GATHER_S, self._tell)

    def _tell(self) -> None:
        self._telling = None
        self._shared.clear()
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def closed(self) -> bool:
        """Tell whether streams are to end."""
        return self._closed

    async def follow(self, filter_: Filter, after: int | None, allowed: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Give events: what arrived after the moment with seq `after` (None: from now on), and what arrives.

        An event's id is the moment's seq. It ends when `allowed` says no, which is asked in a thread every 15 s and
        after `doubt`.
        """
        self._metrics.add("moodscape_stream_subscribers")
        try:
            at = await asyncio.to_thread(self._start, after)
            yield f"retry: {_RETRY_MS}\n\n".encode()
            asked_at, doubts = time.monotonic(), self._doubts
            while not self._closed:
                if doubts != self._doubts or time.monotonic() - asked_at >= _BEAT_S:
                    asked_at, doubts = time.monotonic(), self._doubts
                    if not await asyncio.to_thread(allowed):
                        return
                changed = self._changed  # taken before asking, so that no commit falls between
                events, upto = await self._next(filter_, at)
                if events:
                    yield events
                if upto > at:
                    at = upto
                    continue
                try:
                    await asyncio.wait_for(changed.wait(), _BEAT_S)
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            self._metrics.add("moodscape_stream_subscribers", -1)

    def _start(self, after: int | None) -> int:
        with self._store.reading() as connection:
            last = last_seq(connection)
        return last if after is None else min(after, last)

    async def _next(self, filter_: Filter, at: int) -> tuple[bytes, int]:
        key = (filter_, at)
        task = self._shared.get(key)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(self._read, filter_, at))
            self._shared[key] = task
            task.add_done_callback(partial(self._answered, key))
        return await asyncio.shield(task)  # a subscriber that leaves does not take the answer from the others

    def _answered(self, key: tuple[Filter, int], task: asyncio.Task[tuple[bytes, int]]) -> None:
        """Keep no answer: those to all the places of a long replay would fill the memory."""
        if self._shared.get(key) is task:  # a commit may have begun another question
            del self._shared[key]

    def _read(self, filter_: Filter, at: int) -> tuple[bytes, int]:
        with self._store.reading() as connection:
            found, upto = arrivals(connection, filter_, at, _AT_ONCE)
        return b"".join(_event(seq, item) for seq, item in found), upto


def _event(seq: int, item: dict[str, object]) -> bytes:
    data = json.dumps(item, ensure_ascii=False, separators=(",", ":"))
    return f"id: {seq}\nevent: moment\ndata: {data}\n\n".encode()
