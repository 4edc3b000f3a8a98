import time
import uuid
from dataclasses import fields
from datetime import timedelta

import pytest
from pydantic import ValidationError

from edge.clock import Clock, SatelliteTime
from edge.moment import new_id, stamp
from edge.pipeline import Draft
from moments import EMOTIONS, Models, Moment, Place, Rule, Scene, uuid7
from tests.edge.making import NOON


def draft(**more):
    values = {
        "id": uuid7(),
        "basis": "scene",
        "at": 12.5,
        "seconds": 15.00049,
        "emotion": "calm",
        "confidence": 0.7,
        "emotions": dict.fromkeys(EMOTIONS, 0.3 / 7) | {"calm": 0.7},
        "valence": 0.4,
        "arousal": -0.3,
        "scene": Scene(label="rain", group="nature", confidence=0.8),
        "rule": Rule(id="rain", because="light rain"),
        "level_dbfs": -41.2,
        "models": Models(gate="gate-1@aa"),
        "continues": uuid7(),
    }
    return Draft(**(values | more))


def test_a_moment_is_the_draft_with_device_time_and_place():
    place = Place(lat=1, lon=2, age_s=3)
    made = draft()
    moment = stamp(made, "pocket-1", NOON, "gps", place, record=(record := uuid7()))
    assert (moment.id, moment.device, moment.start, moment.clock) == (made.id, "pocket-1", NOON, "gps")
    assert (moment.place, moment.record, moment.origin) == (place, record, "ambient")
    assert moment.seconds == 15.0
    for name in {field.name for field in fields(Draft)} - {"at", "seconds"}:
        assert getattr(moment, name) == getattr(made, name)
    assert Moment.from_json(moment.to_json()) == moment


def told_s(name):
    """The Unix time in s that an id tells."""
    return (uuid.UUID(name).int >> 80) / 1000


def by_satellites(unix):
    """The clock of a device whose system does not know the time."""
    return Clock(known=lambda: False, satellites=lambda: SatelliteTime(unix, time.monotonic()))


def test_an_id_tells_the_time_of_satellites_where_the_system_does_not_know_it():
    assert told_s(new_id(by_satellites(NOON.timestamp()))) == pytest.approx(NOON.timestamp(), abs=5)
    assert told_s(new_id(Clock(known=lambda: True))) == pytest.approx(time.time(), abs=5)


def test_a_draft_that_breaks_the_contract_is_refused():
    with pytest.raises(ValidationError):
        stamp(draft(valence=2.0), "pocket-1", NOON + timedelta(1), "synced", None)
