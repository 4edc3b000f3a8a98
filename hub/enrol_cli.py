"""The verbs that let devices and programs in at the broker, and out again: `enrol`, `revoke`, `login`."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hub.called import settings_of, store_of


def register(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the verbs."""
    enrol = add("enrol", _enrol, "print a code that lets a device in, good once and for 15 minutes; again: a new one")
    enrol.add_argument("device", help="its id, which is also its login at the broker")
    revoke = add("revoke", _revoke, "let a device in no more: its login, connections, tokens and codes end")
    revoke.add_argument("device")
    login = add("login", _login, "make or renew a login at the broker, and print its password this once")
    login.add_argument("name", nargs="?", help="a device, or homeassistant; with --file also hub")
    login.add_argument(
        "--file",
        type=Path,
        help="a broker's file of logins while it does not run; brought up to date also without NAME",
    )
    login.add_argument(
        "--take-over", type=Path, metavar="PASSWD", help="with --file: logins of a file of passwords too"
    )


@contextmanager
def _enrolling(args: argparse.Namespace) -> Iterator[Any]:
    from hub.enrolling import Enrolling

    store = store_of(args)
    try:
        yield Enrolling(store, settings_of(args))
    finally:
        store.close()


def _enrol(args: argparse.Namespace) -> int:
    from hub.enrolling import HOLDS

    with _enrolling(args) as enrolling:
        code = enrolling.offer(args.device)
    minutes = HOLDS.seconds // 60
    sys.stderr.write(f"On {args.device}, within {minutes} minutes: moodscape edge enrol CODE; what it had ends then.\n")
    sys.stdout.write(f"{code.text()}\n")
    return 0


def _revoke(args: argparse.Namespace) -> int:
    from moments.errors import WorkError

    with _enrolling(args) as enrolling:
        if not enrolling.revoke(args.device):
            raise WorkError(f"{args.device} has no login, no token and no code: it is let in nowhere")
    sys.stdout.write(f"{args.device} is let in no more\n")
    return 0


def _login(args: argparse.Namespace) -> int:
    from hub import logins
    from moments.errors import UserError

    if args.file is not None:
        return _login_in_file(args.file, args.name, args.take_over)
    if args.name is None:
        raise UserError("say whose login: moodscape hub login NAME")
    password = logins.new_password()
    logins.put(settings_of(args).broker, args.name, password)
    sys.stdout.write(f"{password}\n")
    return 0


def _login_in_file(path: Path, name: str | None, passwords: Path | None) -> int:
    from hub import logins
    from hub.ca import write_whole
    from moments.errors import UserError, WorkError

    try:
        file = json.loads(path.read_text()) if path.exists() else logins.first_file()
        if passwords is not None:
            file = logins.take_over(file, passwords.read_text())
    except OSError as error:
        raise UserError(f"{error.filename} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{path} is no broker's file of logins: {error}") from None
    password = logins.new_password()
    if name is not None:
        file = logins.write_into(file, name, password)
    try:
        write_whole(path, json.dumps(logins.up_to_date(file), indent="\t").encode(), 0o600)
    except OSError as error:
        raise WorkError(f"{path} cannot be written: {error.strerror}") from None
    if name is not None:
        sys.stdout.write(f"{password}\n")
    return 0
