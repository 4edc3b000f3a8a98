"""A process that publishes as many moments as are answered, over one connection of MQTT 5.

It writes and reads packets itself, hundreds at a time, so that what is measured is the hub and not a client in Python.
Every moment is made anew from one of some templates; one that is not answered in time is sent again, as a device does.
"""

import json
import multiprocessing
import os
import select
import socket
import struct
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from moments import EMOTIONS, Rule, Scene
from tests.hub.moments import make

_ID = b"00000000-0000-7000-8000-000000000000"
_START = b"2026-05-22T09:32:10.250+09:00"
_DEVICES = 5
_TEMPLATES = 200
_STEP = timedelta(milliseconds=20)
_AGAIN_S = 5.0
_CONNECT, _PUBACK, _SUBSCRIBE = 0x10, 0x40, 0x82


def _text(value: bytes) -> bytes:
    return struct.pack("!H", len(value)) + value


def _packet(head: int, body: bytes) -> bytes:
    length, rest = bytearray(), len(body)
    while rest > 0x7F:
        length.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([head]) + bytes([*length, rest]) + body


def _templates() -> list[tuple[bytes, bytes, bytes, bytes]]:
    """Give moments of a few scenes and places, cut where id and start stand, each with the topic of its device."""
    rng, made = np.random.default_rng(2), []
    for n in range(_TEMPLATES):
        shares = np.round(rng.dirichlet([2, 2, 1, 0.7, 0.5, 0.4, 0.3, 0.6]), 3)
        emotions = dict(zip(EMOTIONS, shares.tolist(), strict=True))
        felt, heard = max(emotions, key=emotions.__getitem__), n % 3 > 0
        lat, lon = np.round(np.array([35.1341, 129.1032]) + rng.normal(0, 0.002, 2), 6).tolist()
        moment = make(
            id=_ID.decode(), device=f"pocket-{n % _DEVICES}", basis="scene" if heard else "speech", emotion=felt,
            emotions=emotions, confidence=emotions[felt],
            scene=Scene(label=f"s-{n % 30}", group="city", confidence=0.9),
            rule=Rule(id=f"rule-{n % 20}", because="a street in the evening") if heard else None,
            place={"lat": lat, "lon": lon, "accuracy_m": 6.5, "altitude_m": 21.0, "age_s": 1.2},
        )  # fmt: skip
        before, _, rest = moment.to_json().partition(_ID)
        between, _, after = rest.partition(_START)
        made.append((f"moodscape/v1/pocket-{n % _DEVICES}/moment".encode(), before, between, after))
    return made


def _ids() -> Iterator[bytes]:
    """Give UUIDv7s."""
    while True:
        noise, at = os.urandom(10 * 1000).hex(), f"{time.time_ns() // 1_000_000:012x}"
        for n in range(0, len(noise), 20):
            r = noise[n : n + 20]
            yield f"{at[:8]}-{at[8:]}-7{r[:3]}-8{r[3:6]}-{r[6:18]}".encode()


class _Publisher:
    def __init__(self, port: int, window: int) -> None:
        self._window = window
        self._templates, self._ids = _templates(), _ids()
        self._first = datetime.now(UTC)
        self.sent = self.answered = self.again = 0
        self._waiting: dict[bytes, tuple[float, bytes, bytes]] = {}
        self._out, self._in = bytearray(), b""
        self._mid = 0
        self._socket = socket.create_connection(("127.0.0.1", port))
        hello = _text(b"MQTT") + bytes([5, 2]) + struct.pack("!H", 0) + b"\0" + _text(b"load")
        self._socket.sendall(_packet(_CONNECT, hello))
        self._socket.sendall(_packet(_SUBSCRIBE, b"\0\1\0" + _text(b"moodscape/v1/+/stored") + b"\1"))
        self._socket.setblocking(False)

    def _publish(self, topic: bytes, body: bytes) -> None:
        self._mid = self._mid % 65_535 + 1
        self._out += _packet(0x32, _text(topic) + struct.pack("!HB", self._mid, 0) + body)

    def _more(self, now: float) -> None:
        while len(self._waiting) < self._window and len(self._out) < 1 << 17:
            topic, before, between, after = self._templates[self.sent % _TEMPLATES]
            id_ = next(self._ids)
            start = (self._first + _STEP * self.sent).isoformat(timespec="milliseconds").encode()
            body = b"".join((before, id_, between, start, after))
            self._waiting[id_] = (now, topic, body)
            self._publish(topic, body)
            self.sent += 1

    def _repeat(self, now: float) -> None:
        for id_, (since, topic, body) in list(self._waiting.items())[:500]:
            if now - since < _AGAIN_S:
                return
            del self._waiting[id_]
            self._waiting[id_] = (now, topic, body)
            self._publish(topic, body)
            self.again += 1

    def _heard(self) -> None:
        try:
            more = self._socket.recv(1 << 18)
        except BlockingIOError:
            return
        assert more, "the broker is gone"
        held, at = self._in + more, 0
        while True:
            length, n = 0, at + 1
            while n < len(held):
                length |= (held[n] & 0x7F) << (7 * (n - at - 1))
                n += 1
                if held[n - 1] < 0x80:
                    break
            else:
                break
            if n + length > len(held):
                break
            if held[at] >> 4 == 3:
                self._answer(held[n : n + length])
            at = n + length
        self._in = held[at:]

    def _answer(self, body: bytes) -> None:  # has no properties: the hub sets none
        after = 2 + struct.unpack_from("!H", body)[0]
        self._out += _packet(_PUBACK, body[after : after + 2])
        for id_ in json.loads(body[after + 3 :])["ids"]:
            self.answered += self._waiting.pop(id_.encode(), None) is not None

    def run(self, seconds: float, *, publish: bool) -> int:
        """Go on for so long, or without publishing until all is answered; gives how many are not."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end and (publish or self._waiting):
            if publish:
                self._more(now)
            self._repeat(now)
            readable, writable, _ = select.select([self._socket], [self._socket] if self._out else [], [], 0.05)
            if writable:
                del self._out[: self._socket.send(self._out)]
            if readable:
                self._heard()
        return len(self._waiting)


def _work(port: int, window: int, told: Connection) -> None:
    publisher = _Publisher(port, window)
    while (asked := told.recv()) is not None:
        unanswered = publisher.run(asked["seconds"], publish=asked["publish"])
        told.send({"sent": publisher.sent, "answered": publisher.answered, "again": publisher.again,
                   "unanswered": unanswered, "cpu_s": time.process_time()})  # fmt: skip


class Load:
    """The process."""

    def __init__(self, port: int, window: int = 8000) -> None:
        context = multiprocessing.get_context("spawn")
        self._told, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(port, window, theirs))
        self._process.start()

    def run(self, seconds: float, *, publish: bool = True) -> dict[str, Any]:
        """Publish for so long (or, without, wait at most so long for the answers); gives the tally since the start."""
        self._told.send({"seconds": seconds, "publish": publish})
        tally: dict[str, Any] = self._told.recv()
        return tally

    def close(self) -> None:
        """End it."""
        self._told.send(None)
        self._process.join()
