"""A broker for the demo: mosquitto where it is installed, else the one that comes in a wheel."""

import shutil
import socket
import sys
import time

from moments.errors import WorkError
from moodscape.demo.parts import Parts

_START_SECONDS = 10.0

_EMBEDDED = """
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 1048576
max_segment_count = 10
[v5.1]
name = "demo"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 262144
max_inflight_count = 100
dynamic_filters = true
"""


def _mosquitto() -> str | None:
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/local/sbin:/usr/sbin:/sbin")


def start(parts: Parts, port: int, *, embedded: bool) -> None:
    """Start a broker on 127.0.0.1:`port` and wait until it answers.

    `embedded`: the one from the wheel, also where mosquitto is installed. Raises WorkError when it does not.
    """
    mosquitto = None if embedded else _mosquitto()
    config = parts.folder / ("mosquitto.conf" if mosquitto else "broker.toml")
    if mosquitto:
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        command = [mosquitto, "-c", str(config)]
    else:
        config.write_text(_EMBEDDED.format(port=port))
        command = [sys.executable, "-m", "iotcore", "--config", str(config)]
    process = parts.start(command, "broker.log")
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    last = (parts.folder / "broker.log").read_text(errors="replace").strip().splitlines()[-1:]
    raise WorkError(f"the broker does not answer on 127.0.0.1:{port}; its log ends with: {''.join(last)}")
