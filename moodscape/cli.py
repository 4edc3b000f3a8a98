"""`moodscape`: one command for device, hub, demo and training."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module, metadata
from importlib.util import find_spec

from moments.errors import UserError, WorkError
from moodscape import logs, output

_PARTS = ("moodscape.demo", "edge.read", "edge.cli", "hub.cli", "training.cli")
"""Each offers `register(subparsers)` and imports nothing heavy before its verb runs."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="moodscape", description="Sound in, moments out: device, hub and demo.")
    parser.add_argument("--version", action="version", version=metadata.version("moodscape"))
    parser.add_argument("--log-json", action="store_true", help="write logs as one JSON object a line")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for name in _PARTS:
        if find_spec(name.partition(".")[0]) is not None:
            import_module(name).register(verbs)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and give its exit code: 0 done, 1 the work failed, 2 the call or the configuration is wrong."""
    try:
        with output.checked():
            args = _parser().parse_args(argv)
            logs.set_up(as_json=args.log_json)
            return int(args.run(args))
    except (UserError, WorkError) as error:
        sys.stderr.write(f"moodscape: {error}\n")
        return 2 if isinstance(error, UserError) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1
