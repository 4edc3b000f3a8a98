import json
from datetime import timedelta, timezone
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import moments.schema
from moments import EMOTIONS, Moment, uuid7

WIRE = {
    "schema": 1,
    "id": "0196f3c2-8f0e-7c1a-9a52-6d0f4f1e2b33",
    "device": "pocket-1",
    "start": "2026-05-22T09:32:10.250+09:00",
    "seconds": 4.2,
    "clock": "synced",
    "origin": "ambient",
    "basis": "speech",
    "emotion": "happiness",
    "confidence": 0.71,
    "emotions": dict(zip(EMOTIONS, (0.12, 0.06, 0.71, 0.02, 0.03, 0.01, 0.01, 0.04), strict=True)),
    "valence": 0.58,
    "arousal": 0.31,
    "scene": {"label": "cafe", "group": "people", "confidence": 0.83},
    "rule": None,
    "level_dbfs": -31.2,
    "place": {"lat": 35.1341, "lon": 129.1032, "accuracy_m": 6.5, "altitude_m": 21.0, "age_s": 1.2},
    "clip": None,
    "record": None,
    "continues": None,
    "models": {"gate": "gate-1@3f2a9c1d", "speech": "speech-1@ab12cd34", "scene": "scene-1@99aa01ff", "rules": "1"},
}
SCHEMA = json.loads(moments.schema.text())

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def shares():
    weights = st.lists(st.floats(0.01, 1), min_size=8, max_size=8)
    return weights.map(lambda w: dict(zip(EMOTIONS, (x / sum(w) for x in w), strict=True)))


def test_the_designs_example_survives_a_round_trip():
    moment = Moment.from_json(json.dumps(WIRE))
    assert json.loads(moment.to_json()) == WIRE


def test_the_schema_file_is_the_models_own():
    assert Path(moments.schema.__file__).with_name("moment.schema.json").read_text() == moments.schema.text()


@given(
    st.dictionaries(st.text(min_size=1, max_size=8).map(lambda name: f"x_{name}"), json_values, max_size=3),
    st.dictionaries(st.text(min_size=1, max_size=8).map(lambda name: f"x_{name}"), json_values, max_size=3),
)
def test_unknown_fields_survive_a_round_trip_at_every_depth(outer, inner):
    wire = WIRE | outer | {"scene": WIRE["scene"] | inner}
    assert json.loads(Moment.from_json(json.dumps(wire)).to_json()) == wire


@given(shares(), st.integers(-14 * 60, 14 * 60), st.datetimes())
def test_what_the_model_writes_fits_the_schema_and_keeps_the_offset(emotions, offset_minutes, at):
    start = at.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    moment = Moment.from_json(json.dumps(WIRE | {"emotions": emotions, "start": start.isoformat()}))
    written = json.loads(moment.to_json())
    jsonschema.validate(written, SCHEMA)
    assert Moment.from_json(moment.to_json()) == moment
    assert moment.start.utcoffset() == timedelta(minutes=offset_minutes)


def test_a_note_without_sound_has_no_emotion():
    felt = dict.fromkeys(("emotion", "confidence", "emotions", "valence", "arousal"))
    note = Moment.from_json(json.dumps(WIRE | felt | {"basis": "none", "origin": "note", "seconds": 0}))
    assert note.emotion is None


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"schema": 2}, "schema"),
        ({"id": "7"}, "id"),
        ({"device": "a/b"}, "device"),
        ({"start": "2026-05-22T09:32:10"}, "start"),
        ({"seconds": -1}, "seconds"),
        ({"emotion": "bored"}, "emotion"),
        ({"emotions": {"calm": 1.0}}, "emotions"),
        ({"emotions": dict.fromkeys(EMOTIONS, 0.5)}, "emotions"),
        ({"valence": 1.5}, "valence"),
        ({"place": {"lat": 91, "lon": 0}}, "lat"),
        ({"basis": "none"}, "basis"),
        ({"arousal": None}, "needed when there is sound"),
    ],
)
def test_a_wrong_field_is_refused_by_name(wrong, named):
    with pytest.raises(ValidationError, match=named):
        Moment.from_json(json.dumps(WIRE | wrong))


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused_and_never_crash(payload):
    with pytest.raises(ValidationError):
        Moment.from_json(payload)


def test_ids_sort_by_the_time_of_their_making():
    made = [uuid7(at_ms) for at_ms in range(1_700_000_000_000, 1_700_000_000_050)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(name[14] == "7" and name[19] in "89ab" for name in made)


@pytest.mark.parametrize(
    "unknown", ['"x": NaN', '"x": 1e999', '"place": {"lat": 1, "lon": 2, "x": [{"y": -Infinity}]}'], ids=str
)
def test_an_unknown_field_that_json_cannot_tell_is_refused(unknown):
    payload = json.dumps(WIRE | {"place": None}).removesuffix("}").replace('"place": null, ', "") + f", {unknown}}}"
    with pytest.raises(ValidationError, match="JSON cannot tell"):
        Moment.from_json(payload)
