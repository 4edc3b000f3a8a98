"""The relay that stands in where no network namespace may be made."""

import contextlib
import socket
import threading

import pytest

from bench.chaos.cutting import Relay
from tests.parts import wait_until


@pytest.fixture
def echo():
    """A server that says what it hears."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    while said := connection.recv(100):
                        connection.sendall(said)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(5)


def test_a_relay_that_is_cut_passes_nothing_on_and_loses_nothing(echo):
    relay = Relay()
    with socket.create_connection(relay.meets(echo), timeout=5) as client:
        client.sendall(b"one")
        assert client.recv(100) == b"one"
        relay.cut()
        client.sendall(b"two")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(100)
        relay.mend()
        client.settimeout(5)
        assert client.recv(100) == b"two"
    relay.close()
    wait_until(lambda: not [each for each in threading.enumerate() if each.name.startswith("relay")])
