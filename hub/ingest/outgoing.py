"""What the hub publishes, as bytes that a broker carries."""

import json
from typing import Any, Final

LARGEST_MESSAGE: Final = 262_144
"""Bytes of a packet, as `deploy/mosquitto` bounds it. A broker ends the connection of who sends more, and a message at
QoS 1 is sent again by the next one, which would end as well."""

_AROUND: Final = 256
"""Bytes that a packet has beside its body: its head and the topic."""


def written(body: dict[str, Any], largest: int = LARGEST_MESSAGE) -> bytes:
    """Write a body as it is published. Raises ValueError, with the reason, for one that cannot be.

    `largest`: the bytes of a packet that the broker carries.
    """
    try:
        found = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        raise ValueError("holds a number or a text that JSON cannot tell") from None
    if len(found) > largest - _AROUND:
        raise ValueError(f"makes a message of {len(found)} bytes, and the broker carries {largest - _AROUND} at most")
    return found
