"""The network between device and broker, which can be cut.

Where it may be done, the device lives in a network namespace at the end of a cable of its own (a veth pair), and a cut
takes the cable's end down. Elsewhere a relay stands between, which stalls: it takes what comes and passes nothing on.
"""

import contextlib
import os
import socket
import subprocess
import threading
from typing import Protocol

from tests.parts import free_port, program


class Cable(Protocol):
    """A way from the device to the broker. `how` says what it is; `within` starts a command at its far end."""

    how: str
    within: tuple[str, ...]
    broker_host: str
    """where the broker listens"""

    def meets(self, broker_port: int) -> tuple[str, int]:
        """Give host and port at which the device finds the broker."""

    def cut(self) -> None:
        """Let nothing through."""

    def mend(self) -> None:
        """Let everything through again."""

    def close(self) -> None:
        """Take it away."""


def _ip(*args: str) -> None:
    subprocess.run([program("ip") or "ip", *args], check=True, capture_output=True)


class Namespace:
    """A network namespace with a veth pair; its addresses come from 10/8 by the process id. Raises OSError."""

    how = "network namespace"

    def __init__(self) -> None:
        number = os.getpid()
        self._name, self._end = f"chaos{number}", f"cd{number}"
        net = f"10.{200 + number % 40}.{number // 40 % 250}"
        self.broker_host = f"{net}.1"
        self.within = (program("ip") or "ip", "netns", "exec", self._name)
        near = f"ch{number}"
        try:
            _ip("netns", "add", self._name)
            _ip("link", "add", near, "type", "veth", "peer", "name", self._end, "netns", self._name)
            _ip("addr", "add", f"{net}.1/30", "dev", near)
            _ip("link", "set", near, "up")
            _ip("-n", self._name, "addr", "add", f"{net}.2/30", "dev", self._end)
            _ip("-n", self._name, "link", "set", "lo", "up")
            self.mend()
        except (subprocess.CalledProcessError, OSError) as error:
            self.close()
            raise OSError("no network namespace may be made here") from error

    def meets(self, broker_port: int) -> tuple[str, int]:
        """Give host and port at which the device finds the broker."""
        return self.broker_host, broker_port

    def cut(self) -> None:
        """Take the device's end of the cable down."""
        _ip("-n", self._name, "link", "set", self._end, "down")

    def mend(self) -> None:
        """Take it up again."""
        _ip("-n", self._name, "link", "set", self._end, "up")

    def close(self) -> None:
        """Remove the namespace, and the pair with it."""
        with contextlib.suppress(subprocess.CalledProcessError, OSError):
            _ip("netns", "del", self._name)


class Relay:
    """A TCP relay that can stall."""

    how = "stalling TCP relay"
    within: tuple[str, ...] = ()
    broker_host = "127.0.0.1"

    def __init__(self) -> None:
        self._flows = threading.Event()
        self._flows.set()
        self._listening = socket.create_server((self.broker_host, free_port()))
        self._broker_port = 0
        threading.Thread(target=self._accept, name="relay", daemon=True).start()

    def meets(self, broker_port: int) -> tuple[str, int]:
        """Give host and port at which the device finds the broker."""
        self._broker_port = broker_port
        return self.broker_host, self._listening.getsockname()[1]

    def cut(self) -> None:
        """Pass nothing on."""
        self._flows.clear()

    def mend(self) -> None:
        """Pass on what waits and what comes."""
        self._flows.set()

    def close(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                device, _ = self._listening.accept()
                threading.Thread(target=self._join, args=(device,), name="relay", daemon=True).start()

    def _join(self, device: socket.socket) -> None:
        self._flows.wait()
        try:
            broker = socket.create_connection((self.broker_host, self._broker_port))
        except OSError:
            device.close()
            return
        with device, broker:
            there = threading.Thread(target=self._pass_on, args=(device, broker), name="relay", daemon=True)
            there.start()
            self._pass_on(broker, device)
            there.join()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self._flows.wait()
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def lay() -> Cable:
    """Lay the best cable that this machine allows."""
    try:
        return Namespace()
    except OSError:
        return Relay()
