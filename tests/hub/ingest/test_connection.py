"""What arrives on the broker's socket, however it was cut, is delivered in its order."""

import socket
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from hub.ingest.connection import Connection, Delivered

PINGRESP = b"\xd0\x00"


def packet(head, body):
    length, rest = bytearray(), len(body)
    while rest > 127:
        length.append(rest & 127 | 128)
        rest >>= 7
    return bytes([head]) + bytes([*length, rest]) + body


def publish(topic, payload, mid, properties=b""):
    named = struct.pack("!H", len(topic.encode())) + topic.encode()
    qos = struct.pack("!H", mid) if mid else b""
    return packet(0x32 if mid else 0x30, named + qos + bytes([len(properties)]) + properties + payload)


class Peer:
    """A connection to nobody but this test, which stands for the broker."""

    def __init__(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.client = Connection(CallbackAPIVersion.VERSION2, "hub", protocol=MQTTProtocolVersion.MQTTv5)
        self.heard, self.pings, self.ended = [], 0, []
        self.client.on_delivered = self.heard.extend
        self.client.on_disconnect = lambda *said: self.ended.append(said)
        self.client.on_log = self._log
        self.client.connect("127.0.0.1", self.listening.getsockname()[1])
        self.socket, _ = self.listening.accept()
        self.client.socket().setblocking(True)  # what was sent is there when it is read
        self.client.socket().settimeout(5)

    def _log(self, _client, _data, _level, text):
        self.pings += text == "Received PINGRESP"

    def close(self):
        self.listening.close()
        self.socket.close()
        self.client.socket() and self.client.socket().close()


@pytest.fixture
def peer():
    made = Peer()
    yield made
    made.close()


messages = st.tuples(
    st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=20),
    st.binary(max_size=300) | st.binary(min_size=20_000, max_size=20_001),
    st.integers(0, 65_535),
    st.sampled_from([b"", b"\x01\x01", b"\x02\x00\x00\x00\x09", b"\x26\x00\x01a\x00\x01b"]),
)


@settings(max_examples=60)
@given(st.lists(messages | st.none(), min_size=1, max_size=12), st.data())
def test_messages_come_in_their_order_however_they_were_cut(sent, data):
    peer = Peer()
    try:
        stream = b"".join(PINGRESP if one is None else publish(*one) for one in sent)
        cuts = sorted(data.draw(st.lists(st.integers(1, len(stream) - 1), max_size=6))) if len(stream) > 1 else []
        for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            if begin < end:
                peer.socket.sendall(stream[begin:end])
                assert peer.client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
        while len(peer.heard) + peer.pings < len(sent):  # a large one may have come in parts
            assert peer.client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
        expected = [(topic, payload, mid, int(mid > 0)) for topic, payload, mid, _ in filter(None, sent)]
        assert [one[:4] for one in peer.heard] == expected
        assert peer.pings == sent.count(None)
    finally:
        peer.close()


def test_acknowledgements_leave_in_one_write_and_only_for_this_connection(peer):
    peer.socket.recv(1000)  # CONNECT
    at = [Delivered("t", b"", mid, 1, 1) for mid in (1, 2, 65_535)]
    peer.client.ack_all([*at, Delivered("t", b"", 7, 1, 0), Delivered("t", b"", 0, 0, 1)])
    assert peer.socket.recv(1000) == b"".join(b"\x40\x02" + struct.pack("!H", one.mid) for one in at)


@pytest.mark.parametrize("stream", [b"", b"\x30\xff\xff\xff\xff\x01", b"\x32\x04\x00\x05ab"])
def test_what_is_no_packet_ends_the_connection_as_its_end_does(peer, stream):
    peer.socket.sendall(publish("t", b"before", 1) + stream)
    peer.socket.shutdown(socket.SHUT_WR)
    while not peer.ended:
        peer.client.loop_read()
    assert [one.payload for one in peer.heard] == [b"before"]
    assert peer.client.socket() is None
