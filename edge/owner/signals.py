"""What the owner asks by signals: SIGTERM and SIGINT end the device, SIGHUP reads its settings anew, SIGUSR1 marks."""

import signal
import threading
from collections.abc import Callable


def on_signals(*, leave: Callable[[], object], reload: Callable[[], object], mark: Callable[[], object]) -> None:
    """Set the handlers; call it from the main thread."""

    def mark_apart() -> None:
        """Mark in a thread: a handler interrupts whatever runs, also while that holds a lock that marking needs."""
        threading.Thread(target=mark, name="mark", daemon=True).start()

    for number, do in (
        (signal.SIGTERM, leave),
        (signal.SIGINT, leave),
        (signal.SIGHUP, reload),
        (signal.SIGUSR1, mark_apart),
    ):
        signal.signal(number, lambda *_, do=do: do())
