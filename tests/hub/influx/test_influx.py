"""A real InfluxDB has what the store has, says what the store says, and forgets what the store forgets."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, update

from hub.config import Influx
from hub.influx import points
from hub.influx.buckets import parts, tells
from hub.influx.feeder import Feeder, caught_up, check
from hub.influx.server import Refused, Server, Unreachable
from hub.metrics import Metrics
from hub.query.filter import Filter, parse
from hub.query.sql import condition
from hub.query.summary import summary
from hub.stores.store import Store
from hub.stores.tables import counters
from moments import Scene
from moments.errors import WorkError
from tests.hub.influx.feeding import feed, feeder, ids, new_bucket, short
from tests.hub.moments import make
from tests.hub.query.test_filter_sql import FOUND_AT_ONCE, ZONES, filled, queries, stored
from tests.influx import InfluxDB
from tests.parts import wait_until

pytestmark = pytest.mark.needs("influxd", "nginx")


def written_from_here(server, monkeypatch):
    """Give the points of moments that are written from here on, in a list that grows."""
    found, write = [], server.write

    def note(lines):
        found.extend(line for line in lines if line.startswith("moment,"))
        write(lines)

    monkeypatch.setattr(server, "write", note)
    return found


def test_it_is_filled_from_the_beginning_and_goes_on_where_it_was(store, server, monkeypatch):
    first, later = [make() for _ in range(30)], [make(device="pocket-2")]
    store.take(first)
    feed(feeder(store, server))
    store.take(later)
    written = written_from_here(server, monkeypatch)
    feed(feeder(store, server))
    assert len(written) == 1
    assert ids(server) == sorted(map(short, first + later))


def test_another_bucket_is_fed_from_the_beginning(influx, store, server):
    kept = [make() for _ in range(30)]
    store.take(kept)
    feed(feeder(store, server))
    other = new_bucket(influx)
    with store.reading() as connection:
        assert parts(connection, other, Filter(), ("day",)) is None
    feed(feeder(store, other))
    assert ids(other) == sorted(map(short, kept))
    other.close()


def test_a_bucket_that_is_fed_again_has_nothing_that_was_erased_meanwhile(influx, store, server):
    kept, gone = make(device="a"), make(device="b")
    store.take([kept, gone])
    feed(feeder(store, server))
    other = new_bucket(influx)
    feeding = feeder(store, other)
    feed(feeding)
    store.erase(condition(Filter(device=("b",))))
    feed(feeding)
    feed(feeder(store, server))
    assert ids(server) == ids(other) == [short(kept)]
    other.close()


def empty_in_place(server):
    server.ask(f'DROP DATABASE "{server._bucket}"')
    server.make()


def test_a_bucket_that_was_emptied_answers_nothing_and_is_fed_anew(store, server):
    kept = [make() for _ in range(30)]
    store.take(kept)
    feed(feeder(store, server))
    with store.reading() as connection:
        assert parts(connection, server, Filter(), ("day",))
    empty_in_place(server)
    with store.reading() as connection:
        assert parts(connection, server, Filter(), ("day",)) is None
    feeding = feeder(store, server)
    with store.reading() as connection:
        assert not caught_up(connection)
    feed(feeding)
    assert ids(server) == sorted(map(short, kept))


def test_a_bucket_that_is_emptied_while_the_hub_runs_is_fed_anew(store, server, monkeypatch):
    monkeypatch.setattr("hub.influx.feeder._LOOK_S", 0.0)
    store.take([make()])
    feeding = Feeder(store, server, Metrics(), allow_undeletable=False)
    feeding.start()
    try:
        wait_until(lambda: ids(server))
        empty_in_place(server)
        wait_until(lambda: ids(server))
    finally:
        feeding.close()


def test_a_store_that_does_not_know_which_bucket_it_fed_feeds_it_from_the_beginning(store, server):
    kept = [make() for _ in range(3)]
    store.take(kept)
    with store.writing() as connection:
        connection.execute(insert(counters).values(name="influx", value=3))
    feed(feeder(store, server))
    assert ids(server) == sorted(map(short, kept))


def test_a_server_that_does_not_show_its_marks_goes_on_where_it_was(store, server, monkeypatch):
    def no():
        raise Refused("there is no InfluxQL here")

    monkeypatch.setattr(server, "marks", no)
    store.take([make()])
    feed(feeder(store, server))
    written = written_from_here(server, monkeypatch)
    feed(feeder(store, server))
    assert written == []


def test_a_bucket_that_keeps_points_for_a_time_is_known_as_long_as_it_is_looked_at(store, server, monkeypatch):
    store.take([make()])
    with monkeypatch.context() as patch:
        patch.setattr("time.time_ns", lambda: 1_700_000_000_000_000_000)
        feeding = feeder(store, server)
    feed(feeding)
    feeding._recognise()
    server.ask('DELETE FROM "moodscape_feed" WHERE time < now() - 1h')
    written = written_from_here(server, monkeypatch)
    feed(feeder(store, server))
    assert written == []


def test_what_is_older_than_the_bucket_keeps_is_left_out_and_the_store_answers_for_it(store, server):
    now = datetime.now(UTC)
    young, old = [make(start=now) for _ in range(2)], make(start=now - timedelta(hours=2))
    server.ask(f'ALTER RETENTION POLICY "autogen" ON "{server._bucket}" DURATION 1h SHARD DURATION 1h')
    feeding = feeder(store, server)
    store.take(young[:1])
    feed(feeding)
    with store.reading() as connection:
        assert parts(connection, server, Filter(), ("day",))
    store.take([old, *young[1:]])
    feed(feeding)
    assert ids(server) == sorted(map(short, young))
    with store.reading() as connection:
        assert caught_up(connection)
        assert parts(connection, server, Filter(), ("day",)) is None


def test_what_is_sent_again_overwrites_itself_and_two_moments_never_do(store, server, monkeypatch):
    monkeypatch.setattr(points, "slot", lambda _: 7)  # as if all ids ended alike
    same = [make() for _ in range(5)]
    store.take(same[:2])
    feeding = feeder(store, server)
    feed(feeding)
    store.take(same[2:])
    with store.writing() as connection:
        connection.execute(update(counters).where(counters.c.name == "influx").values(value=0))
    feed(feeding)
    assert ids(server) == sorted(map(short, same))


def test_what_is_erased_is_erased_there_and_what_shared_its_time_stays(store, server, monkeypatch):
    monkeypatch.setattr("hub.influx.feeder.slot", lambda _: 7)
    monkeypatch.setattr(points, "slot", lambda _: 7)
    same = [make(scene=Scene(label=f"s{n}", group="g", confidence=1.0)) for n in range(3)]
    store.take(same)
    feeding = feeder(store, server)
    feed(feeding)
    assert store.erase(condition(Filter(scene=("s0", "s1")))) == 2
    feed(feeding)
    assert ids(server) == [short(same[2])]
    with store.reading() as connection:
        assert caught_up(connection)


def test_a_correction_moves_the_point_to_what_was_felt(store, server):
    moment = make()
    store.take([moment])
    feeding = feeder(store, server)
    feed(feeding)
    store.correct(moment.id, "sadness")
    feed(feeding)
    (series,) = server.ask('SELECT COUNT(seconds) FROM "moment" GROUP BY "emotion"')
    assert series["tags"] == {"emotion": "sadness"}


def test_a_server_that_is_away_gets_all_when_it_is_back(store, tmp_path):
    influx = InfluxDB(tmp_path).start()
    server = Server(Influx(url=influx.url))
    feeding = Feeder(store, server, Metrics(), allow_undeletable=False)
    feeding.start()
    try:
        store.take([make()])
        influx.kill()
        late = [make() for _ in range(10)]
        store.take(late)
        influx.start()

        def all_there():
            with store.reading() as connection:
                return caught_up(connection)

        wait_until(all_there, 30, 0.1)
        assert len(ids(server)) == 11
    finally:
        feeding.close()
        influx.stop()


def test_a_server_that_cannot_erase_is_refused_unless_that_is_allowed(store, server, monkeypatch):
    def no(*_):
        raise Refused("DELETE is not known")

    monkeypatch.setattr(server, "delete", no)
    with pytest.raises(WorkError, match="cannot erase"):
        check(server, allow_undeletable=False)
    check(server, allow_undeletable=True)
    store.take([make()])
    feeding = feeder(store, server, allow_undeletable=True)
    feed(feeding)
    store.erase(condition(Filter(device=("pocket-1",))))
    feed(feeding)
    assert len(ids(server)) == 1


def test_summaries_come_from_the_store_while_it_is_away(store):
    from hub.influx.buckets import Series

    store.take([make()])
    away = Server(Influx(url="http://127.0.0.1:9"))
    with store.writing() as connection:
        kept = {"influx": 1, f"influx feed {away.place}": 7}
        connection.execute(insert(counters), [{"name": name, "value": value} for name, value in kept.items()])
    with store.reading() as connection:
        with pytest.raises(Unreachable):
            parts(connection, away, Filter(), ("day",))
        assert summary(connection, Filter(), ("day",), Series(away)) == summary(connection, Filter(), ("day",))
    away.close()


@pytest.mark.slow
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=FOUND_AT_ONCE,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(stored(), min_size=1, max_size=15),
    st.lists(
        st.tuples(
            st.sampled_from(("hour", "day", "week", "month", "hour_of_day", "weekday")),
            st.sampled_from((None, "emotion", "device", "scene")),
            queries() | st.just([]),
            st.none() | st.sampled_from(ZONES),
        ),
        min_size=4,
        max_size=8,
    ),
)
def test_buckets_of_time_are_what_the_store_says(influx, tmp_path, held, asked):
    server = new_bucket(influx)
    store = filled(Store(tmp_path / f"{server.place}.db"), held)
    feed(feeder(store, server))
    with store.reading() as connection:
        for time, other, query, tz in asked:
            by = (time, other) if other else (time,)
            filter_ = dataclasses.replace(parse(query)[0], tz=tz)
            told = parts(connection, server, filter_, by)
            assert (told is not None) == tells(filter_, by)
            here = summary(connection, filter_, by)
            there = summary(connection, filter_, by, lambda *_, told=told: told)
            assert len(here) == len(there), (by, filter_)
            for one, two in zip(here, there, strict=True):
                assert {
                    name: value for name, value in two.items() if name not in {"valence", "arousal", "seconds"}
                } == {name: value for name, value in one.items() if name not in {"valence", "arousal", "seconds"}}, (
                    by,
                    filter_,
                )
                for name in ("valence", "arousal", "seconds"):
                    assert two[name] == (None if one[name] is None else pytest.approx(one[name], abs=1e-9))
    server.close()
    store.close()
