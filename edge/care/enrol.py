"""Lets this device in at a hub: takes a code that the hub made, fetches credentials, and sets the device up with them.

The hub is told from any other by the fingerprint of its authority, which the code carries: nothing is said to it before
its certificate is found to be signed by that authority.
"""

import base64
import hashlib
import http.client
import json
import os
import ssl
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from configs import shipped
from configs.edit import with_values
from edge.owner.durable import sync
from moments.enrolment import PATH, Code, Credentials, split_address
from moments.errors import UserError, WorkError

_TIMEOUT_S: Final = 20.0
_LARGEST: Final = 65_536
_ROOM: Final = 16_384
"""Bytes at most that the code brings: what is written once it is used up, beside the settings' own."""


def enrol(text: str, settings: Path) -> Credentials:
    """Use up a code, and set the file of settings so that the device connects with what it brought, over TLS.

    Password, token and the authority's certificate lie beside the settings and are read by whom those are read by.
    Raises UserError for a wrong code or a file that cannot be written, WorkError when the hub does not let it in or
    what it brought cannot be kept.
    """
    try:
        code = Code.parse(text.strip())
    except ValueError as error:
        raise UserError(f"this {error}: `moodscape hub enrol DEVICE` prints one") from None
    _try_to_write(settings)
    authority = _authority(code)
    brought = _redeem(code, authority)
    files = {"ca.crt": authority, "password": f"{brought.password}\n", "token": f"{brought.token}\n"}
    paths = {name: settings.with_name(f"{settings.stem}.{name}").absolute() for name in files}
    broker, port = split_address(brought.broker)
    values: dict[str, Any] = {
        "device": brought.device,
        "broker.host": broker,
        "broker.port": port,
        "broker.tls": True,
        "broker.ca_file": str(paths["ca.crt"]),
        "broker.user": brought.device,
        "broker.password_file": str(paths["password"]),
        "broker.client_id": brought.client_id,
        "clips.hub": f"https://{brought.hub}",
        "clips.token_file": str(paths["token"]),
        "clips.ca_file": str(paths["ca.crt"]),
    }
    try:
        for name, body in files.items():
            _put(paths[name], body, like=settings)
        _put(settings, with_values(settings.read_text(encoding="utf-8"), values), like=settings)
    except OSError as error:
        why = f"{settings} and the files beside it cannot be written ({error.strerror}), and the code is used up"
        raise WorkError(f"{why}: mend that, and have `moodscape hub enrol {brought.device}` make another") from None
    return brought


def _try_to_write(settings: Path) -> None:
    """Find out before the code is used up. Raises UserError."""
    if settings == shipped("edge.yaml"):
        raise UserError("say with --config FILE which settings are this device's; a file that is not there is made")
    try:
        if not settings.exists():
            settings.parent.mkdir(parents=True, exist_ok=True)
            _put(settings, shipped("edge.yaml").read_text(encoding="utf-8"), like=None)
        found = settings.read_text(encoding="utf-8")
        with_values(found, {"device": "any"})
        trial = settings.with_name(f"{settings.stem}.token.try")
        _put(trial, found + " " * _ROOM, like=settings)
        trial.unlink()
    except OSError as error:
        raise UserError(f"{settings} and the files beside it cannot be written: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{settings}: {error}") from None


def _put(path: Path, text: str, *, like: Path | None) -> None:
    """Put a file in place as a whole, for those alone who may read the file `like`; None: for its owner.

    Raises OSError, and leaves nothing behind.
    """
    there = like.stat() if like else None
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            if there and os.geteuid() == 0:
                os.fchown(file.fileno(), there.st_uid, there.st_gid)
            os.fchmod(file.fileno(), 0o600 | (there.st_mode & stat.S_IRGRP if there else 0))
        new.replace(path)
        sync(path.parent)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def _authority(code: Code) -> str:
    """Fetch the authority's certificate (PEM) from whoever answers. Raises WorkError when it is not the code's."""
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE  # who it is, is told by the fingerprint of what it gives
    status, body = _ask(code.hub, anybody, "GET", "/ca.crt")
    try:
        certificate = ssl.PEM_cert_to_DER_cert(body.decode("ascii"))
    except ValueError:
        certificate = b""
    if status != 200 or hashlib.sha256(certificate).digest() != code.fingerprint:
        raise WorkError(f"{code.hub} is not the hub that made this code: its authority is another one")
    return ssl.DER_cert_to_PEM_cert(certificate)  # this one certificate, whatever else was in the answer


def _redeem(code: Code, authority: str) -> Credentials:
    trust = ssl.create_default_context(cadata=authority)
    said = json.dumps({"secret": base64.urlsafe_b64encode(code.secret).rstrip(b"=").decode()})
    status, body = _ask(code.hub, trust, "POST", PATH, said)
    if status != 200:
        why = f"it answers {status}"
        with suppress(ValueError, KeyError, TypeError):
            why = str(json.loads(body)["detail"])
        raise WorkError(f"{code.hub} does not let this device in: {why}")
    try:
        return Credentials.model_validate_json(body)
    except ValidationError as error:
        wrong = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise WorkError(
            f"{code.hub} gave credentials that cannot be used ({wrong}): is it of another version?"
        ) from None


def _ask(address: str, trust: ssl.SSLContext, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
    name, port = split_address(address)
    connection = http.client.HTTPSConnection(name, port, timeout=_TIMEOUT_S, context=trust)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        with connection.getresponse() as answer:
            return answer.status, answer.read(_LARGEST)
    except ssl.SSLCertVerificationError as error:
        raise WorkError(f"{address} shows a certificate that is not to be trusted: {error.verify_message}") from None
    except (OSError, http.client.HTTPException) as error:
        raise WorkError(f"the hub at {address} cannot be reached: {error or type(error).__name__}") from None
    finally:
        connection.close()
