"""Gives recordings to a hub that runs as a process."""

import httpx

from tests.e2e.processes import Hub
from tests.parts import wait_until


def give(hub: Hub, sound: bytes, media_type: str) -> str:
    """Upload a recording; gives the path of its record."""
    answer = httpx.post(f"{hub.url}/api/records", files={"audio": ("a", sound, media_type)}, timeout=10)
    answer.raise_for_status()
    return answer.headers["location"]


def read(hub: Hub, record: str) -> dict:
    """Wait until a record is read, or cannot be; gives it."""
    return wait_until(lambda: (found := hub.get(record))["state"] in {"done", "failed"} and found, 100)
