"""How a device is let in: the code that a person carries from the hub to it, and the credentials that it brings.

The code names the hub and the authority that signed the hub's certificate, so that the device can tell the right hub
from any other before it says the secret, which is good for one use.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from moments.moment import DeviceId

PATH: Final = "/api/enrol"
"""Where the hub takes the secret, `{"secret": …}`, and answers with `Credentials`."""

_PREFIX: Final = "enrol_"
_FINGERPRINT: Final = 32
_SECRET: Final = 16
_CHECK: Final = 4
_ADDRESS: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):(\d{1,5})", re.ASCII)


def valid_address(text: str) -> str:
    """Give back what is NAME:PORT. Raises ValueError for what is not."""
    found = _ADDRESS.fullmatch(text)
    if not found or not 1 <= int(found[1]) <= 65_535:
        raise ValueError("must be NAME:PORT, a name or address of a machine and a port")
    return text


Address = Annotated[str, AfterValidator(valid_address)]


def split_address(address: str) -> tuple[str, int]:
    """Give name and port of NAME:PORT."""
    name, _, port = address.rpartition(":")
    return name.strip("[]"), int(port)


@dataclass(frozen=True, slots=True)
class Code:
    """What `moodscape hub enrol` prints and `moodscape edge enrol` takes.

    `hub`: NAME:PORT, where it serves HTTPS. `fingerprint`: SHA-256 of the authority's certificate (DER), 32 bytes.
    `secret`: 16 random bytes.
    """

    hub: str
    fingerprint: bytes
    secret: bytes

    def text(self) -> str:
        """Write it as letters, digits, `-` and `_`."""
        body = self.fingerprint + self.secret + self.hub.encode("ascii")
        return _PREFIX + base64.urlsafe_b64encode(body + _check(body)).rstrip(b"=").decode()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `text` wrote. Raises ValueError for what is none, or was mistyped."""
        kind, letters = text[: len(_PREFIX)], text[len(_PREFIX) :]
        try:
            whole = base64.b64decode(letters + "=" * (-len(letters) % 4), b"-_", validate=True)
        except ValueError:
            whole = b""
        body, check = whole[:-_CHECK], whole[-_CHECK:]
        if kind != _PREFIX or len(body) <= _FINGERPRINT + _SECRET or check != _check(body):
            raise ValueError("is no enrolment code, or not all of one")
        hub = body[_FINGERPRINT + _SECRET :].decode("ascii", "replace")
        return cls(valid_address(hub), body[:_FINGERPRINT], body[_FINGERPRINT : _FINGERPRINT + _SECRET])


def _check(body: bytes) -> bytes:
    """Give what tells a code that was mistyped or cut off."""
    return hashlib.sha256(body).digest()[:_CHECK]


Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,200}$")]


class Credentials(BaseModel):
    """What a device is let in with.

    `broker` and `hub`: NAME:PORT, both reached over TLS with certificates of the authority that the code names.
    `client_id`: the device's name at the broker, which no other device can guess: who knows it can end its session.
    `token`: for the hub's API; it may send this device's clips.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    device: DeviceId
    broker: Address
    client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$")]
    password: Word
    hub: Address
    token: Word
