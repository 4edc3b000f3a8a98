"""systemd's notification protocol (sd_notify(3)): a datagram to the socket that NOTIFY_SOCKET names."""

import os
import socket
from contextlib import suppress


def notify(state: str) -> None:
    """Tell systemd, if it started us; `READY=1`, `WATCHDOG=1`, `STOPPING=1` or `STATUS=…`."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out, suppress(OSError):
        out.sendto(state.encode(), address)
