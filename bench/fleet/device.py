"""A virtual device: keeps a moment until the hub says `stored` and sends it again meanwhile, as `edge.delivery` does.

Its bounds and waits are those of the real device.
"""

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from bench.fleet import wire
from edge.delivery import connection as real
from edge.delivery.publisher import LIVE_ROOM, NOBODY_MAX_S, RESEND_MAX_S, RESEND_S
from edge.delivery.window import Window
from moments import Moment
from moments.topics import topic

_IN_FLIGHT = real._IN_FLIGHT  # noqa: SLF001
_SHORTEST_S, _LONGEST_S = real._BACK_OFF  # noqa: SLF001
_KEEPALIVE_S = real._KEEPALIVE_S  # noqa: SLF001
_NO_SUBSCRIBER = 0x10
_HEARD = ("stored", "config", "command")
_LISTENING = b'{"state":"listening","since":"2026-05-22T09:00:00.000+09:00"}'


@dataclass(slots=True)
class Waiting:
    """A moment that is not stored. `mid`: its number while the broker has not acknowledged it.

    `live`: it was heard on this connection, so that there is room for it beside the backlog's window.
    """

    body: bytes
    made: float
    first_sent: float | None = None
    sent: float = 0.0
    tries: int = 0
    mid: int | None = None
    queued: bool = True
    live: bool = True


@dataclass(slots=True, frozen=True)
class Stored:
    """What became of a moment, in monotonic seconds."""

    device: int
    made: float
    first_sent: float
    stored: float
    tries: int


class Device:
    """One of the fleet; everything happens in the event loop.

    `told(id, stored)` is called when the hub has said that it stored one of its moments.
    """

    def __init__(self, n: int, port: int, told: Callable[[str, Stored], None], rng: random.Random) -> None:
        self.n, self.name = n, f"fleet-{n}"
        self.waiting: dict[str, Waiting] = {}
        self.connected, self.wanted = False, False
        self.connections = 0
        self._port, self._told, self._rng = port, told, rng
        self._line: wire.Line | None = None
        self._queue: deque[str] = deque()
        self._window, self._under_way = Window(), 0
        self._mids: dict[int, str] = {}
        self._last_mid = 0
        self._attempts, self._next_attempt = 0, 0.0
        self._connecting: asyncio.Task[None] | None = None
        self._probes, self._probe_at = 0, 0.0
        self._pinged = self._up_since = self._opened = 0.0

    def online(self, after_s: float = 0.0) -> None:
        """The network is there (again); the device finds out within so long."""
        self.wanted, self._attempts = True, 0
        self._next_attempt = time.monotonic() + after_s

    def offline(self) -> None:
        """The network is gone."""
        self.wanted = False
        if self._line is not None:
            self._line.cut()

    def make(self, moment: Moment) -> None:
        """Take a moment into the outbox, and send it when the broker is reached."""
        self.waiting[moment.id] = Waiting(moment.to_json(), time.monotonic(), live=self.connected)
        (self._queue.appendleft if self.connected else self._queue.append)(moment.id)  # before the backlog
        self._send()

    def say(self, kind: str, body: bytes) -> None:
        """Publish what is not kept, `health`."""
        if self.connected and self._line is not None:
            self._line.say(wire.publish(topic(self.name, kind), body, self._mid()))

    def tick(self, now: float) -> None:
        """Do what is due; called about twice a second."""
        if not self.connected:
            if self._line is not None and now - self._opened > _KEEPALIVE_S:
                self._line.cut()  # it never said that it hears us
            elif self.wanted and self._line is None and self._connecting is None and now >= self._next_attempt:
                self._connecting = asyncio.ensure_future(self._connect())
            return
        if now - self._pinged > _KEEPALIVE_S / 2 and self._line is not None:
            self._pinged = now
            self._line.say(wire.PING)
        late = [
            (moment_id, each)
            for moment_id, each in self.waiting.items()
            if not each.queued and each.mid is None and now >= each.sent + _resend_s(each.tries)
        ]
        if late:
            self._window.unanswered()
        for moment_id, each in late:
            self._enqueue(moment_id, each)
        self._send()

    # The connection.

    async def _connect(self) -> None:
        self._attempts += 1
        wait = min(_LONGEST_S, _SHORTEST_S * 2.0 ** min(self._attempts - 1, 10))
        self._next_attempt = time.monotonic() + wait * self._rng.uniform(0.5, 1.0)
        hello = wire.connect(
            self.name,
            session_s=real._SESSION_S,  # noqa: SLF001
            receive_maximum=real._RECEIVE_MAXIMUM,  # noqa: SLF001
            keepalive_s=_KEEPALIVE_S,
            will=(topic(self.name, "status"), b'{"state":"offline","since":null}'),
        )

        def begin() -> wire.Line:  # what it hears may come before `create_connection` has returned
            self._line, self._opened = wire.Line(self, hello), time.monotonic()
            return self._line

        try:
            opening = asyncio.get_running_loop().create_connection(begin, "127.0.0.1", self._port)
            await asyncio.wait_for(opening, real._CONNECT_S)  # noqa: SLF001
            if not self.wanted:
                self.offline()
        except OSError:  # TimeoutError is one
            if self._line is not None:
                self._line.cut()
            self._line = None
        finally:
            self._connecting = None

    def greeted(self, session_kept: bool, reason: int) -> None:
        """Go on where the last connection ended: what the broker did not acknowledge, or may have lost, is due."""
        assert self._line is not None
        if reason:
            self._line.cut()
            return
        self._line.say(wire.subscribe(self._mid(), [topic(self.name, kind) for kind in _HEARD]))
        self._mids.clear()
        self._window.begin()
        for moment_id, each in self.waiting.items():
            each.live = False
            if not each.queued and (each.mid is not None or not session_kept):
                each.tries = 0
                self._enqueue(moment_id, each)

    def subscribed(self) -> None:
        """Only from here on is `stored` heard."""
        self.connected = True
        self.connections += 1
        self._probes, self._pinged, self._up_since = 0, time.monotonic(), time.monotonic()
        assert self._line is not None
        self._line.say(wire.publish(topic(self.name, "status"), _LISTENING, self._mid(), retain=True))
        self._send()

    def ended(self, line: wire.Line) -> None:
        """The connection is gone; the next attempt is made at once after a steady one, else with back-off."""
        if line is not self._line:
            return  # one that came too late, and was given up
        self._line = None
        if self.connected:
            self.connected = False
            if time.monotonic() - self._up_since > real._STEADY_S:  # noqa: SLF001
                self._attempts, self._next_attempt = 0, 0.0

    # Moments.

    def _send(self) -> None:
        while self._queue and self.connected and len(self._mids) < _IN_FLIGHT and self._line is not None:
            now = time.monotonic()
            if self._probes and (self._mids or now < self._probe_at):
                return  # nobody listens: one at a time
            each = self.waiting.get(self._queue[0])
            if each is not None and self._under_way >= self._window.size + each.live * LIVE_ROOM:
                return
            moment_id = self._queue.popleft()
            if each is None:
                continue
            self._under_way += 1
            mid = self._mid()
            each.mid, each.sent, each.tries, each.queued = mid, now, each.tries + 1, False
            each.first_sent = each.first_sent or now
            self._mids[mid] = moment_id
            self._line.say(wire.publish(topic(self.name, "moment"), each.body, mid))

    def _enqueue(self, moment_id: str, each: Waiting) -> None:
        """Have a moment that is under way sent again."""
        self._under_way -= 1
        each.mid, each.queued = None, True
        self._queue.append(moment_id)

    def _mid(self) -> int:
        while True:
            self._last_mid = self._last_mid % 65_535 + 1
            if self._last_mid not in self._mids:
                return self._last_mid

    def acknowledged(self, mid: int, reason: int) -> None:
        """The broker has it, or says that nobody listens."""
        moment_id = self._mids.pop(mid, "")
        each = self.waiting.get(moment_id)
        if each is not None and each.mid == mid:
            each.mid = None
            if reason == _NO_SUBSCRIBER:
                each.tries -= 1
                self._enqueue(moment_id, each)
                if (now := time.monotonic()) >= self._probe_at:
                    self._probe_at = now + min(NOBODY_MAX_S, 0.5 * 2.0 ** min(self._probes, 10))
                    self._probes += 1
                return
            self._probes = 0
        self._send()

    def heard(self, name: str, payload: bytes) -> None:
        """What is stored is let go."""
        if not name.endswith("/stored"):
            return
        now = time.monotonic()
        for moment_id in json.loads(payload)["ids"]:
            each = self.waiting.pop(moment_id, None)
            if each is not None:
                if each.mid is not None:
                    self._mids.pop(each.mid, None)
                self._under_way -= not each.queued
                if each.tries == 1:
                    self._window.answered(now - each.sent)
                self._told(moment_id, Stored(self.n, each.made, each.first_sent or now, now, each.tries))
        self._send()


def _resend_s(tries: int) -> float:
    return float(min(RESEND_MAX_S, RESEND_S * 2.0 ** min(max(tries - 1, 0), 20)))
