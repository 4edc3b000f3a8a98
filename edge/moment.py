"""A draft becomes a moment: it gets its device, time and place."""

from datetime import datetime
from typing import Literal

from edge.clock import Knowledge
from edge.pipeline import Draft
from moments import Clip, Moment, Place


def stamp(
    draft: Draft,
    device: str,
    start: datetime,
    clock: Knowledge,
    place: Place | None,
    *,
    origin: Literal["ambient", "mark", "upload"] = "ambient",
    record: str | None = None,
    clip: Clip | None = None,
) -> Moment:
    """Make the moment that is published. Raises pydantic.ValidationError if the draft breaks the contract."""
    return Moment(
        id=draft.id,
        device=device,
        start=start,
        seconds=round(draft.seconds, 3),
        clock=clock,
        origin=origin,
        basis=draft.basis,
        emotion=draft.emotion,
        confidence=draft.confidence,
        emotions=draft.emotions,
        valence=draft.valence,
        arousal=draft.arousal,
        scene=draft.scene,
        rule=draft.rule,
        level_dbfs=draft.level_dbfs,
        place=place,
        clip=clip,
        record=record,
        continues=draft.continues,
        models=draft.models,
    )
