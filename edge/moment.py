"""A draft becomes a moment: it gets its device, time and place."""

from dataclasses import fields
from datetime import datetime
from typing import Final, Literal

from edge.clock import Clock, Knowledge
from edge.pipeline import Draft
from moments import Clip, Moment, Place, uuid7

_OF_DRAFT: Final = [field.name for field in fields(Draft) if field.name not in {"at", "seconds"}]


def new_id(clock: Clock) -> str:
    """Make an id that tells the time of the device's own clock: satellites may know better than the system's."""
    return uuid7(int(clock.now().start.timestamp() * 1000))


def stamp(
    draft: Draft,
    device: str,
    start: datetime,
    clock: Knowledge,
    place: Place | None,
    *,
    origin: Literal["ambient", "mark"] = "ambient",
    record: str | None = None,
    clip: Clip | None = None,
) -> Moment:
    """Make the moment that is published. Raises pydantic.ValidationError if the draft breaks the contract."""
    given = {name: getattr(draft, name) for name in _OF_DRAFT}
    return Moment(
        **given,
        device=device,
        start=start,
        seconds=round(draft.seconds, 3),
        clock=clock,
        origin=origin,
        place=place,
        clip=clip,
        record=record,
    )
