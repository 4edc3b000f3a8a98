"""What was said to the last commands, so that one that comes again is answered again and not done again."""

import json
import logging
import threading
from pathlib import Path
from typing import Any, Final

from edge.owner.durable import put

log = logging.getLogger(__name__)

_REMEMBERED: Final = 100

Reply = dict[str, Any]


class Answered:
    """Replies by the command's id, the last hundred: a small file, since a broker may bring a command after a restart.

    Any thread may ask: commands come over the broker and over a local socket. A disk that cannot be written only costs
    what a restart would know.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._replies: dict[str, Reply] = {}
        try:
            kept = json.loads(path.read_bytes())
            self._replies = {name: reply for name, reply in kept.items() if isinstance(reply, dict)}
        except (FileNotFoundError, NotADirectoryError):
            pass
        except (OSError, ValueError, AttributeError) as error:
            log.warning("the last commands are forgotten", extra={"reason": str(error)})

    def get(self, name: str) -> Reply | None:
        """Give what was said to a command; None to one that was not done."""
        return self._replies.get(name)

    def keep(self, reply: Reply) -> None:
        """Keep the reply to the command that it names."""
        with self._lock:
            self._replies[reply["id"]] = reply
            for oldest in list(self._replies)[:-_REMEMBERED]:
                del self._replies[oldest]
            try:
                put(self._path, json.dumps(self._replies).encode())
            except OSError as error:
                log.error("a command would be done again after a restart", extra={"reason": str(error)})
