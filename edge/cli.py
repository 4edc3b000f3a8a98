"""`moodscape edge …`: run the device, list microphones, check everything, list clips, mark a moment, be let in."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from configs import shipped
from edge.models import rules_cli
from edge.records import cli as clips_cli

if TYPE_CHECKING:
    from edge.config import Config


def register(subparsers: Any) -> None:
    """Add the verb `edge`."""
    edge = subparsers.add_parser("edge", help="the device: run, devices, check, clips, rules, mark, enrol")
    verbs = edge.add_subparsers(metavar="VERB", required=True)
    _verb(verbs, "run", "listen and publish until SIGTERM, or until the sound ends", _run)
    _verb(verbs, "devices", "the microphones that there are", _devices)
    _verb(verbs, "check", "try everything that the device needs and say what to do", _check)
    mark = _verb(verbs, "mark", "mark this moment on the running device", _mark)
    mark.add_argument("--note", metavar="TEXT", help="words to keep with it")
    clips_cli.add_arguments(_verb(verbs, "clips", "the clips that wait on this device", _clips))
    rules_cli.register(verbs)
    enrol = _verb(verbs, "enrol", "connect this device to a hub, with a code that the hub made", _enrol)
    enrol.add_argument("code", help="what `moodscape hub enrol DEVICE` printed")


def _verb(verbs: Any, name: str, words: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
    parser.add_argument(
        "--config", type=Path, default=shipped("edge.yaml"), metavar="FILE", help="settings (the shipped edge.yaml)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides", help="one setting, as gps.port=1"
    )
    parser.set_defaults(run=run)
    return parser


def _load(args: argparse.Namespace) -> "Config":
    from edge.config import load

    return load(args.config, args.overrides)


def _run(args: argparse.Namespace) -> int:
    from edge.daemon import RELOAD, Device

    code = Device(_load(args), lambda: _load(args)).run()
    if code == RELOAD:
        sys.stderr.flush()
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 (this very command, anew)
    return code


def _devices(args: argparse.Namespace) -> int:
    from edge.capture.identity import stable_name, usb_id
    from edge.capture.microphone import devices

    _load(args)
    found = devices()
    for device in found:
        usb = usb_id(device.name)
        about = f"{device.channels} channels, {device.rate} Hz{f', {usb}' if usb else ''}"
        sys.stdout.write(f"{stable_name(device.name)}  ({about})\n")
    if not found:
        sys.stdout.write("no microphone: plug one in\n")
    return 0 if found else 1


def _check(args: argparse.Namespace) -> int:
    from edge.care.check import findings

    bad = 0
    for finding in findings(_load(args)):
        sys.stdout.write(f"{finding.verdict:<5} {finding.what:<7} {finding.sentence}\n")
        sys.stdout.flush()
        bad += finding.verdict == "bad"
    return 1 if bad else 0


def _clips(args: argparse.Namespace) -> int:
    return clips_cli.run(_load(args), args.out)


def _mark(args: argparse.Namespace) -> int:
    from edge.owner.control import ask
    from moments import uuid7

    reply = ask(_load(args).outbox_path, {"id": uuid7(), "do": "mark", "args": {"note": args.note}})
    sys.stdout.write(f"{reply['record']}\n")
    return 0


def _enrol(args: argparse.Namespace) -> int:
    from edge.care.enrol import enrol

    if os.access(args.config, os.F_OK):
        _load(args)
    brought = enrol(args.code, args.config)
    sys.stdout.write(
        f"{brought.device} is let in at {brought.hub}; {args.config} says how it connects. A device that runs takes it "
        "up by `systemctl reload moodscape-edge`.\n"
    )
    return 0
