"""Where devices were on each day is what the moments say, whoever adds up or erases at the same time."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from hub.explore import place_days as place_days_of
from hub.explore.place_days import PlaceDays
from hub.forgetting import without_broker
from hub.query.filter import Filter
from hub.records.sounds import Sounds
from hub.stores.beside import place_days
from hub.stores.store import Ending
from tests.hub.moments import START, make


@pytest.fixture
def forgetting(any_store, tmp_path):
    return without_broker(any_store, Sounds(tmp_path / "sounds"))


@pytest.fixture
def meanwhile(monkeypatch):
    """Has something else happen once, when a stretch was added up and is not written yet."""

    def happens(something):
        added = place_days_of._added

        def raced(*asked):
            monkeypatch.setattr(place_days_of, "_added", added)
            found = added(*asked)
            something()
            return found

        monkeypatch.setattr(place_days_of, "_added", raced)

    return happens


def counts(store):
    with store.reading() as connection:
        return list(connection.execute(select(place_days.c["count"])).scalars())


def test_places_are_added_up_anew(any_store, forgetting):
    any_store.take([make(), make(emotion="anger")])
    PlaceDays(any_store).refresh()
    forgetting.matching(Filter(emotion=("anger",)))
    assert counts(any_store) == [1]
    forgetting.matching(Filter(device=("pocket-1",)))
    assert counts(any_store) == []


def test_of_many_days_some_are_added_up_at_a_time_and_what_the_hubs_end_leaves_is_done_later(
    any_store, forgetting, monkeypatch
):
    monkeypatch.setattr(place_days_of, "_DAYS", 2)
    days = [START + timedelta(days=n) for n in range(5)]
    any_store.take([make(start=start, emotion=emotion) for start in days for emotion in ("anger", "calm")])
    PlaceDays(any_store).refresh()
    any_store.interrupt()
    with pytest.raises(Ending):
        forgetting.matching(Filter(emotion=("anger",)))
    assert sorted(counts(any_store)) == [1, 1, 2, 2, 2]
    monkeypatch.setattr(any_store, "_ending", False)
    forgetting.finish()
    assert counts(any_store) == [1] * 5


def test_two_hubs_that_add_up_places_at_once_count_each_moment_once(any_store, meanwhile):
    any_store.take([make() for _ in range(10)])
    meanwhile(PlaceDays(any_store).refresh)
    PlaceDays(any_store).refresh()
    assert counts(any_store) == [10]


def test_what_another_process_erases_while_places_are_added_up_is_not_counted(
    any_store, forgetting, meanwhile, monkeypatch
):
    monkeypatch.setattr("hub.stores.unfinished.TRIES", 1)
    any_store.take([make(device="a"), make(device="b")])
    meanwhile(lambda: forgetting.matching(Filter(device=("a",))))
    PlaceDays(any_store).refresh()
    assert counts(any_store) == [1]
