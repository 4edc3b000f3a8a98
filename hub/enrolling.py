"""Lets devices in, and out again: a code that is good once, the credentials that it brings, and their end."""

import logging
import secrets
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from hub import logins, tokens
from hub.config import Settings
from hub.stores import enrolments
from hub.stores.store import Store, now_ms
from moments.enrolment import Code, Credentials
from moments.errors import UserError

_log = logging.getLogger(__name__)

HOLDS: Final = timedelta(minutes=15)
"""How long a code is good."""

_SECRET_BYTES: Final = 16
_BROKER_PORT: Final = 8883
"""Where brokers speak TLS."""


class Enrolling:
    """Works with the store, the broker's logins, and the certificate that the hub serves HTTPS with."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._reserved = (logins.HUB, logins.HOME_ASSISTANT, settings.broker.user)

    def offer(self, device: str) -> Code:
        """Make a code for a device, good once and for `HOLDS`; what the device has is good until the code is used.

        Raises UserError when the hub could not let it in, WorkError when the broker is not reached.
        """
        if logins.check_name(device) in self._reserved:
            raise UserError(f"{device!r} is a login of the hub's own: name the device otherwise")
        authority, hub = self._authority(), self._hub_address()
        self._check_trust(authority)
        logins.reach_broker(self._settings.broker)
        secret = secrets.token_bytes(_SECRET_BYTES)
        with self._store.writing() as connection:
            enrolments.offer(connection, device, secret, now_ms() + HOLDS // timedelta(milliseconds=1))
        from hub import ca

        return Code(hub, ca.fingerprint_of(authority), secret)

    def redeem(self, secret: bytes) -> Credentials | None:
        """Use a code up; None for one that is not known, was used, or has ended.

        What the device had before ends. Raises UserError or WorkError when the broker does not take it; after that or
        any other error the code stays good.
        """
        hub = self._hub_address()
        broker = self._settings.enrol.broker or self._broker_address(hub)
        with self._store.writing() as connection:
            found = enrolments.take(connection, secret, now_ms())
        if found is None:
            return None
        device, until_ms = found
        try:
            token, password = self._renew(device)
        except Exception:
            with self._store.writing() as connection:
                enrolments.offer(connection, device, secret, until_ms)
            raise
        _log.info("a device was enrolled", extra={"device": device})
        return Credentials(
            device=device,
            broker=broker,
            client_id=f"{device}-{secrets.token_hex(8)}",
            password=password,
            hub=hub,
            token=token,
        )

    def _renew(self, device: str) -> tuple[str, str]:
        """Give a device a token and a password in the place of what it has.

        The store comes first, for a disk that is full refuses: then nothing of the device's has ended.
        """
        before = [one["n"] for one in tokens.listed(self._store) if (one["device"], one["scope"]) == (device, "upload")]
        token = tokens.make(self._store, "enrolled", tokens.Access("upload", device))
        password = logins.new_password()
        logins.put(self._settings.broker, device, password)
        for n in before:
            tokens.revoke(self._store, n)
        return token, password

    def revoke(self, device: str) -> bool:
        """End a device's login and its connections, its tokens and its codes; False when it had none of them."""
        if logins.check_name(device) in self._reserved:
            raise UserError(f"{device!r} is a login of the hub's own")
        with self._store.writing() as connection:
            offered = enrolments.withdraw(connection, device)
        held = tokens.revoke_of_device(self._store, device)
        return logins.end(self._settings.broker, device) or offered or held

    def _authority(self) -> Path:
        found = self._settings.http.ca_file
        if found is None:
            raise UserError(
                "devices are enrolled over HTTPS: `moodscape hub ca` makes a certificate, and says how to serve with it"
            )
        return found

    def _check_trust(self, authority: Path) -> None:
        """Raise UserError where a device would not believe the broker that it is sent to."""
        broker = self._settings.broker
        if not broker.tls or self._settings.enrol.broker is not None:
            return
        from hub import ca

        trusted = None
        with suppress(OSError, ValueError):
            trusted = broker.ca_file and ca.fingerprint_of(broker.ca_file)
        if trusted != ca.fingerprint_of(authority):
            raise UserError(
                f"devices trust the hub's authority alone, and broker.ca_file is {broker.ca_file or 'not set'}: "
                f"have {authority} sign the broker's certificate, or set enrol.broker to a listener that has one"
            )

    def _broker_address(self, hub: str) -> str:
        broker = self._settings.broker
        if broker.tls:
            return _address(broker.host, broker.port)
        return f"{hub.rpartition(':')[0]}:{_BROKER_PORT}"

    def _hub_address(self) -> str:
        http = self._settings.http
        if self._settings.enrol.hub is not None:
            return self._settings.enrol.hub
        if http.cert_file is None:
            raise UserError("http.cert_file is not set, so the hub's name is not known: set enrol.hub")
        from hub import ca

        return _address(ca.best_name(http.cert_file), http.port)


def _address(name: str, port: int) -> str:
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
