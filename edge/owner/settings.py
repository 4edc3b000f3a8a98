"""What the owner set on the hub's page for this device: zones, hours of silence, clips, and rules of its own.

It comes retained over MQTT and is kept beside the outbox, so that a reboot without network does not forget a zone.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.config import Zone
from edge.models.rules import Rules
from edge.owner.durable import put
from edge.owner.schedule import Span
from moments.errors import UserError

log = logging.getLogger(__name__)


class _ZoneOfPage(BaseModel):
    """A zone as the page knows it, which may also have a name and more."""

    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    radius_m: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    pause: bool = False


class _SpanOfPage(Span):
    """A span of the schedule, which may also have more to it."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Clips(BaseModel):
    """Whether a mark keeps sound, and how much."""

    enabled: bool
    before_s: Annotated[float, Field(ge=0, le=120, allow_inf_nan=False)]
    after_s: Annotated[float, Field(ge=0, le=120, allow_inf_nan=False)]


class OwnerConfig(BaseModel):
    """The payload of the topic `config`; a part that is null stays as the device's own settings have it."""

    version: int
    zones: list[_ZoneOfPage] | None = None
    rules: dict[str, Any] | None = None
    schedule: list[_SpanOfPage] | None = None
    clips: Clips | None = None


class Owner:
    """Takes valid settings, keeps them, and says which version is in force. One that is not valid changes nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.version: int | None = None
        self.zones: tuple[Zone, ...] = ()
        self.rules: Rules | None = None
        self.schedule: Sequence[Span] = ()
        self.clips: Clips | None = None
        try:
            self._apply(path.read_bytes(), kept=True)
        except (FileNotFoundError, NotADirectoryError):
            pass  # nothing was set yet
        except (OSError, ValueError, UserError) as error:
            log.error("the owner's settings cannot be read", extra={"reason": _short(error)})

    def take(self, payload: bytes) -> bool:
        """Apply and keep what came; True when it is in force now. An empty payload says that nothing is set."""
        try:
            self._apply(payload or b'{"version": 0}')
        except (ValueError, UserError) as error:
            log.error("the owner's settings are not valid and change nothing", extra={"reason": _short(error)})
            return False
        self._keep(payload)
        log.info("the owner's settings are in force", extra={"version": self.version})
        return True

    def _apply(self, payload: bytes, *, kept: bool = False) -> None:
        """Put settings in force. Where they are `kept` from before, rules that this version refuses cost no zone."""
        found = OwnerConfig.model_validate_json(payload)
        text = json.dumps(found.rules, ensure_ascii=False)  # YAML has no pairs of \u escapes
        try:
            rules = None if found.rules is None else Rules.parse(text, "the owner's rules")
        except UserError as error:
            if not kept:
                raise
            log.error("the owner's rules cannot be used; the device's own hold", extra={"reason": _short(error)})
            rules = None
        self.zones = tuple(Zone(**zone.model_dump()) for zone in found.zones or ())
        self.schedule, self.clips = found.schedule or (), found.clips
        self.rules, self.version = rules, found.version

    def _keep(self, payload: bytes) -> None:
        try:
            put(self._path, payload or b'{"version": 0}')
        except OSError as error:
            log.error("the owner's settings would not survive a reboot", extra={"reason": str(error)})


def _short(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error)
