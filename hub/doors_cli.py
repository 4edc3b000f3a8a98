"""The verb `moodscape hub ca`: certificates for HTTPS and for the broker."""

import argparse
import socket
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path


def register(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the verb."""
    ca = add("ca", _ca, "make a certificate for HTTPS, and the authority that signs it; again: renew it")
    ca.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="names and addresses of this machine; without, those of the certificate that is there, or found",
    )
    ca.add_argument("--days", type=int, help="renew it only when it ends within so many days, or names change")
    ca.add_argument("--folder", type=Path, help="where they are kept (`ca` in the data folder)")


def folder_of(args: argparse.Namespace) -> Path:
    """Say where the authority is kept."""
    from moments.settings import data_folder

    found: Path = (args.folder or data_folder() / "ca").expanduser()
    return found


def own_names() -> list[str]:
    """Give the names and addresses by which others on the network most likely reach this machine."""
    name = socket.gethostname()
    found = [name, f"{name}.local", "localhost", "127.0.0.1"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent: the address that it would be sent from is asked for
            found.append(probe.getsockname()[0])
        except OSError:
            pass
    return list(dict.fromkeys(found))


def _ca(args: argparse.Namespace) -> int:
    from hub import ca

    folder = folder_of(args)
    there = folder / "hub.crt"
    names = args.names or (ca.names_of(there) if there.exists() else own_names())
    if args.days is not None and there.exists() and sorted(names) == sorted(ca.names_of(there)):
        until = ca.ends(there)
        if until - datetime.now(UTC) > timedelta(days=args.days):
            sys.stdout.write(f"The certificate holds until {until:%Y-%m-%d}: {there}\n")
            return 0
    authority, until, made = ca.prepare(folder, names)
    lines = [f"An authority was made: {folder / 'ca.crt'}"] if made else []
    lines += [
        f"A certificate for {', '.join(names)}, until {until:%Y-%m-%d}: {folder / 'hub.crt'}",
        f"Serve with it: --set http.cert_file={folder / 'hub.crt'} --set http.key_file={folder / 'hub.key'}",
        "Trust the authority once on each phone and computer: open /ca.crt of the hub there. Its SHA-256 is",
        _spaced(authority.fingerprint),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _spaced(fingerprint: str) -> str:
    return ":".join(fingerprint[at : at + 2].upper() for at in range(0, len(fingerprint), 2))
