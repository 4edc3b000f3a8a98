"""Moments out: MQTT 5 at QoS 1, and nothing leaves the outbox before the hub says `stored`.

One thread decides, fed by an inbox; paho's thread only reads and writes the socket and puts what it hears into that
inbox, so that nothing that arrives can stop it. A moment is in flight from its publication until its `stored`:

- at most `WINDOW` of the backlog are in flight, and room is kept beside them, so that what is heard now goes out now;
- what the broker has acknowledged but the hub has not answered is sent again after `RESEND_S`, then twice that, up to
  `RESEND_MAX_S`; what the broker has not acknowledged is sent again by paho when the connection is there again;
- a broker that lost our session has lost what it acknowledged: all of that is sent again at once;
- moments that stay unanswered while later ones are stored count as `unanswered` and give up their room in the window.
"""

import json
import logging
import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.config import Broker
from edge.outbox import Outbox, Row
from moments.errors import UserError
from moments.topics import parse, topic

log = logging.getLogger(__name__)

WINDOW: Final = 500
LIVE_ROOM: Final = 100
RESEND_S: Final = 8.0
RESEND_MAX_S: Final = 600.0
_SESSION_S: Final = 7 * 86_400
_RECEIVE_MAXIMUM: Final = 100
_KEEPALIVE_S: Final = 30
_CONNECT_S: Final = 3.0
_BACK_OFF: Final = (0.5, 30.0)
_STEADY_S: Final = 10.0
_TURN_S: Final = 0.25
_MUTE_S: Final = 60.0

Say = Callable[[], None]


@dataclass(slots=True)
class _Sent:
    """A moment in flight. `mid`: paho's number while the broker has not acknowledged it."""

    seq: int
    mid: int | None
    at: float
    tries: int = 1
    passed_over: bool = False

    def due(self, first: float) -> float:
        """When it is sent again, in monotonic seconds."""
        wait: float = min(RESEND_MAX_S, first * 2.0 ** min(self.tries - 1, 20))
        return self.at + wait


class _Client(mqtt.Client):
    """paho's client, which tells when its network loop has ended, for whatever reason."""

    ended: Callable[[str], None]

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:
        """Run the network loop of one connection; called in paho's thread."""
        why = ""
        try:
            code = super().loop_forever(timeout, retry_first_connection)
            why = mqtt.error_string(code)
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            log.exception("the network loop failed")
            return MQTTErrorCode.MQTT_ERR_UNKNOWN
        else:
            return code
        finally:
            self.ended(why)


class Publisher:
    """Sends the outbox, keeps the connection, hears commands.

    `on_command` and `on_config` get the payload of those topics, in the publisher's thread; what they raise is logged
    and counted. `counts`: `sent`, `resent`, `stored`, `refused`, `connections`, `faults`.
    """

    def __init__(
        self,
        device: str,
        broker: Broker,
        outbox: Outbox,
        *,
        on_command: Callable[[bytes], None] = lambda _: None,
        on_config: Callable[[bytes], None] = lambda _: None,
        resend_s: float = RESEND_S,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.connected = False
        self.trouble: str | None = "not connected yet"
        self.unanswered = 0
        self._device, self._broker, self._outbox = device, broker, outbox
        self._handlers = {"stored": self._on_stored, "command": on_command, "config": on_config}
        self._resend_s = resend_s
        self._window = WINDOW
        self._inbox: queue.SimpleQueue[Say | None] = queue.SimpleQueue()
        self._sent: dict[str, _Sent] = {}
        self._mids: dict[int, str] = {}
        self._low, self._top, self._stored_seq = 0, outbox.last, 0
        self._status: bytes | None = None
        self._looping = False
        self._attempts, self._next_attempt, self._connected_at, self._swept = 0, 0.0, 0.0, 0.0
        self._closing, self._ended = threading.Event(), threading.Event()
        self._client = self._make_client()
        self._thread = threading.Thread(target=self._run, name="publish", daemon=True)

    # Called from other threads.

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
        if self.connected:
            try:
                said = self._client.publish(
                    topic(self._device, "status"),
                    json.dumps({"state": "offline", "since": since}),
                    qos=1,
                    retain=True,
                )
                said.wait_for_publish(max(0.1, end - time.monotonic()))
            except (RuntimeError, ValueError):
                log.warning("the broker did not hear that the device leaves")
            self._client.disconnect()
        if self._looping and self._ended.wait(max(0.1, end - time.monotonic())):
            self._stop_loop()

    # The thread that decides.

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._turn()
            except Exception:  # noqa: BLE001 (whatever it was, the device must not fall mute)
                self._fault("the publisher failed and goes on")
                self._closing.wait(1.0)

    def _turn(self) -> None:
        if not self._looping and time.monotonic() >= self._next_attempt:
            self._connect()
        self._hear()
        if self.connected:
            if time.monotonic() - self._swept > min(1.0, self._resend_s / 4):
                self._swept = time.monotonic()
                self._send_again()
            self._send_new()

    def _hear(self) -> None:
        """Do what is in the inbox; wait for it a little when it is empty."""
        try:
            task = self._inbox.get(timeout=_TURN_S)
            for _ in range(2000):
                if task is not None:
                    self._guarded(task)
                task = self._inbox.get_nowait()
        except queue.Empty:
            return
        if task is not None:
            self._guarded(task)

    def _guarded(self, task: Say) -> None:
        try:
            task()
        except Exception:  # noqa: BLE001 (foreign bytes)
            self._fault("what arrived could not be dealt with")

    def _fault(self, what: str) -> None:
        self.counts["faults"] += 1
        log.error(what, exc_info=True)  # noqa: LOG014 (called while an exception is handled)

    def _send_new(self) -> None:
        flying = sum(1 for sent in self._sent.values() if not sent.passed_over)
        room = self._window - flying
        live = self._outbox.after(self._top, max(0, room) + LIVE_ROOM) if room > -LIVE_ROOM else []
        for row in live[: room + LIVE_ROOM]:
            self._top = row.seq
            if row.id not in self._sent:
                self._send(row)
        room -= len(live)
        if room < self._window // 4 and len(self._sent) > self._window // 2:
            return  # a query for a few rows only costs more than it brings
        for row in self._outbox.after(self._low, max(0, room)):
            self._low = row.seq
            if row.id not in self._sent:
                self._send(row)

    def _send(self, row: Row) -> None:
        said = self._client.publish(topic(self._device, "moment"), row.body, qos=1)
        if said.rc not in (mqtt.MQTT_ERR_SUCCESS, mqtt.MQTT_ERR_NO_CONN):
            raise RuntimeError(mqtt.error_string(said.rc))
        before = self._sent.get(row.id)
        tries = before.tries + 1 if before else 1
        passed_over = before.passed_over if before else False
        self._sent[row.id] = _Sent(row.seq, said.mid, time.monotonic(), tries, passed_over)
        self._mids[said.mid] = row.id
        self.counts["resent" if before else "sent"] += 1

    def _send_again(self) -> None:
        now = time.monotonic()
        if any(sent.mid is not None and now - sent.at > _MUTE_S for sent in self._sent.values()):
            log.warning("the broker acknowledges nothing: connecting anew")
            for sent in self._sent.values():
                sent.at = now
            self._client.disconnect()
            return
        due = [each for each, sent in self._sent.items() if sent.mid is None and sent.due(self._resend_s) <= now]
        if due:
            rows = self._outbox.rows(due)
            for gone in set(due).difference(row.id for row in rows):  # erased or dropped meanwhile
                del self._sent[gone]
            for row in rows:
                self._send(row)
        for sent in self._sent.values():
            sent.passed_over = sent.tries > 1 and sent.seq < self._stored_seq
        self.unanswered = sum(1 for sent in self._sent.values() if sent.passed_over)

    def _on_stored(self, payload: bytes) -> None:
        ids = json.loads(payload)["ids"]
        if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
            raise ValueError("stored: ids must be a list of ids")
        self._outbox.stored(ids)
        self.counts["stored"] += len(ids)
        for each in ids:
            sent = self._sent.pop(each, None)
            if sent is not None:
                self._stored_seq = max(self._stored_seq, sent.seq)
                if sent.mid is not None:
                    self._mids.pop(sent.mid, None)

    def _on_acknowledged(self, mid: int, *, refused: bool) -> None:
        sent = self._sent.get(self._mids.pop(mid, ""))
        if sent is not None and sent.mid == mid:
            sent.mid = None
        if refused:
            self.counts["refused"] += 1
            self.trouble = "the broker refuses this device's moments: its user may not write to its topic"
            log.error("the broker refuses a publication: may the user write to this device's topics?")

    # The connection.

    def _make_client(self) -> _Client:
        client = _Client(CallbackAPIVersion.VERSION2, self._device, protocol=mqtt.MQTTv5, reconnect_on_failure=False)
        client.ended = self._tell_end
        client.suppress_exceptions = True
        client.connect_timeout = _CONNECT_S
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.will_set(
            topic(self._device, "status"), json.dumps({"state": "offline", "since": None}), qos=1, retain=True
        )
        authenticate(client, self._device, self._broker)
        return client

    def _connect(self) -> None:
        self._attempts += 1
        wait = min(_BACK_OFF[1], _BACK_OFF[0] * 2.0 ** min(self._attempts - 1, 10))
        self._next_attempt = time.monotonic() + wait * random.uniform(0.5, 1.0)  # noqa: S311 (spreads a fleet)
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = _SESSION_S
        session.ReceiveMaximum = _RECEIVE_MAXIMUM
        try:
            self._client.connect(
                self._broker.host, self._broker.port, _KEEPALIVE_S, clean_start=False, properties=session
            )
        except (OSError, ValueError) as error:
            self.trouble = f"the broker at {self._broker.host}:{self._broker.port} cannot be reached: {error}"
            log.warning("the broker cannot be reached", extra={"host": self._broker.host, "reason": str(error)})
            return
        self._looping = True
        self._ended.clear()
        self._client.loop_start()

    def _on_connected(self, *, session_present: bool, receive_maximum: int) -> None:
        self.connected, self.trouble = True, None
        self.counts["connections"] += 1
        self._connected_at = time.monotonic()
        self._window = min(WINDOW, receive_maximum) if receive_maximum < self._client.max_inflight_messages else WINDOW
        if not session_present:
            for sent in self._sent.values():
                if sent.mid is None:
                    sent.at, sent.tries = float("-inf"), 1
        log.info("connected", extra={"broker": self._broker.host, "session_kept": session_present})
        self._publish_status()

    def _on_end(self, why: str) -> None:
        if self.connected and time.monotonic() - self._connected_at > _STEADY_S:
            self._attempts, self._next_attempt = 0, 0.0
        self.connected = False
        self.trouble = self.trouble or f"the connection to the broker ended: {why}"
        self._stop_loop()
        log.warning("not connected", extra={"reason": self.trouble})

    def _stop_loop(self) -> None:
        self._looping = False
        with suppress(AttributeError):  # paho forgets its thread while it is being joined
            self._client.loop_stop()

    def _publish_status(self) -> None:
        if self._status is not None:
            self._publish_if_connected("status", self._status, retain=True)

    def _publish_if_connected(self, kind: str, body: bytes, *, retain: bool) -> None:
        if self.connected:
            self._client.publish(topic(self._device, kind), body, qos=1, retain=retain)

    # Called in paho's thread: only into the inbox.

    def _on_connect(
        self, client: mqtt.Client, _: Any, flags: mqtt.ConnectFlags, reason: Any, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self.trouble = f"the broker refuses the connection: {reason}"
            return
        client.subscribe([(topic(self._device, kind), SubscribeOptions(qos=1)) for kind in self._handlers])
        maximum = getattr(properties, "ReceiveMaximum", 65_535)
        kept = flags.session_present
        self._inbox.put(partial(self._on_connected, session_present=kept, receive_maximum=maximum))

    def _tell_end(self, why: str) -> None:
        self._ended.set()
        self._inbox.put(partial(self._on_end, why))

    def _on_message(self, _client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        self._inbox.put(partial(self._deal_with, message.topic, bytes(message.payload)))

    def _on_publish(self, _client: mqtt.Client, _: Any, mid: int, reason: Any, _properties: Any) -> None:
        self._inbox.put(partial(self._on_acknowledged, mid, refused=reason.is_failure))

    def _deal_with(self, name: str, payload: bytes) -> None:
        self._handlers[parse(name).kind](payload)


def authenticate(client: mqtt.Client, device: str, broker: Broker) -> None:
    """Give the client its user, password and certificates. Raises UserError when their files cannot be used."""
    try:
        if broker.password_file is not None:
            password = broker.password_file.read_text(encoding="utf-8").splitlines()[0]
            client.username_pw_set(broker.user or device, password)
        elif broker.user is not None:
            client.username_pw_set(broker.user)
        if broker.tls:
            client.tls_set(_text(broker.ca_file), _text(broker.cert_file), _text(broker.key_file))
    except (OSError, IndexError, ValueError) as error:
        raise UserError(f"broker: its password or certificate files cannot be used: {error}") from error


def _text(path: Any) -> str | None:
    return None if path is None else str(path)


def try_login(device: str, broker: Broker, seconds: float) -> str | None:
    """Log in as a device would, under another client id; None when the broker lets it in, else its reason."""
    answer: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, f"{device}-check", protocol=mqtt.MQTTv5)
    authenticate(client, device, broker)
    client.on_connect = lambda _c, _u, _f, reason, _p: answer.put(str(reason) if reason.is_failure else None)
    try:
        client.connect(broker.host, broker.port)
        client.loop_start()
        return answer.get(timeout=seconds)
    except queue.Empty:
        return f"no answer within {seconds:g} s"
    except (OSError, ValueError) as error:
        return str(error)
    finally:
        client.disconnect()
        client.loop_stop()
