"""Buckets equal what plain Python counts, for generated moments."""

import dataclasses
from collections import Counter
from datetime import timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.query.filter import Filter, parse
from hub.query.sql import condition
from hub.query.summary import summary
from moments import EMOTIONS, Scene, uuid7
from tests.hub.query.test_filter_sql import DAY, FOUND_AT_ONCE, OWNERS, ZONES, filled, means, queries, stored

bounded = st.one_of(  # what sums that were made before can tell
    st.tuples(st.sampled_from(("from", "to")), st.integers(-2, 2).map(lambda n: (DAY + timedelta(days=n)).isoformat())),
    st.tuples(st.just("emotion"), st.sampled_from(EMOTIONS)),
    st.tuples(st.just("device"), st.sampled_from(sorted(OWNERS))),
    st.tuples(st.just("owner"), st.sampled_from(("Ann", "Bo"))),
    st.tuples(st.sampled_from(("from", "to")), st.sampled_from(("2026-03-28T10:00:00+05:45", "2026-03-29T01:15:00Z"))),
)

NAMES = {
    "hour": lambda _, at: f"{at:%Y-%m-%dT%H}",
    "day": lambda _, at: f"{at:%Y-%m-%d}",
    "week": lambda _, at: f"{at.isocalendar()[0]}-W{at.isocalendar()[1]:02d}",
    "month": lambda _, at: f"{at:%Y-%m}",
    "hour_of_day": lambda _, at: at.hour,
    "weekday": lambda _, at: at.isoweekday(),
    "scene": lambda moment, _: moment.scene and moment.scene.label,
    "device": lambda moment, _: moment.device,
    "emotion": None,  # what was felt, given below
}


def at_offset(moment, minutes):
    return moment.model_copy(update={"start": moment.start.astimezone(timezone(timedelta(minutes=minutes)))})


@pytest.mark.slow
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    phases=FOUND_AT_ONCE,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(stored(), min_size=1, max_size=15),
    st.lists(st.sampled_from(sorted(NAMES)), min_size=1, max_size=2, unique=True),
    st.none() | st.sampled_from(ZONES),
    queries() | st.just([]) | st.lists(bounded, max_size=2, unique_by=lambda pair: pair[0]),
    st.booleans(),
    st.none() | st.sampled_from((540, -210, 345, 7)),
)
def test_buckets_are_what_plain_python_counts(new_store, held, by, tz, query, erase, offset_min):
    if offset_min is not None:  # they were in one place all the time
        held = [(at_offset(moment, offset_min), note, correction) for moment, note, correction in held]
    filter_ = dataclasses.replace(parse(query)[0], tz=tz)
    expected = {}
    for moment, note, correction in held:
        at = moment.start.astimezone(ZoneInfo(tz)) if tz else moment.start
        felt = correction or moment.emotion
        names = tuple(felt if kind == "emotion" else NAMES[kind](moment, at) for kind in by)
        if means(filter_, moment, note, correction):
            expected.setdefault(names, []).append((moment, correction))
    gone = Scene(label="gone", group="gone", confidence=1.0)
    extra = [(moment.model_copy(update={"id": uuid7(), "scene": gone}), note, other) for moment, note, other in held]
    store = filled(new_store(), [*held, *extra] if erase else held)
    if erase:
        assert store.erase(condition(Filter(scene=("gone",)))) == len(extra)
    with store.reading() as connection:
        buckets = summary(connection, filter_, tuple(by))
    assert len(buckets) == len(expected)
    for bucket in buckets:
        inside = expected[tuple(bucket[kind] for kind in by)]
        felt = [moment for moment, _ in inside if moment.valence is not None]
        emotions = Counter(correction or moment.emotion for moment, correction in inside)
        del emotions[None]
        assert bucket["count"] == len(inside)
        assert bucket["emotions"] == emotions
        assert bucket["seconds"] == pytest.approx(sum(moment.seconds for moment, _ in inside))
        for affect in ("valence", "arousal"):
            mean = sum(getattr(moment, affect) for moment in felt) / len(felt) if felt else None
            assert bucket[affect] == (pytest.approx(mean) if felt else None)


def test_a_place_is_the_middle_of_its_cell(store):
    from moments import Place
    from tests.hub.moments import make

    corners = [(-90.0, -180.0), (0.0, 0.0), (-0.0001, -0.0001), (90.0, 180.0)]
    store.take([make(place=Place(lat=lat, lon=lon)) for lat, lon in corners])
    with store.reading() as connection:
        middles = [bucket["place"] for bucket in summary(connection, Filter(), ("place",))]
    assert len(middles) == 4
    for (lat, lon), middle in zip(sorted(corners), sorted(middles, key=lambda m: (m["lat"], m["lon"])), strict=True):
        assert abs(middle["lat"] - lat) <= 0.0025 + 1e-9
        assert abs(middle["lon"] - lon) <= 0.0025 + 1e-9
