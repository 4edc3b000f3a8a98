"""What the hub counts, in Prometheus' text format."""

import threading
from typing import Final

_HELP: Final = {
    "moodscape_moments_stored_total": ("counter", "moments committed for the first time"),
    "moodscape_moments_known_total": ("counter", "moments that were there already, or erased"),
    "moodscape_dead_letters_total": ("counter", "messages that could not be taken"),
    "moodscape_dead_letters_dropped_total": ("counter", "of those, dropped to stay within their bounds"),
    "moodscape_batches_total": ("counter", "commits of what the broker delivered"),
    "moodscape_batch_seconds_total": ("counter", "seconds spent validating and committing them"),
    "moodscape_store_failures_total": ("counter", "commits that failed; their messages are delivered again"),
    "moodscape_broker_connected": ("gauge", "1 while the broker is reached"),
    "moodscape_queue_messages": ("gauge", "messages delivered by the broker and not yet committed"),
    "moodscape_influx_behind": ("gauge", "moments that InfluxDB has not been fed yet"),
    "moodscape_stream_subscribers": ("gauge", "open event streams"),
}


class Metrics:
    """Numbers by name; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values = dict.fromkeys(_HELP, 0.0)

    def add(self, name: str, by: float = 1) -> None:
        """Let a number grow (or shrink)."""
        with self._lock:
            self._values[name] += by

    def set(self, name: str, value: float) -> None:
        """Set a number."""
        with self._lock:
            self._values[name] = value

    def value(self, name: str) -> float:
        """Give a number."""
        with self._lock:
            return self._values[name]

    def text(self) -> str:
        """Write all of them."""
        with self._lock:
            values = dict(self._values)
        return "".join(
            f"# HELP {name} {says}\n# TYPE {name} {kind}\n{name} {values[name]:.15g}\n"
            for name, (kind, says) in _HELP.items()
        )
