"""`moodscape demo`: broker, hub and device on one machine, on a recording that ships."""

import argparse


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb `demo`."""
    parser = verbs.add_parser("demo", help="broker, hub and device on the recording that ships; opens the page")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--once", action="store_true", help="read the recording as fast as it goes, print, leave")
    either.add_argument("--microphone", action="store_true", help="listen to this machine's microphone instead")
    parser.add_argument("--port", type=_port, default=8080, help="where the page is served on 127.0.0.1 (8080)")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page")
    parser.add_argument("--embedded-broker", action="store_true", help="use the broker from the wheel in any case")
    parser.set_defaults(run=_run)


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"{port} is no port: give 1 to 65535")
    return port


def _run(args: argparse.Namespace) -> int:
    from moodscape.demo import run

    if args.once:
        return run.once(args.port, embedded=args.embedded_broker)
    return run.live(args.port, embedded=args.embedded_broker, microphone=args.microphone, open_page=not args.no_browser)
