"""The connection to the broker: MQTT 5, a session that outlives it, and a jittered back-off between attempts.

paho's thread only reads and writes the socket; what it hears goes into the inbox of the thread that decides, so that
nothing that arrives can stop it.
"""

import json
import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.config import Broker
from moments.errors import UserError
from moments.topics import topic

log = logging.getLogger(__name__)

Task = Callable[[], None]

_SESSION_S: Final = 7 * 86_400
_RECEIVE_MAXIMUM: Final = 100
_IN_FLIGHT: Final = 20
"""Messages that the broker has not acknowledged; what mosquitto allows unless it is told otherwise."""
_KEEPALIVE_S: Final = 30
_CONNECT_S: Final = 3.0
_BACK_OFF: Final = (0.5, 30.0)
_STEADY_S: Final = 10.0


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


class Connection:
    """Keeps one session with the broker, with a client of its own for each connection.

    All methods belong to the thread that empties the inbox. `do` puts a task into that inbox; the other callables are
    called as such tasks: `on_up(session_kept)`, `on_message(topic, payload)`, `on_acknowledged(mid, reason)` with
    the reason code of MQTT 5.
    `trouble`: why it is not as it should be, in words.
    """

    def __init__(
        self,
        device: str,
        broker: Broker,
        topics: Sequence[str],
        do: Callable[[Task], None],
        *,
        on_up: Callable[[bool], None],
        on_message: Callable[[str, bytes], None],
        on_acknowledged: Callable[[int, int], None],
    ) -> None:
        self.up = False
        self.trouble: str | None = "not connected yet"
        self.connections = self.attempts = 0
        self._device, self._broker, self._topics, self._do = device, broker, topics, do
        self._on_up, self._on_message, self._on_acknowledged = on_up, on_message, on_acknowledged
        self._looping, self._ended = False, threading.Event()
        self._next_attempt, self._up_since = 0.0, 0.0
        self._in_flight = _IN_FLIGHT
        self._agreed = False, 65_535
        self._client = self._make_client()  # also finds out now whether its files can be used

    def keep(self) -> None:
        """Connect when it is time to."""
        if self._looping or time.monotonic() < self._next_attempt:
            return
        self.attempts += 1
        wait = min(_BACK_OFF[1], _BACK_OFF[0] * 2.0 ** min(self.attempts - 1, 10))
        self._next_attempt = time.monotonic() + wait * random.uniform(0.5, 1.0)  # noqa: S311 (spreads a fleet)
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = _SESSION_S
        session.ReceiveMaximum = _RECEIVE_MAXIMUM
        broker = self._broker
        self._client = self._make_client()
        try:
            self._client.connect(broker.host, broker.port, _KEEPALIVE_S, clean_start=False, properties=session)
        except (OSError, ValueError) as error:
            self.trouble = f"the broker at {broker.host}:{broker.port} cannot be reached: {error}"
            log.warning("the broker cannot be reached", extra={"host": broker.host, "reason": str(error)})
            return
        self._looping = True
        self._ended.clear()
        self._client.loop_start()

    def publish(self, kind: str, body: bytes, *, retain: bool = False) -> int:
        """Publish at QoS 1; gives the number that its acknowledgement will have within this connection."""
        said = self._client.publish(topic(self._device, kind), body, qos=1, retain=retain)
        if said.rc not in {mqtt.MQTT_ERR_SUCCESS, mqtt.MQTT_ERR_NO_CONN}:
            raise RuntimeError(mqtt.error_string(said.rc))
        return said.mid

    def drop(self) -> None:
        """Give up this connection, so that another is made."""
        self._client.disconnect()

    def leave(self, status: bytes, seconds: float) -> None:
        """Say the last status and disconnect, within about `seconds`."""
        end = time.monotonic() + seconds
        if self.up:
            said = self._client.publish(topic(self._device, "status"), status, qos=1, retain=True)
            try:
                said.wait_for_publish(seconds)
            except (RuntimeError, ValueError):
                log.warning("the broker did not hear that the device leaves")
            self._client.disconnect()
        if self._looping and self._ended.wait(max(0.1, end - time.monotonic())):
            self._stop_loop()

    def _make_client(self) -> _Client:
        name = self._broker.client_id or self._device
        client = _Client(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5, reconnect_on_failure=False)
        client.suppress_exceptions = True
        client.connect_timeout = _CONNECT_S
        client.max_inflight_messages = self._in_flight
        client.ended = self._tell_end
        client.on_connect = self._tell_connect
        client.on_subscribe = self._tell_subscribed
        client.on_message = self._tell_message
        client.on_publish = self._tell_publish
        will = json.dumps({"state": "offline", "since": None})
        client.will_set(topic(self._device, "status"), will, qos=1, retain=True)
        authenticate(client, self._device, self._broker)
        return client

    def _stop_loop(self) -> None:
        self._looping = False
        with suppress(AttributeError):  # paho forgets its thread while it is being joined
            self._client.loop_stop()

    # Tasks.

    def _came_up(self, kept: bool, receive_maximum: int) -> None:
        self.up, self.trouble = True, None
        self.connections += 1
        if receive_maximum < self._client.max_inflight_messages:
            self._in_flight = receive_maximum  # paho does not heed it by itself, and only before it connects
            self.drop()
        self._up_since = time.monotonic()
        log.info("connected", extra={"broker": self._broker.host, "session_kept": kept})
        self._on_up(kept)

    def _went_down(self, why: str) -> None:
        if self.up and time.monotonic() - self._up_since > _STEADY_S:
            self.attempts, self._next_attempt = 0, 0.0
        self.up = False
        self.trouble = self.trouble or f"the connection to the broker ended: {why}"
        self._stop_loop()
        log.warning("not connected", extra={"reason": self.trouble})

    # Called in paho's thread: only into the inbox.

    def _tell_connect(
        self, client: mqtt.Client, _: Any, flags: mqtt.ConnectFlags, reason: Any, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self.trouble = f"the broker refuses the connection: {reason}"
            return
        self._agreed = flags.session_present, getattr(properties, "ReceiveMaximum", 65_535)
        client.subscribe([(name, SubscribeOptions(qos=1)) for name in self._topics])

    def _tell_subscribed(self, _client: mqtt.Client, _: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        """Only now does what the hub answers reach us."""
        if any(reason.is_failure for reason in reasons):
            log.error("the broker refuses a subscription: may the user read this device's topics?")
        self._do(partial(self._came_up, *self._agreed))

    def _tell_end(self, why: str) -> None:
        self._ended.set()
        self._do(partial(self._went_down, why))

    def _tell_message(self, _client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        self._do(partial(self._on_message, message.topic, bytes(message.payload)))

    def _tell_publish(self, _client: mqtt.Client, _: Any, mid: int, reason: Any, _properties: Any) -> None:
        self._do(partial(self._on_acknowledged, mid, reason.value))


def authenticate(client: mqtt.Client, device: str, broker: Broker) -> None:
    """Give the client its user, password and certificates. Raises UserError when their files cannot be used."""
    try:
        if broker.password_file is not None:
            password = broker.password_file.read_text(encoding="utf-8").splitlines()[0]
            client.username_pw_set(broker.user or device, password)
        elif broker.user is not None:
            client.username_pw_set(broker.user)
        if broker.tls:
            files = _text(broker.ca_file), _text(broker.cert_file), _text(broker.key_file)
            client.tls_set(*files, keyfile_password="")  # an encrypted key fails: nobody is there to be asked
    except (OSError, IndexError, ValueError) as error:
        raise UserError(f"broker: its password or certificate files cannot be used: {error}") from error


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


def _text(path: Any) -> str | None:
    return None if path is None else str(path)
