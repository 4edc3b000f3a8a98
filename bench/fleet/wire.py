"""MQTT 5 for a virtual device: what a device says and hears, and no more, so that thousands fit into one process.

Packets are those of the OASIS standard "MQTT Version 5.0" (2019), sections 3.1 to 3.14.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP, DISCONNECT = 2, 3, 4, 9, 13, 14
PING = b"\xc0\x00"


def _text(value: str) -> bytes:
    said = value.encode()
    return len(said).to_bytes(2, "big") + said


def _length(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = divmod(value, 128)
        out.append(low | (128 if value else 0))
        if not value:
            return bytes(out)


def _packet(first: int, body: bytes) -> bytes:
    return bytes([first]) + _length(len(body)) + body


def connect(client: str, *, session_s: int, receive_maximum: int, keepalive_s: int, will: tuple[str, bytes]) -> bytes:
    """CONNECT without a clean start; the will is retained, at QoS 1."""
    wanted = b"\x11" + session_s.to_bytes(4, "big") + b"\x21" + receive_maximum.to_bytes(2, "big")
    head = _text("MQTT") + bytes([5, 0x04 | 0x08 | 0x20]) + keepalive_s.to_bytes(2, "big") + _length(len(wanted))
    topic, payload = will
    last = _length(0) + _text(topic) + len(payload).to_bytes(2, "big") + payload
    return _packet(0x10, head + wanted + _text(client) + last)


def subscribe(mid: int, topics: Sequence[str]) -> bytes:
    """SUBSCRIBE at QoS 1."""
    return _packet(0x82, mid.to_bytes(2, "big") + b"\0" + b"".join(_text(topic) + b"\x01" for topic in topics))


def publish(topic: str, payload: bytes, mid: int, *, retain: bool = False) -> bytes:
    """PUBLISH at QoS 1."""
    return _packet(0x32 | retain, _text(topic) + mid.to_bytes(2, "big") + b"\0" + payload)


def acknowledge(mid: int) -> bytes:
    """PUBACK."""
    return b"\x40\x02" + mid.to_bytes(2, "big")


def packets(buffer: bytearray) -> list[tuple[int, bytes]]:
    """Take the whole packets out of the front of a buffer: each one's first byte and what follows its length."""
    found, at = [], 0
    while True:
        size, shift, begin = 0, 0, at + 1
        while begin < len(buffer):
            byte = buffer[begin]
            size |= (byte & 127) << shift
            shift, begin = shift + 7, begin + 1
            if byte < 128:
                break
        else:
            break
        if len(buffer) < begin + size:
            break
        found.append((buffer[at], bytes(buffer[begin : begin + size])))
        at = begin + size
    del buffer[:at]
    return found


def published(first: int, body: bytes) -> tuple[str, int | None, bytes]:
    """Take a PUBLISH apart: topic, number (None at QoS 0), payload."""
    at = 2 + int.from_bytes(body[:2], "big")
    topic, mid = body[2:at].decode(), None
    if first & 0x06:
        mid, at = int.from_bytes(body[at : at + 2], "big"), at + 2
    size, shift = 0, 0
    while True:
        byte, at = body[at], at + 1
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return topic, mid, body[at + size :]


class Hearer(Protocol):
    """Who a connection belongs to."""

    def greeted(self, session_kept: bool, reason: int) -> None:
        """The broker answered CONNECT."""

    def subscribed(self) -> None:
        """What is published for us reaches us."""

    def heard(self, topic: str, payload: bytes) -> None:
        """A message; it is acknowledged after this."""

    def acknowledged(self, mid: int, reason: int) -> None:
        """The broker has taken a publication."""

    def ended(self, line: "Line") -> None:
        """That connection is gone."""


class Line(asyncio.Protocol):
    """One connection. `cut` ends it as a lost network would."""

    def __init__(self, hearer: Hearer, hello: bytes) -> None:
        self._hearer, self._hello = hearer, hello
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say CONNECT."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._hello)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Tell of the end."""
        self._transport = None
        self._hearer.ended(self)

    def say(self, packet: bytes) -> None:
        """Write a packet; into nothing when the connection is gone."""
        if self._transport is not None:
            self._transport.write(packet)

    def cut(self) -> None:
        """Drop the connection, without a word."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Hear what the broker says."""
        self._buffer += data
        for first, body in packets(self._buffer):
            kind = first >> 4
            if kind == PUBLISH:
                topic, mid, payload = published(first, body)
                self._hearer.heard(topic, payload)
                if mid is not None:
                    self.say(acknowledge(mid))
            elif kind == PUBACK:
                self._hearer.acknowledged(int.from_bytes(body[:2], "big"), body[2] if len(body) > 2 else 0)
            elif kind == CONNACK:
                self._hearer.greeted(bool(body[0] & 1), body[1])
            elif kind == SUBACK:
                self._hearer.subscribed()
            elif kind == DISCONNECT:
                self.cut()
