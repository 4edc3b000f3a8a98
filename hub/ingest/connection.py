"""paho's MQTT client, which takes what the broker delivers many messages at once.

By itself it reads a message in four calls of the system, makes some ten objects of it and acknowledges it with a call
of its own: half of what a moment costs from the broker to the disk. Here all that has arrived is read in one call,
PUBLISH packets are taken out of it (MQTT 5, section 3.3) and every other packet is left to paho.
"""

import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode

_AT_ONCE: Final = 262_144
_PUBLISH: Final = 0x30
_PUBACK: Final = struct.Struct("!BBH")
_SHORT: Final = struct.Struct("!H")
_LONGEST_LENGTH: Final = 4  # bytes that tell how long a packet is


class Delivered(NamedTuple):
    """A message as the broker delivered it; `mid` numbers it within the connection that it came by."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    connection: int


class Connection(mqtt.Client):
    """Calls `on_delivered`, in the client's thread, with the messages that arrived together."""

    on_delivered: Callable[[list[Delivered]], None]
    failure = ""
    """Why the last attempt to connect failed."""
    _count = 0

    def ack_all(self, messages: Iterable[Delivered]) -> None:
        """Acknowledge messages, all of them in one write.

        What came by an earlier connection is delivered again, and its number may be another message's by now.
        """
        due = [message.mid for message in messages if message.qos and message.connection == self._count]
        if due:
            self._packet_queue(mqtt.PUBACK, b"".join([_PUBACK.pack(mqtt.PUBACK, 2, mid) for mid in due]), 0, 1)

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Read all that has arrived."""
        arrived = self.socket()
        if not isinstance(arrived, _Arrived):
            return super().loop_read(max_packets)
        arrived.fill()
        while True:
            if messages := arrived.messages():
                self.on_delivered(messages)
            if not arrived.release():
                return MQTTErrorCode.MQTT_ERR_SUCCESS
            if result := super().loop_read(max_packets):
                return result
            if arrived.fileno() < 0:  # paho closed it
                return MQTTErrorCode.MQTT_ERR_SUCCESS

    def tls_set_context(self, context: ssl.SSLContext | None = None) -> None:
        """Use TLS by a context of the caller's."""
        super().tls_set_context(context)
        assert self._ssl_context is not None  # noqa: S101 - it was set just before
        self._ssl_context.sslsocket_class = _ArrivedByTls

    def certificate_ends_in_s(self) -> float | None:
        """Give for how many seconds the broker's certificate still holds; None without TLS."""
        by = self.socket()
        shown = by.getpeercert() if isinstance(by, _ArrivedByTls) else None
        return ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time() if shown else None

    def _create_socket(self) -> Any:
        try:
            made: Any = super()._create_socket()
        except OSError as error:
            self.failure = str(error)  # not the error itself: it would keep the socket from being closed
            raise
        self._count += 1
        arrived = made if isinstance(made, _ArrivedByTls) else _Arrived(fileno=made.detach())
        arrived.connection = self._count
        return arrived


class _Arrived(socket.socket):
    """The broker's socket with what was read from it. paho gets, by `recv`, the packets that were released to it."""

    connection = 0
    _held, _at = b"", 0
    _released = memoryview(b"")
    _ended: OSError | bool = False

    def fill(self) -> None:
        """Take what the system holds, as much as fits."""
        try:
            more = self._more()
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as error:
            self._ended = error
            return
        self._ended = not more
        self._held, self._at = self._held[self._at :] + more, 0

    def _more(self) -> bytes:
        return super().recv(_AT_ONCE)

    def messages(self) -> list[Delivered]:
        """Take the whole PUBLISH packets up to the first other one."""
        found = []
        while (packet := self._packet()) is not None and self._held[self._at] & 0xF0 == _PUBLISH:
            try:
                found.append(_delivered(self._held, self._at, *packet, self.connection))
            except (struct.error, IndexError):
                self._ended = ConnectionError("a PUBLISH packet is malformed")
                break
            self._at = packet[1]
        return found

    def release(self) -> bool:
        """Give the next packet to paho, or the connection's end; False when there is neither."""
        packet = self._packet()
        if packet is None:
            return bool(self._ended)
        self._released = memoryview(self._held)[self._at : packet[1]]
        self._at = packet[1]
        return True

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:  # noqa: ARG002 - the signature is the socket's
        """Give what was released."""
        if self._released:
            given, self._released = bytes(self._released[:bufsize]), self._released[bufsize:]
            return given
        if isinstance(self._ended, OSError):
            raise self._ended
        if self._ended:
            return b""
        raise BlockingIOError

    def _packet(self) -> tuple[int, int] | None:
        """Give where the body of the next packet begins and ends; None while it is not whole."""
        if isinstance(self._ended, OSError):
            return None
        held, length = self._held, 0
        for n in range(_LONGEST_LENGTH):
            at = self._at + 1 + n
            if at >= len(held):
                return None
            length |= (held[at] & 0x7F) << (7 * n)
            if held[at] < 0x80:
                end = at + 1 + length
                return (at + 1, end) if end <= len(held) else None
        self._ended = ConnectionError("a packet tells no length")
        return None


class _ArrivedByTls(_Arrived, ssl.SSLSocket):
    """The same over TLS, which gives one record, 16 KB at most, at a time."""

    def do_handshake(self, block: bool = False) -> None:
        """Agree on keys and check the broker's certificate; a socket that fails at it is closed, which paho leaves."""
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Give what was released."""
        return _Arrived.recv(self, buflen, flags)

    def _more(self) -> bytes:
        pieces = [super()._more()]
        left = _AT_ONCE - len(pieces[0])
        while pieces[-1] and left > 0:
            try:
                pieces.append(ssl.SSLSocket.recv(self, left))
            except OSError:  # nothing more is here, or the connection has failed, which the next call finds
                break
            left -= len(pieces[-1])
        return b"".join(pieces)


def _delivered(held: bytes, head: int, at: int, end: int, connection: int) -> Delivered:
    (length,) = _SHORT.unpack_from(held, at)
    topic = held[at + 2 : at + 2 + length].decode(errors="replace")
    at += 2 + length
    qos, mid = (held[head] >> 1) & 3, 0
    if qos:
        (mid,) = _SHORT.unpack_from(held, at)
        at += 2
    properties, n = 0, 0
    while True:
        properties |= (held[at] & 0x7F) << (7 * n)
        at, n = at + 1, n + 1
        if held[at - 1] < 0x80:
            break
    return Delivered(topic, held[at + properties : end], mid, qos, connection)
