"""The MQTT topics. `{device}` is the user name that the broker authenticates."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

ROOT: Final = "moodscape/v1"
KINDS: Final = ("moment", "stored", "status", "health", "config", "command", "reply")
_DEVICE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Topic(NamedTuple):
    """A topic taken apart."""

    device: str
    kind: str


def valid_device(device: str) -> bool:
    """Tell whether `device` may name a device: 1 to 64 letters, digits, `.`, `_`, `-`, the first no sign."""
    return _DEVICE.fullmatch(device) is not None


def topic(device: str, kind: str) -> str:
    """Name the topic of one kind for one device (or for all, with `+`)."""
    return f"{ROOT}/{device}/{kind}"


@lru_cache(maxsize=1024)
def parse(name: str) -> Topic:
    """Take a topic apart. Raises ValueError for one that is not ours."""
    root, _, rest = name.partition(f"{ROOT}/")
    device, _, kind = rest.partition("/")
    if root or kind not in KINDS or not valid_device(device):
        raise ValueError(f"{name!r} is not a topic of {ROOT}/DEVICE/{'|'.join(KINDS)}")
    return Topic(device, kind)
