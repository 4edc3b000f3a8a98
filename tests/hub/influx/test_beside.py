"""A store whose InfluxDB is switched off keeps nothing for it."""

import pytest
from sqlalchemy import insert, select

from hub import influx as part
from hub.config import Influx
from hub.influx.feeder import caught_up, fed
from hub.metrics import Metrics
from hub.query.filter import Filter
from hub.query.sql import condition
from hub.stores.leaving import FED
from hub.stores.store import Store
from hub.stores.tables import counters, leaving
from hub.stores.unfinished import unscrubbed
from tests.hub.influx.feeding import feed, feeder, ids, short
from tests.hub.moments import make

ANNS = condition(Filter(device=("anns",)))


def switch_off(store):
    assert part.beside(store, Influx(), Metrics()) is None


def rows(store, table):
    with store.reading() as connection:
        return connection.execute(select(table)).all()


def erased_while_fed(store):
    """What an InfluxDB that is away is still to be told."""
    with store.writing() as connection:
        connection.execute(insert(counters).values(name=FED, value=0))
    store.take([make(device="anns")])
    store.erase(ANNS)
    store.scrub_left()
    assert len(rows(store, leaving)) == 1


def test_what_influxdb_was_still_to_be_told_is_gone_and_overwritten_once_it_is_switched_off(store):
    erased_while_fed(store)
    switch_off(store)
    assert rows(store, leaving) == []
    assert len(rows(store, unscrubbed)) == 1


def test_what_is_erased_after_influxdb_was_switched_off_is_noted_for_nobody(store):
    erased_while_fed(store)
    switch_off(store)
    store.take([make(device="anns")])
    store.erase(ANNS)
    assert rows(store, leaving) == []


def test_a_store_that_never_had_an_influxdb_has_nothing_to_overwrite(store):
    switch_off(store)
    assert rows(store, unscrubbed) == []


@pytest.mark.needs("initdb")
def test_a_hub_without_influxdb_leaves_the_feed_of_another_that_shares_its_store(postgres):
    store = Store(postgres.new())
    erased_while_fed(store)
    switch_off(store)
    assert len(rows(store, leaving)) == 1
    with store.reading() as connection:
        assert fed(connection) == 0
    store.close()


@pytest.mark.needs("influxd", "nginx")
def test_a_feed_that_is_switched_on_again_begins_anew_without_what_was_erased_meanwhile(store, server):
    kept, gone = make(device="bens"), make(device="anns")
    store.take([kept, gone])
    feed(feeder(store, server))
    switch_off(store)
    store.erase(ANNS)
    feed(feeder(store, server))
    assert ids(server) == [short(kept)]
    with store.reading() as connection:
        assert caught_up(connection)
