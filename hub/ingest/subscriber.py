"""Takes moments from the broker: commit, then `stored`, then the acknowledgement.

The broker delivers at most `RECEIVE_MAXIMUM` messages that are not acknowledged, and that bounds the queue here: a
store that is slow makes the broker wait, not memory grow. What is killed between two steps is delivered again, and
the store knows what it has.

A hub alone has a session that outlives it, in which the broker keeps what comes meanwhile. One of several that share
a subscription has none: the broker would go on dealing out a share to a hub that is gone. So the others take over at
once, and what was under way to it is sent again by the devices.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hub.broker import authenticate
from hub.config import Broker
from hub.ingest import judge
from hub.ingest.connection import Connection, Delivered
from hub.ingest.outgoing import LARGEST_MESSAGE, written
from hub.metrics import Metrics
from hub.stores.refusing import refuses
from hub.stores.store import Ending, Letter, Report, Store
from moments import Moment
from moments.topics import parse, topic

_log = logging.getLogger(__name__)

Announce = Callable[[str], tuple[str, dict[str, Any]]]

RECEIVE_MAXIMUM: Final = 4000
_BATCH: Final = 2000
"""Of what is waiting: a disk that is slow to commit is asked to less often, and the broker delivers meanwhile."""

_SESSION_SECONDS: Final = 7 * 86_400
_TOGETHER: Final = 1000
"""Ids in one `stored`: a message stays far below the broker's limit."""

_SOON_S: Final = 30 * 86_400
_SHORTEST_BACK_OFF_S: Final = 1
_LONGEST_BACK_OFF_S: Final = 30
_AFTER_FAILURE_S: Final = 2.0
_ROUND_S: Final = 0.2
"""How often PostgreSQL is written to at most: a commit takes some twenty exchanges, however little it brings."""
_KINDS: Final = ("moment", "status", "health", "reply")


class Subscriber:
    """Connects on `start` and keeps trying; `close` ends it.

    `announce(device)` gives a topic and payload that tell others at the broker of a device, once a connection.
    """

    def __init__(self, settings: Broker, store: Store, metrics: Metrics, announce: Announce | None = None) -> None:
        self._settings = settings
        self._store = store
        self._metrics = metrics
        self._announce, self._announced = announce, set[str]()
        self.on_connected: list[Callable[[], None]] = []
        """Called in the broker client's thread at every connection: it may not take long."""
        self.on_report: list[Callable[[Report], None]] = []
        """Called with what devices say of themselves and their replies, before those are acknowledged."""
        self._largest = LARGEST_MESSAGE
        self._waiting: queue.SimpleQueue[list[Delivered] | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._worker = threading.Thread(target=self._work, name="ingest")
        client = Connection(CallbackAPIVersion.VERSION2, settings.client_id, protocol=mqtt.MQTTv5, manual_ack=True)
        authenticate(client, settings)
        client.reconnect_delay_set(_SHORTEST_BACK_OFF_S, _LONGEST_BACK_OFF_S)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_delivered = self._on_delivered
        self._client = client

    def start(self) -> None:
        """Begin to connect, and to work."""
        wanted = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        wanted.SessionExpiryInterval = 0 if self._settings.share_group else _SESSION_SECONDS
        wanted.ReceiveMaximum = RECEIVE_MAXIMUM
        wanted.MaximumPacketSize = LARGEST_MESSAGE
        self._client.connect_async(
            self._settings.host, self._settings.port, keepalive=30, clean_start=False, properties=wanted
        )
        self._worker.start()
        self._client.loop_start()

    def close(self) -> None:
        """Finish the batch in hand and leave; what is not acknowledged is delivered again next time."""
        self._closing.set()
        self._waiting.put(None)
        if self._worker.is_alive():
            self._worker.join()
        self._client.disconnect()
        self._client.loop_stop()

    def send(
        self, device: str, kind: str, body: dict[str, Any], *, retain: bool = False, expires_s: int | None = None
    ) -> bool:
        """Publish to a device; False when the broker is not reached or cannot carry it, and nothing is sent then.

        The broker drops what it could not deliver within `expires_s`.
        """
        return self._publish(topic(device, kind), body, retain=retain, expires_s=expires_s)

    def _publish(self, where: str, body: dict[str, Any], *, retain: bool, expires_s: int | None = None) -> bool:
        if not self._client.is_connected():
            return False
        try:
            payload = written(body, self._largest)
        except ValueError as error:
            _log.error("a message is not published", extra={"topic": where, "reason": str(error)})
            return False
        about = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if expires_s is not None:
            about.MessageExpiryInterval = expires_s
        self._client.publish(where, payload, qos=1, retain=retain, properties=about)
        return True

    def _on_connect(self, client: Any, _data: Any, _flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            _log.warning("the broker refuses the hub", extra={"reason": str(reason)})
            return
        self._drop_waiting()
        self._announced.clear()
        self._largest = min(LARGEST_MESSAGE, getattr(properties, "MaximumPacketSize", LARGEST_MESSAGE))
        self._metrics.set("moodscape_broker_connected", 1)
        client.subscribe([(self._group(kind) + topic("+", kind), 1) for kind in _KINDS])
        for call in self.on_connected:
            call()
        left_s = client.certificate_ends_in_s()
        if left_s is not None and left_s < _SOON_S:
            days = {"days_left": int(left_s // 86_400)}
            _log.warning("the broker's certificate ends soon: renew it where its authority is", extra=days)
        _log.info("connected to the broker", extra={"host": self._settings.host, "port": self._settings.port})

    def _group(self, kind: str) -> str:
        """Give what has hubs share a topic: all but `status`, since a shared subscription gets nothing retained."""
        group = self._settings.share_group
        return f"$share/{group}/" if group and kind != "status" else ""

    def _on_connect_fail(self, _client: Any, _data: Any) -> None:
        where = {"host": self._settings.host, "port": self._settings.port}
        _log.warning("the broker does not answer; trying again", extra=where | {"reason": self._client.failure})

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._metrics.set("moodscape_broker_connected", 0)
        if not self._closing.is_set():
            _log.warning("the broker is gone; trying again", extra={"reason": str(reason)})

    def _on_publish(self, _client: Any, _data: Any, _number: int, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            _log.error(
                "the broker refuses what the hub publishes: may its login write there? see home_assistant.prefix",
                extra={"reason": str(reason)},
            )

    def _on_delivered(self, messages: list[Delivered]) -> None:
        self._metrics.add("moodscape_queue_messages", len(messages))
        self._waiting.put(messages)

    def _drop_waiting(self) -> None:
        """Drop what an older connection delivered and is not in hand: it is delivered again, so nothing piles up."""
        try:
            while (messages := self._waiting.get_nowait()) is not None:
                self._metrics.add("moodscape_queue_messages", -len(messages))
            self._waiting.put(None)  # the end
        except queue.Empty:
            return

    def _work(self) -> None:
        next_round = 0.0
        while not self._closing.is_set():
            if self._store.shared:
                self._closing.wait(max(0.0, next_round - time.monotonic()))
            batch = self._next_batch()
            next_round = time.monotonic() + _ROUND_S
            if batch:
                self._store_all(batch)

    def _next_batch(self) -> list[Delivered]:
        """Wait for messages, and take with them what has arrived meanwhile; none at the end."""
        batch: list[Delivered] = []
        messages = self._waiting.get()
        while messages is not None:
            batch += messages
            if len(batch) >= _BATCH:
                break
            try:
                messages = self._waiting.get_nowait()
            except queue.Empty:
                break
        return batch

    def _store_all(self, batch: Sequence[Delivered], refused: Letter | None = None) -> None:
        """Store a batch, however long the store is away.

        A message that cannot be stored, whatever the reason, becomes a dead letter and holds up no other.
        """
        while not self._closing.is_set():
            try:
                self._handle(batch, refused)
                return
            except Ending:
                return
            except (DBAPIError, PoolTimeout) as error:
                if isinstance(error, DBAPIError) and refuses(error):
                    reason = f"the store refuses it: {error.orig}"
                    break
                # The disk is full, the file locked: nothing is lost by waiting.
                self._metrics.add("moodscape_store_failures_total")
                why = str(getattr(error, "orig", "no connection is free"))
                _log.error("the store cannot be written; trying again", extra={"reason": why})
                self._closing.wait(_AFTER_FAILURE_S)
            except Exception as error:  # noqa: BLE001 (what is wrong with one message must not end this thread)
                # Without its words, which may tell what the message holds.
                _log.error("a message cannot be stored", extra={"reason": type(error).__name__})
                reason = f"it cannot be stored: {type(error).__name__}"
                break
        else:
            return
        for message in batch if refused is None else ():
            letter = Letter(message.topic, reason.replace("\0", "")[:1000], message.payload)
            self._store_all([message], letter if len(batch) == 1 else None)

    def _handle(self, batch: Sequence[Delivered], refused: Letter | None = None) -> None:
        begun = time.monotonic()
        arrived: list[Moment] = []
        dead: list[Letter] = []
        reports: list[Report] = []
        answers: dict[str, list[str]] = {}
        for message in batch:
            judged = refused or _judge(message)
            if isinstance(judged, Moment):
                arrived.append(judged)
                answers.setdefault(judged.device, []).append(judged.id)
            elif isinstance(judged, Report):
                reports.append(judged)
            else:
                dead.append(judged)
                _log.warning("a message went to the dead letters", extra={"topic": judged.topic, "why": judged.reason})
                _answer_dead(judged, answers)
        new = self._store.take(arrived, dead, [report for report in reports if report.kind != "reply"])
        for report in reports:
            for call in self.on_report:
                call(report)
        for device, ids in answers.items():
            for at in range(0, len(ids), _TOGETHER):
                self.send(device, "stored", {"ids": ids[at : at + _TOGETHER]})
        if self._announce is not None:
            self._tell_of({report.device for report in reports} - self._announced, self._announce)
        self._client.ack_all(batch)
        self._count(batch, arrived, new, dead, time.monotonic() - begun)

    def _tell_of(self, devices: set[str], announce: Announce) -> None:
        for device in devices:
            where, what = announce(device)
            self._publish(where, what, retain=True)
        self._announced |= devices

    def _count(
        self, batch: Sequence[Delivered], arrived: Sequence[Moment], new: set[str], dead: Sequence[Letter], took: float
    ) -> None:
        self._metrics.add("moodscape_queue_messages", -len(batch))
        self._metrics.add("moodscape_moments_stored_total", len(new))
        self._metrics.add("moodscape_moments_known_total", len(arrived) - len(new))
        self._metrics.add("moodscape_dead_letters_total", len(dead))
        self._metrics.add("moodscape_batches_total")
        self._metrics.add("moodscape_batch_seconds_total", took)


def _judge(message: Delivered) -> Moment | Report | Letter:
    if message.topic.endswith("/moment"):
        return judge.moment(message.topic, message.payload)
    return judge.report(message.topic, message.payload)


def _answer_dead(letter: Letter, answers: dict[str, list[str]]) -> None:
    """Have the device told that a message is kept here, so that it stops sending it."""
    try:
        device, kind = parse(letter.topic)
    except ValueError:
        return
    found = judge.readable_id(letter.payload) if kind == "moment" else None
    if found is not None:
        answers.setdefault(device, []).append(found)
