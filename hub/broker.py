"""How the hub's clients log in at the broker."""

import paho.mqtt.client as mqtt

from hub.config import Broker
from moments.errors import UserError


def authenticate(client: mqtt.Client, broker: Broker) -> None:
    """Give a client the hub's login and, with TLS, whom it trusts and its certificate.

    Raises UserError for files that cannot be used.
    """
    given = {name: path for name in ("ca_file", "cert_file", "key_file") if (path := getattr(broker, name))}
    if broker.user is not None:
        client.username_pw_set(broker.user, broker.password())
    if not broker.tls:
        return
    ca, cert, key = (str(given[name]) if name in given else None for name in ("ca_file", "cert_file", "key_file"))
    try:
        client.tls_set(ca, cert, key, keyfile_password="")  # an encrypted key fails: nobody is there to be asked
    except OSError as error:
        named = ", ".join(f"{name} {path}" for name, path in given.items())
        raise UserError(f"broker: TLS with {named} does not work: {error}") from None
