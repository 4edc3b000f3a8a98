"""Takes up a file of rules when it has changed, while the device runs."""

import logging
from pathlib import Path

from edge.models.rules import Rules, WrongRules

log = logging.getLogger(__name__)


class WatchedRules:
    """A file of rules that may change at any time; `rules` are those of its last valid state."""

    def __init__(self, path: Path, rules: Rules) -> None:
        """`rules`: what the file says now."""
        self.rules = rules
        self._path = path
        self._seen = _state(path)

    def look(self) -> bool:
        """Read the file again if it changed, and tell whether there are other rules. A wrong file is told, once."""
        state = _state(self._path)
        if state == self._seen:
            return False
        self._seen = state
        try:
            self.rules = Rules.load(self._path)
        except WrongRules as error:
            log.warning("the changed rules cannot be used, the last ones stay", extra={"reason": str(error)})
            return False
        log.info("the rules changed", extra={"version": self.rules.version})
        return True


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
