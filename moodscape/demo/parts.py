"""The processes and the folder of the demo, which end with it, whatever ends it."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final, Self

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)
_END_SECONDS: Final = 10.0


class Parts:
    """What the demo has started, and the folder that they write in."""

    folder: Path

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._waits = False
        self._came: int | None = None

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Make the folder; when this is left, what was started ends and the folder goes.

        Signals that end a process leave it by an exception: SIGINT by KeyboardInterrupt, the others by SystemExit with
        the code that a shell gives. SIGHUP stays ignored where it is, as `nohup` has it; SIGINT does not, which a
        shell's background has so.
        """
        for number in _SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._take)
        try:
            with self._signals_wait():
                folder = tempfile.TemporaryDirectory(prefix="moodscape-demo-")
                self.folder = Path(self._stack.enter_context(folder))
            yield self
        finally:
            with self._signals_wait():
                self._stack.close()

    def start(self, command: list[str], log: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start a process whose output goes to the file `log` of the folder.

        It has a session of its own: the closing of the terminal, which asks a device to read its settings again, and
        Ctrl+C are for the demo alone.
        """
        with (self.folder / log).open("ab") as out, self._signals_wait():
            process = subprocess.Popen(
                [*_ends_with_its_parent(), *command], stdin=stdin, stdout=out, stderr=out, start_new_session=True
            )
            self._stack.callback(end, process)
        return process

    @contextmanager
    def _signals_wait(self) -> Iterator[None]:
        """Let no signal come between the making of a thing and the note that it is to be ended, or into the ending."""
        before, self._waits = self._came, True
        try:
            yield
        finally:
            self._waits = False
            if self._came is not None and before is None:
                _leave(self._came)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self._came is None:  # a second one would break off the ending
            self._came = number
            if not self._waits:
                _leave(number)


def end(process: subprocess.Popen[Any]) -> None:
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


def _leave(number: int) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _ends_with_its_parent() -> list[str]:
    """Give what a command is begun with so that the kernel ends it with a demo that is killed outright."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []
