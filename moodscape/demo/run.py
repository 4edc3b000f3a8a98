"""Starts the parts of the demo, each as the process that it is in earnest, and ends them."""

import errno
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from moments.errors import UserError, WorkError
from moodscape.demo import broker
from moodscape.demo.parts import Parts, end

RECORDING: Final = Path(__file__).with_name("day.ogg")
DEVICE: Final = "demo-1"
_NOTICE: Final = (
    "The recording is synthesised: sounds made by a script, a speech synthesiser's voice. "
    "It shows that the parts work together and proves nothing about accuracy."
)
_START_SECONDS: Final = 20.0
_ONCE_SECONDS: Final = 300.0


def _refuse_what_is_not_to_be_had(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "is taken by another program" if taken else f"cannot be listened on: {error.strerror}"
            raise UserError(f"port {port} {why}; give another one with --port") from None


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _moodscape(parts: Parts, *args: str, log: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "import sys; from moodscape.cli import main; sys.exit(main())", *args]
    return parts.start(command, log, stdin)


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - always our own hub on the loopback
        return json.load(answer)


def _wait_for_hub(url: str, hub: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and hub.poll() is None:
        try:
            _get(f"{url}/healthz")
        except (urllib.error.URLError, OSError, ValueError):
            time.sleep(0.1)
        else:
            return
    raise WorkError(f"the hub does not answer; its log ends with: {_last(log)}")


def _last(log: Path) -> str:
    return " / ".join(log.read_text(errors="replace").strip().splitlines()[-3:])


@contextmanager
def _running(port: int, *, embedded: bool) -> Iterator[tuple[str, int, Parts]]:
    """Start broker and hub; gives the page's address, the broker's port, and what has begun, which ends with this."""
    if find_spec("fastapi") is None:
        raise UserError("the demo needs the hub: install moodscape[demo], or run `make demo`")
    _refuse_what_is_not_to_be_had(port)
    broker_port = _any_port()
    with Parts().running() as started:
        broker.start(started, broker_port, embedded=embedded)
        settings = {"http.port": port, "broker.port": broker_port, "store.path": started.folder / "hub.db"}
        hub = _moodscape(started, "hub", "run", *_set(settings), log="hub.log")
        url = f"http://127.0.0.1:{port}"
        _wait_for_hub(url, hub, started.folder / "hub.log")
        yield url, broker_port, started


def _set(settings: dict[str, object]) -> list[str]:
    return [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]


def _device(parts: Parts, source: str, broker_port: int, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    settings = {
        "source": source,
        "device": DEVICE,
        "broker.port": broker_port,
        "outbox.path": parts.folder / "outbox.db",
    }
    return _moodscape(parts, "edge", "run", *_set(settings), log="device.log", stdin=stdin)


def once(port: int, *, embedded: bool) -> int:
    """Read the recording as fast as it goes, print the moments that the hub stored, leave with 0."""
    with _running(port, embedded=embedded) as (url, broker_port, started):
        begun = time.monotonic()
        device = _device(started, f"file:{RECORDING}", broker_port)
        try:
            code = device.wait(_ONCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise WorkError(f"the device did not end within {_ONCE_SECONDS:.0f} s") from None
        if code:
            raise WorkError(f"the device left with {code}; its log ends with: {_last(started.folder / 'device.log')}")
        page = _get(f"{url}/api/moments?order=oldest&limit=1000")
        _print_table(page["items"], time.monotonic() - begun)
    if not page["items"]:
        raise WorkError("no moment reached the hub")
    return 0


def _print_table(items: list[dict[str, Any]], seconds: float) -> None:
    out = sys.stdout
    out.write(f"{'start':<9} {'seconds':>7}  {'basis':<7} {'emotion':<10} {'sure':>5}  {'scene':<16} why\n")
    for item in items:
        scene = item["scene"]["label"] if item["scene"] else "-"
        why = item["rule"]["because"] if item["rule"] else "the voice"
        out.write(
            f"{item['start'][11:19]:<9} {item['seconds']:>7.1f}  {item['basis']:<7} {item['emotion']:<10} "
            f"{item['confidence']:>5.2f}  {scene:<16} {why}\n"
        )
    sound = sum(item["seconds"] for item in items)
    speech = sum(1 for item in items if item["basis"] == "speech")
    out.write(
        f"\n{len(items)} moments ({speech} of speech) in {sound:.0f} s of sound, heard, published and stored in "
        f"{seconds:.1f} s.\n{_NOTICE}\n"
    )


def live(port: int, *, embedded: bool, microphone: bool, open_page: bool) -> int:
    """Run until Ctrl+C: the device hears the recording over and over, or the microphone."""
    with _running(port, embedded=embedded) as (url, broker_port, started):
        device = _device(started, "microphone" if microphone else "pipe:-", broker_port, subprocess.PIPE)
        try:
            sys.stdout.write(f"The page: {url}\n{'' if microphone else _NOTICE + chr(10)}Ctrl+C ends the demo.\n")
            sys.stdout.flush()
            if open_page:
                webbrowser.open(url)
            assert device.stdin is not None  # noqa: S101 - it was asked for above
            _keep_alive(device) if microphone else _play(device.stdin)
        except KeyboardInterrupt:
            return 0
        except BrokenPipeError:
            pass
        end(device)
        raise WorkError(f"the device has stopped; its log ends with: {_last(started.folder / 'device.log')}")


def _keep_alive(device: subprocess.Popen[bytes]) -> None:
    device.wait()


def _play(into: IO[bytes]) -> None:
    """Write the recording over and over, as fast as it sounds."""
    import soundfile

    sound, rate = soundfile.read(RECORDING, dtype="int16")
    step = rate // 50
    due = time.monotonic()
    while True:
        for begin in range(0, len(sound), step):
            into.write(np.ascontiguousarray(sound[begin : begin + step]).tobytes())
            into.flush()
            due += step / rate
            time.sleep(max(0.0, due - time.monotonic()))
