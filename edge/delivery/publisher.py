"""Moments out: nothing leaves the outbox before the hub says `stored`.

One thread decides, fed by an inbox. A moment is in flight from its publication until its `stored`:

- a window of the backlog is in flight, which `edge.delivery.window` sets, and room is kept beside it, so that what is
  heard now goes out now;
- what the broker has acknowledged but the hub has not answered is sent again after `RESEND_S`, then twice that, up to
  `RESEND_MAX_S`;
- after a reconnect, what the broker had not acknowledged is sent again at once, and all of it when the broker has lost
  our session, since it has then lost what it acknowledged;
- a broker that says that nobody listens gets one moment as a probe, with back-off up to `NOBODY_MAX_S`, and all that is
  due once somebody does;
- moments that stay unanswered while later ones are stored count as `unanswered` and give up their room in the window.
"""

import json
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from edge.config import Broker
from edge.delivery.connection import Connection, Task
from edge.delivery.window import Window
from edge.outbox.queue import Outbox
from edge.outbox.row import Row, moment_of
from moments.topics import topic

log = logging.getLogger(__name__)

LIVE_ROOM: Final = 100
RESEND_S: Final = 8.0
RESEND_MAX_S: Final = 600.0
NOBODY_MAX_S: Final = 10.0
_NO_SUBSCRIBER: Final = 0x10
_REFUSED: Final = 0x80
_TURN_S: Final = 0.25
_MUTE_S: Final = 60.0
_UNREADABLE_TRIES: Final = 3
_AT_ONCE: Final = 2000


@dataclass(slots=True)
class _Sent:
    """A moment in flight. `mid`: its number on this connection while the broker has not acknowledged it."""

    seq: int
    mid: int | None
    at: float
    tries: int = 1
    passed_over: bool = False

    def due(self, first: float) -> float:
        """When it is sent again, in monotonic seconds."""
        wait: float = min(RESEND_MAX_S, first * 2.0 ** min(self.tries - 1, 20))
        return self.at + wait


class Publisher:
    """Sends the outbox, keeps the connection, hears commands.

    `on_command` and `on_config` get the payload of the device's topics, `on_others` that of topics by their name, in
    the publisher's thread; what they raise is logged and counted.
    `counts`: `sent`, `resent`, `stored`, `refused`, `connections`, `faults`.
    """

    def __init__(
        self,
        device: str,
        broker: Broker,
        outbox: Outbox,
        *,
        on_command: Callable[[bytes], None] = lambda _: None,
        on_config: Callable[[bytes], None] = lambda _: None,
        on_others: Mapping[str, Callable[[bytes], None]] = MappingProxyType({}),
        resend_s: float = RESEND_S,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.unanswered = 0
        self._outbox = outbox
        own = {"stored": self._on_stored, "command": on_command, "config": on_config}
        self._handlers = {topic(device, kind): handle for kind, handle in own.items()} | dict(on_others)
        self._resend_s = resend_s
        self._inbox: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._sent: dict[str, _Sent] = {}
        self._window = Window()
        self._mids: dict[int, str] = {}
        self._low, self._top, self._stored_seq = 0, outbox.last, 0
        self._status: bytes | None = None
        self._swept = 0.0
        self._probes, self._probe_at = 0, 0.0
        self._closing = threading.Event()
        self._connection = Connection(
            device,
            broker,
            tuple(self._handlers),
            self._inbox.put,
            on_up=self._on_up,
            on_message=lambda name, payload: self._handlers[name](payload),
            on_acknowledged=self._on_acknowledged,
        )
        self._thread = threading.Thread(target=self._run, name="publish", daemon=True)

    # Called from other threads.

    @property
    def connected(self) -> bool:
        """Tell whether the broker hears us."""
        return self._connection.up

    @property
    def trouble(self) -> str | None:
        """Why moments do not get out, in words; None when they do."""
        return self._connection.trouble

    def start(self) -> None:
        """Begin to connect and to send."""
        self._thread.start()

    def wake(self) -> None:
        """There is a new moment in the outbox."""
        self._inbox.put(None)

    def look_again(self) -> None:
        """Moments that had to wait may be sent now."""
        self._inbox.put(partial(setattr, self, "_low", 0))

    def status(self, state: str, since: str) -> None:
        """Say, and keep said for who comes later, how the device is."""
        self._status = json.dumps({"state": state, "since": since}).encode()
        self._inbox.put(self._publish_status)

    def say(self, kind: str, values: dict[str, Any], *, retain: bool = False) -> None:
        """Publish `health` or `reply`; while there is no connection it is left out."""
        body = json.dumps(values, allow_nan=False).encode()
        self._inbox.put(partial(self._publish_if_connected, kind, body, retain=retain))

    def close(self, since: str, seconds: float = 2.0) -> None:
        """Say `offline` and leave, within about `seconds`."""
        end = time.monotonic() + seconds
        self._closing.set()
        self._inbox.put(None)
        if self._thread.is_alive():
            self._thread.join(seconds)
        offline = json.dumps({"state": "offline", "since": since}).encode()
        self._connection.leave(offline, max(0.1, end - time.monotonic()))

    # The thread that decides.

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._connection.keep()
                self._hear()
                if self.connected:
                    self._send_again()
                    self._send_new()
            except Exception:  # noqa: BLE001 (whatever it was, the device must not fall mute)
                self._fault("the publisher failed and goes on")
                self._closing.wait(1.0)

    def _hear(self) -> None:
        """Do what is in the inbox; wait for it a little when it is empty."""
        try:
            self._do(self._inbox.get(timeout=_TURN_S))
            for _ in range(_AT_ONCE):
                self._do(self._inbox.get_nowait())
        except queue.Empty:
            return

    def _do(self, task: Task | None) -> None:
        if task is None:
            return
        try:
            task()
        except Exception:  # noqa: BLE001 (foreign bytes)
            self._fault("what arrived could not be dealt with")

    def _fault(self, what: str) -> None:
        self.counts["faults"] += 1
        log.error(what, exc_info=True)  # noqa: LOG014 (called while an exception is handled)

    def _send_new(self) -> None:
        """Send what is heard now, then the backlog as far as there is room."""
        if self._probes and self._sent:
            return
        room = self._window.size - len(self._sent) + self.unanswered
        heard_now = self._outbox.after(self._top, max(0, room + LIVE_ROOM)) if self._outbox.last > self._top else ()
        for row in heard_now:
            self._top = row.seq
            if row.id not in self._sent:
                self._send(row)
                room -= 1
        if room <= 0 or room < self._window.size // 4:
            return  # a query for a few rows only costs more than it brings
        newest = self._outbox.last
        rows = self._outbox.after(self._low, room)
        for row in rows:
            if row.id not in self._sent:
                self._send(row)
        if self._outbox.all_readable:  # else there is more before them
            self._low = rows[-1].seq if rows else newest

    def _send(self, row: Row) -> None:
        mid = self._connection.publish("moment", row.body)
        before = self._sent.get(row.id)
        tries = before.tries + 1 if before else 1
        self._sent[row.id] = _Sent(row.seq, mid, time.monotonic(), tries, before.passed_over if before else False)
        self._mids[mid] = row.id
        self.counts["resent" if before else "sent"] += 1

    def _send_again(self) -> None:
        now = time.monotonic()
        if now - self._swept < min(1.0, self._resend_s / 4):
            return
        self._swept = now
        if any(sent.mid is not None and now - sent.at > _MUTE_S for sent in self._sent.values()):
            log.warning("the broker acknowledges nothing: connecting anew")
            for sent in self._sent.values():
                sent.at = now
            self._connection.drop()
            return
        due = [each for each, sent in self._sent.items() if sent.mid is None and sent.due(self._resend_s) <= now]
        if self._probes:
            due = due[:1] if now >= self._probe_at else []
        elif any(self._sent[each].at > 0 for each in due):
            self._window.unanswered()
        self._send_rows_again(due)
        for sent in self._sent.values():
            sent.passed_over = sent.tries > 1 and sent.seq < self._stored_seq
        self.unanswered = sum(1 for sent in self._sent.values() if sent.passed_over)

    def _send_rows_again(self, due: list[str]) -> None:
        rows = self._outbox.rows(due)
        if self._outbox.all_readable:  # else what is not found may only be out of reach
            for gone in set(due).difference(row.id for row in rows):  # erased or dropped meanwhile
                del self._sent[gone]
        for row in rows:
            if self._sent[row.id].tries >= _UNREADABLE_TRIES and not _is_whole(row):
                self._give_up(row)
            else:
                self._send(row)

    def _give_up(self, row: Row) -> None:
        """Let go what the hub has among its dead letters, and answers only where it could read an id."""
        del self._sent[row.id]
        self._outbox.dropped["corrupt"] += 1
        self._outbox.stored([row.id])
        log.error("a moment dropped: the disk has changed its bytes, and the hub does not know it")

    # What arrives.

    def _on_stored(self, payload: bytes) -> None:
        ids = json.loads(payload)["ids"]
        if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
            raise ValueError("stored: ids must be a list of ids")
        self._outbox.stored(ids)
        self.counts["stored"] += len(ids)
        now = time.monotonic()
        for each in ids:
            sent = self._sent.pop(each, None)
            if sent is not None:
                if sent.tries == 1:  # else it is not known which of them is answered
                    self._window.answered(now - sent.at)
                self.unanswered -= sent.passed_over
                self._stored_seq = max(self._stored_seq, sent.seq)
                if sent.mid is not None:
                    self._mids.pop(sent.mid, None)

    def _on_acknowledged(self, mid: int, reason: int) -> None:
        sent = self._sent.get(self._mids.pop(mid, ""))
        if sent is None or sent.mid != mid:
            return
        sent.mid = None
        if reason == _NO_SUBSCRIBER:
            sent.at, sent.tries = float("-inf"), max(1, sent.tries - 1)
            self._nobody_listens()
        elif self._probes:
            self._probes, self._connection.trouble, self._swept = 0, None, 0.0
        if reason >= _REFUSED:
            self.counts["refused"] += 1
            self._connection.trouble = "the broker refuses what this device publishes: may its user write its topics?"
            log.error("the broker refuses a publication: may the user write to this device's topics?")

    def _nobody_listens(self) -> None:
        now = time.monotonic()
        if not self._probes:
            log.warning("no hub listens at the broker")
            self._connection.trouble = "no hub listens at the broker"
        if now >= self._probe_at:
            self._probe_at = now + min(NOBODY_MAX_S, 0.5 * 2.0 ** min(self._probes, 10))
            self._probes += 1

    def _on_up(self, session_kept: bool) -> None:
        self.counts["connections"] += 1
        self._window.begin()
        self._top = self._outbox.last  # what was heard meanwhile is backlog
        self._mids.clear()
        for sent in self._sent.values():
            if sent.mid is not None or not session_kept:
                sent.mid, sent.at, sent.tries = None, float("-inf"), 1
        self._swept = 0.0
        self._publish_status()

    def _publish_status(self) -> None:
        if self._status is not None:
            self._publish_if_connected("status", self._status, retain=True)

    def _publish_if_connected(self, kind: str, body: bytes, *, retain: bool) -> None:
        if self.connected:
            self._connection.publish(kind, body, retain=retain)


def _is_whole(row: Row) -> bool:
    moment = moment_of(row.body)
    return moment is not None and moment.id == row.id
