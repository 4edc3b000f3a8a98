"""The verbs of `moodscape hub`."""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from hub import doors_cli, enrol_cli
from hub.called import settings_of, store_of


class _Verb(argparse.ArgumentParser):
    """A verb; parts of its filter, if it takes one, stand anywhere among its words."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as ever, and take for the filter what was left over only because an option stood before it."""
        found, left = super().parse_known_args(args, namespace)
        if hasattr(found, "filter"):
            parts = [word for word in left if "=" in word and not word.startswith("-")]
            left = [word for word in left if word not in parts]
            found.filter += parts
        return found, left


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb `hub` and those below it."""
    hub = verbs.add_parser("hub", help="store, find, keep and forget moments")
    below = hub.add_subparsers(metavar="VERB", required=True, parser_class=_Verb)
    common = _Verb(add_help=False)
    common.add_argument("--config", type=Path, help="the hub's settings (the defaults without)")
    common.add_argument("--set", action="append", default=[], metavar="KEY.PATH=VALUE", help="override one setting")

    def add(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        parser = below.add_parser(name, help=text, parents=[common])
        parser.set_defaults(run=run)
        return parser

    add("run", _run, "take moments from the broker, serve the page and the API")
    token = add("token", _token, "make a token, and print it this once")
    token.add_argument("name", help="what it is for")
    token.add_argument("--scope", choices=("upload", "read", "write", "admin"), default="read")
    token.add_argument("--device", help="sees only this device's moments")
    token.add_argument("--owner", help="sees only this owner's moments")
    export = add("export", _export, "write moments to a file or standard output")
    export.add_argument("file", nargs="?", type=Path)
    export.add_argument("--format", choices=("csv", "ndjson", "geojson", "parquet"), default="ndjson")
    export.add_argument("--whole", action="store_true", help="also devices, settings, tokens, records, dead letters")
    export.add_argument("filter", nargs="*", metavar="NAME=VALUE", help="parts of the filter, as in the API")
    taken = add("import", _import, "take moments from NDJSON that `export` wrote; those already there are left")
    taken.add_argument("file", type=Path)
    erase = add("erase", _erase, "erase what a filter means, for good")
    erase.add_argument("filter", nargs="+", metavar="NAME=VALUE", help="parts of the filter, as in the API")
    backup = add("backup", _backup, "copy the store to a new file while it is in use")
    backup.add_argument("file", type=Path)
    add("check", _check, "look for damage, and whether what was added up is what the moments say")
    letters = add("letters", _letters, "write out messages that could not be taken, one JSON object a line")
    letters.add_argument("--replay", action="store_true", help="judge all of them again")
    doors_cli.register(add)
    enrol_cli.register(add)


def _filter(texts: list[str]) -> Any:
    from hub.query.filter import BadQuery, parse
    from moments.errors import UserError

    pairs = [text.partition("=") for text in texts]
    try:
        return parse((name, value) for name, _, value in pairs)[0]
    except BadQuery as error:
        raise UserError(str(error)) from None


def _run(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    from hub.serve import run

    return run(settings)


def _token(args: argparse.Namespace) -> int:
    from hub import tokens

    store = store_of(args, there=False)
    access = tokens.Access(args.scope, args.device, args.owner)
    sys.stdout.write(f"{tokens.make(store, args.name, access)}\n")
    store.close()
    return 0


def _export(args: argparse.Namespace) -> int:
    from hub.export import writer
    from moments.errors import UserError, WorkError

    # `export from=2026-05-01` has no file: what looks like a part of the filter is one.
    if args.file is not None and "=" in str(args.file):
        args.filter.insert(0, str(args.file))
        args.file = None
    filter_, write = _filter(args.filter), writer(args.format)
    if args.whole and (args.format != "ndjson" or args.filter):
        raise UserError("--whole goes with the format ndjson, and without a filter")
    store = store_of(args)
    try:
        if args.file is None:
            _write(_exported(store, filter_, write, whole=args.whole), sys.stdout.buffer)
        else:
            with args.file.open("wb") as out:
                _write(_exported(store, filter_, write, whole=args.whole), out)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise WorkError(f"{args.file or 'standard output'} cannot be written: {error.strerror}") from None
    finally:
        store.close()
    return 0


def _exported(store: Any, filter_: Any, write: Any, *, whole: bool) -> Iterator[bytes]:
    from hub.query.pages import everything, total
    from hub.stores import whole as beside

    if whole:
        with store.reading() as connection:
            yield from beside.lines(connection)
    with store.reading() as connection:
        count, exact = total(connection, filter_)
    progress, of = _progress("moments"), f"{'' if exact else 'more than '}{count:,}"

    def told() -> Iterator[dict[str, Any]]:
        for n, item in enumerate(everything(store, filter_), 1):
            progress(n, of)
            yield item

    yield from write(told())


def _progress(what: str) -> Any:
    """Give what tells a person at a terminal how far it is, about once a second."""
    said = [0.0]

    def tell(done: int, of: str) -> None:
        if sys.stderr.isatty() and time.monotonic() - said[0] > 1:
            said[0] = time.monotonic()
            sys.stderr.write(f"\r{done:,} of {of} {what} ")
            sys.stderr.flush()

    return tell


def _write(chunks: Iterator[bytes], out: IO[bytes]) -> None:
    for chunk in chunks:
        out.write(chunk)
    out.flush()


def _import(args: argparse.Namespace) -> int:
    from hub.importing import take

    store = store_of(args, there=False)
    progress = _progress("bytes")
    try:
        done = take(store, args.file, lambda at, size: progress(at, f"{size:,}"))
    finally:
        store.close()
    for line, why in done.refused:
        sys.stderr.write(f"moodscape: {args.file} line {line}: {why}\n")
    if done.more_refused:
        sys.stderr.write(f"moodscape: {args.file}: {done.more_refused:,} more lines are refused\n")
    refused = len(done.refused) + done.more_refused
    sys.stdout.write(f"{done.new} moments taken, {done.known} known or erased, {refused} lines refused\n")
    return 1 if done.refused else 0


def _erase(args: argparse.Namespace) -> int:
    from hub.forgetting import without_broker
    from hub.records.sounds import Sounds
    from moments.errors import UserError

    filter_ = _filter(args.filter)
    if not filter_.narrows:
        raise UserError("erasing needs a filter: say which moments, for instance from=2026-05-22 to=2026-05-23")
    store = store_of(args)
    forgetting = without_broker(store, Sounds(settings_of(args).store.sounds))
    sys.stdout.write(f"{forgetting.matching(filter_)} moments erased\n")
    store.close()
    return 0


def _backup(args: argparse.Namespace) -> int:
    store = store_of(args)
    try:
        store.backup(args.file)
    finally:
        store.close()
    return 0


def _check(args: argparse.Namespace) -> int:
    from hub.stores.checking import faults
    from moments.errors import WorkError

    store = store_of(args)
    try:
        store.check()
        found = faults(store)
    finally:
        store.close()
    if found:
        raise WorkError(f"the store {store.name} does not agree with itself: {'; '.join(found)}")
    sys.stdout.write("No damage, and everything adds up.\n")
    return 0


def _letters(args: argparse.Namespace) -> int:
    from hub.ingest.replaying import replay
    from hub.stores.letters import lines

    store = store_of(args)
    try:
        if args.replay:
            taken, left = replay(store)
            sys.stdout.write(f"{taken} taken, {left} left\n")
        else:
            with store.reading() as connection:
                _write(lines(connection), sys.stdout.buffer)
    finally:
        store.close()
    return 0
