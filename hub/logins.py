"""Who may log in at the broker, and which topics each reaches: mosquitto's dynamic security.

The broker keeps its logins itself and takes a change at once, by a message of whoever may (the hub): nothing is
reloaded, no file is shared with it, and a login that ends also ends the connections made with it, whose last will the
broker does not send. Passwords are random and are kept as PBKDF2-SHA512. The broker's file is written here only while
it does not run.
"""

import base64
import hashlib
import json
import queue
import secrets
from collections.abc import Iterable, Sequence
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from hub.broker import authenticate
from hub.config import Broker
from moments.errors import UserError, WorkError
from moments.topics import topic, valid_device

Json = dict[str, Any]

HUB: Final = "hub"
HOME_ASSISTANT: Final = "homeassistant"

_CONTROL: Final = "$CONTROL/dynamic-security/v1"
_WAIT_S: Final = 5.0
_ITERATIONS: Final = 101
"""What mosquitto itself takes; the passwords are 256 random bits, which no number of tries reaches."""

_SAID: Final = ("moment", "status", "health", "reply")
_HEARD: Final = ("stored", "config", "command")

_OFFLINE: Final = json.dumps({"state": "offline", "since": None})
"""As the last will of a device says it."""


def new_password() -> str:
    """Give 256 random bits as letters, digits, `-` and `_`."""
    return secrets.token_urlsafe(32)


def _acls(sends: Iterable[str], reads: Iterable[str]) -> list[Json]:
    kinds = [("publishClientSend", name) for name in sends]
    for name in reads:
        kinds += [("subscribePattern", name), ("publishClientReceive", name)]
    return [{"acltype": kind, "topic": name, "priority": 0, "allow": True} for kind, name in kinds]


def _shared(names: Sequence[str]) -> list[str]:
    """Name the subscriptions that several hubs divide among them."""
    return [*names, *(f"$share/+/{name}" for name in names)]


def _reach(name: str) -> list[Json]:
    """Say what a login reaches: the hub's and Home Assistant's own, and of a device only what is that device's."""
    everybody = [topic("+", kind) for kind in _SAID]
    if name == HUB:
        told = [topic("+", kind) for kind in (*_HEARD, "status")] + ["homeassistant/device/+/config"]
        orders = "$CONTROL/dynamic-security/#"
        return _acls([*told, orders], [*_shared(everybody), orders])
    if name == HOME_ASSISTANT:
        read = [topic("+", kind) for kind in ("moment", "status", "health")]
        return _acls(["homeassistant/#", topic("+", "command")], ["homeassistant/#", *read])
    phone = f"owntracks/{name}/+"  # the place of a phone with OwnTracks that logs in as the device does
    return _acls([*(topic(name, kind) for kind in _SAID), phone], [*(topic(name, kind) for kind in _HEARD), phone])


def check_name(name: str) -> str:
    """Give back what may name a login. Raises UserError."""
    if not valid_device(name):
        raise UserError(f"{name!r} names no device: it takes 1 to 64 letters, digits, '.', '_' or '-'")
    return name


# While the broker runs.


def put(broker: Broker, name: str, password: str) -> None:
    """Make a login, in the place of one of that name, which ends. Raises UserError, WorkError."""
    if check_name(name) == broker.user:
        why = f"{name!r} is the hub's own login, and a broker that runs ends it before it makes another"
        raise UserError(f"{why}: stop the broker and use `moodscape hub login {name} --file FILE`")
    made = [
        {"command": "createRole", "rolename": name, "acls": _reach(name)},
        {"command": "createClient", "username": name, "password": password, "roles": [{"rolename": name}]},
    ]
    for response in _order(broker, [*_ends(name), *made], name)[2:]:
        if "error" in response:
            raise WorkError(f"the broker makes no login {name}: {response['error']}")


def end(broker: Broker, name: str) -> bool:
    """End a login and its connections, and say that its device is offline; False when there was none.

    Raises UserError, WorkError.
    """
    client, role = _order(broker, _ends(check_name(name)), name)
    for response in (client, role):
        if "error" in response and not response["error"].endswith("not found"):
            raise WorkError(f"the broker does not end the login {name}: {response['error']}")
    return "error" not in client


def reach_broker(broker: Broker) -> None:
    """Find out whether the broker takes orders about logins. Raises WorkError when it does not."""
    _order(broker, [{"command": "getDefaultACLAccess"}])


def _ends(name: str) -> list[Json]:
    return [{"command": "deleteClient", "username": name}, {"command": "deleteRole", "rolename": name}]


def _order(broker: Broker, commands: list[Json], ended: str | None = None) -> list[Json]:
    """Have the broker do them in this order; gives its response to each.

    `ended`: whose login and connections they end. What it last said of its status is made offline.
    """
    heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
    asked, said = [(f"{_CONTROL}/response", 1)], list[bytes]()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, reconnect_on_failure=False)
    authenticate(client, broker)
    client.on_connect = lambda _c, _u, _f, reason, _p: heard.put(reason)
    client.on_subscribe = lambda _c, _u, _m, reasons, _p: heard.put(reasons[0])
    client.on_message = lambda _c, _u, message: heard.put(json.loads(message.payload))
    if ended is not None:
        asked.append((topic(ended, "status"), 1))
        client.message_callback_add(topic(ended, "status"), lambda _c, _u, message: said.append(bytes(message.payload)))
    where = f"the broker at {broker.host}:{broker.port}"
    try:
        client.connect(broker.host, broker.port)
        client.loop_start()
        _check_let(heard, broker, where)
        client.subscribe(asked)
        _check_let(heard, broker, where)
        client.publish(_CONTROL, json.dumps({"commands": commands}), qos=1)
        answer = heard.get(timeout=_WAIT_S)
        if ended is not None and said and not _is_offline(said[-1]):
            client.publish(topic(ended, "status"), _OFFLINE, qos=1, retain=True)
    except queue.Empty:
        raise WorkError(f"{where} does not answer about logins within {_WAIT_S:g} s") from None
    except OSError as error:
        raise WorkError(f"{where} cannot be reached: {error}") from None
    finally:
        client.disconnect()
        client.loop_stop()
    responses: list[Json] = answer["responses"]
    return responses


def _check_let(heard: "queue.SimpleQueue[Any]", broker: Broker, where: str) -> None:
    """Wait for the broker's reason code. Raises WorkError where it refuses, queue.Empty where it says nothing."""
    reason = heard.get(timeout=_WAIT_S)
    if reason.is_failure:
        why = f"{where} lets {broker.user} change no logins ({reason}): look at broker.user and its password"
        raise WorkError(f"{why}, and that the broker uses the logins that `moodscape hub login` makes")


def _is_offline(status: bytes) -> bool:
    try:
        said = json.loads(status)
    except (ValueError, RecursionError):  # a device may say anything
        return False
    return isinstance(said, dict) and said.get("state") == "offline"


# While it does not.


def first_file() -> Json:
    """Give the file of a broker that lets nobody in and nothing through."""
    closed = {"publishClientSend": False, "publishClientReceive": False, "subscribe": False, "unsubscribe": True}
    return {"defaultACLAccess": closed, "clients": [], "groups": [], "roles": []}


def write_into(file: Json, name: str, password: str) -> Json:
    """Give the file with a login more, in the place of one of that name."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    hashed = {"salt": base64.b64encode(salt).decode(), "password": base64.b64encode(digest).decode()}
    return _with(file, check_name(name), hashed | {"iterations": _ITERATIONS})


def take_over(file: Json, password_file: str) -> Json:
    """Give the file with the logins of a mosquitto's password file that it does not have.

    Each line is NAME:$7$ITERATIONS$SALT$HASH. Raises UserError for what cannot be read.
    """
    for line in filter(None, password_file.splitlines()):
        name, _, rest = line.partition(":")
        parts = rest.split("$")
        if len(parts) != 5 or parts[1] != "7" or not parts[2].isdigit():
            raise UserError(f"the login {name!r} is not as mosquitto 2 keeps it: `mosquitto_passwd` makes it anew")
        if name not in {client["username"] for client in file["clients"]}:
            hashed = {"salt": parts[3], "password": parts[4], "iterations": int(parts[2])}
            file = _with(file, check_name(name), hashed)
    return file


def _with(file: Json, name: str, hashed: Json) -> Json:
    login = {"username": name, "roles": [{"rolename": name}], **hashed}
    return file | {"clients": [one for one in file["clients"] if one["username"] != name] + [login]}


def up_to_date(file: Json) -> Json:
    """Give the file with what each of its logins reaches by this version."""
    names = [client["username"] for client in file["clients"]]
    return file | {"roles": [{"rolename": name, "acls": _reach(name)} for name in names]}
