"""Starts the parts of the demo, each as the process that it is in earnest, and ends them."""

import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from moments.errors import UserError, WorkError
from moodscape.demo import broker

RECORDING: Final = Path(__file__).with_name("day.ogg")
DEVICE: Final = "demo-1"
_NOTICE: Final = (
    "The recording is synthesised: sounds made by a script, a speech synthesiser's voice. "
    "It shows that the parts work together and proves nothing about accuracy."
)
_START_SECONDS: Final = 20.0
_END_SECONDS: Final = 10.0
_ONCE_SECONDS: Final = 300.0


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _end(process: subprocess.Popen[Any]) -> None:
    """Ask it to leave, and make it leave when it does not."""
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.close()
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _moodscape(*args: str, log: Path, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        command = [sys.executable, "-c", "import sys; from moodscape.cli import main; sys.exit(main())", *args]
        return subprocess.Popen(command, stdin=stdin, stdout=out, stderr=out)


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
    last = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise WorkError("the hub does not answer; its log ends with: " + " / ".join(last))


@contextmanager
def _parts(port: int, *, embedded: bool) -> Iterator[tuple[str, int, Path]]:
    """Start broker and hub in a folder that goes with them; gives the page's address, the broker's port, the folder."""
    if find_spec("fastapi") is None:
        raise UserError("the demo needs the hub: install moodscape[demo], or run `make demo`")
    if not _free(port):
        raise UserError(f"port {port} is taken by another program; give another one with --port")
    broker_port = _any_port()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="moodscape-demo-")))
        stack.callback(_end, broker.start(folder, broker_port, embedded=embedded))
        log = folder / "hub.log"
        settings = {"http.port": port, "broker.port": broker_port, "store.path": folder / "hub.db"}
        hub = _moodscape("hub", "run", *_set(settings), log=log)
        stack.callback(_end, hub)
        url = f"http://127.0.0.1:{port}"
        _wait_for_hub(url, hub, log)
        yield url, broker_port, folder


def _set(settings: dict[str, object]) -> list[str]:
    return [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]


def _device_settings(source: str, broker_port: int, folder: Path) -> list[str]:
    return _set(
        {
            "source": source,
            "device": DEVICE,
            "broker.port": broker_port,
            "outbox.path": folder / "outbox.db",
        }
    )


def once(port: int, *, embedded: bool) -> int:
    """Read the recording as fast as it goes, print the moments that the hub stored, leave with 0."""
    with _parts(port, embedded=embedded) as (url, broker_port, folder):
        log = folder / "device.log"
        begun = time.monotonic()
        device = _moodscape("edge", "run", *_device_settings(f"file:{RECORDING}", broker_port, folder), log=log)
        try:
            code = device.wait(_ONCE_SECONDS)
        except subprocess.TimeoutExpired:
            _end(device)
            raise WorkError(f"the device did not end within {_ONCE_SECONDS:.0f} s") from None
        if code:
            last = log.read_text(errors="replace").strip().splitlines()[-3:]
            raise WorkError(f"the device left with {code}; its log ends with: " + " / ".join(last))
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
    with _parts(port, embedded=embedded) as (url, broker_port, folder):
        source = "microphone" if microphone else "pipe:-"
        log = folder / "device.log"
        device = _moodscape(
            "edge", "run", *_device_settings(source, broker_port, folder), log=log, stdin=subprocess.PIPE
        )
        try:
            # Before it says that Ctrl+C ends it: whoever was started in the background has inherited a deaf ear for it.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            signal.signal(signal.SIGINT, signal.default_int_handler)
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
        finally:
            _end(device)
        last = log.read_text(errors="replace").strip().splitlines()[-3:]
        raise WorkError("the device has stopped; its log ends with: " + " / ".join(last))


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
