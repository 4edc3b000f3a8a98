"""Why the device does not listen now: the owner said so, the schedule does, or it is where it must not."""

import json
import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from edge.owner.durable import put, remove
from edge.owner.schedule import Span, covering

log = logging.getLogger(__name__)


class Pause:
    """A word that the device shall not listen, `on` or not. It is a small file, so that a reboot does not end it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._until: datetime | None = None
        self.on = True
        try:
            self._until = TypeAdapter(AwareDatetime | None).validate_json(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            self.on = False
        except (OSError, ValidationError):
            log.warning("the pause cannot be read: the device stays paused until it is told to resume")

    def active(self, now: datetime | None) -> bool:
        """Tell whether the device is paused at `now`; a time that is not known (None) ends no pause."""
        if self.on and self._until is not None and now is not None and now >= self._until:
            self.end()
        return self.on

    def begin(self, until: datetime | None) -> None:
        """Pause, durably. A disk that cannot be written only costs what a reboot would find."""
        self.on, self._until = True, until
        try:
            put(self._path, json.dumps(until.isoformat() if until else None).encode())
        except OSError as error:
            log.error("the pause would not survive a reboot", extra={"reason": str(error)})

    def end(self) -> None:
        """Listen again."""
        self.on, self._until = False, None
        try:
            remove(self._path)
        except OSError as error:
            log.error("the pause would come back with a reboot", extra={"reason": str(error)})

    def toggle(self) -> None:
        """Pause until told otherwise, or listen again."""
        if self.on:
            self.end()
        else:
            self.begin(None)


class Pauses:
    """All reasons together. `said`: the owner's word. `in_zone`: the pause of a zone, which survives a reboot too.

    `spans`: the schedule in force, in local time. While the device does not know the time it cannot tell whether it is
    in one of them, and does not listen if there are any: what the owner wants unheard must not be heard by a clock that
    is wrong.
    """

    def __init__(self, folder: Path) -> None:
        self.said = Pause(folder / "paused.json")
        self.in_zone = Pause(folder / "in-zone.json")
        self.spans: Sequence[Span] = ()

    def zone(self, inside: bool | None) -> None:
        """Take note of whether a fix lies in a zone of silence; None without a new fix, which changes nothing.

        Indoors a receiver loses its satellites: only a fix outside ends the pause.
        """
        if inside is None or inside == self.in_zone.on:
            return
        if inside:
            self.in_zone.begin(None)
        else:
            self.in_zone.end()

    def why(self, now: datetime | None) -> str | None:
        """Say why it does not listen at `now`, a local time, or None if that is not known; None when it may listen."""
        if self.said.active(now):
            return "the owner paused it"
        if now is None and self.spans:
            return "it does not know the time, and the schedule may pause it now"
        if now is not None and (span := covering(self.spans, now)) is not None:
            return f"the schedule pauses it from {span}"
        if self.in_zone.on:
            return "it is in a zone where it does not listen"
        return None
