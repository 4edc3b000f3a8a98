"""What is old goes when the owner wants it, and what a person made stays."""

import threading
from datetime import timedelta

from hub.config import Retention
from hub.query.filter import Filter
from hub.query.pages import everything
from hub.retention import Retainer, forget_old
from hub.stores.rows import ms
from tests.hub.moments import START, make
from tests.parts import wait_until

NOW = ms(START + timedelta(days=30))
OLD, YOUNG = START, START + timedelta(days=1)


def ids(store):
    return {item["id"] for item in everything(store, Filter())}


def test_only_what_is_older_than_its_kinds_age_is_erased(store):
    speech = [make(start=OLD), make(start=YOUNG)]
    scenes = [make(start=OLD, basis="scene"), make(start=YOUNG, basis="scene")]
    store.take(speech + scenes)
    assert forget_old(store, Retention(), NOW) == 0
    assert forget_old(store, Retention(speech_days=29), NOW) == 1
    assert ids(store) == {speech[1].id, scenes[0].id, scenes[1].id}
    assert store.take(speech) == set()


def test_what_a_person_made_stays(store):
    noted, corrected, marked, written = (
        make(start=OLD),
        make(start=OLD),
        make(start=OLD, origin="mark"),
        make(start=OLD, origin="note", basis="none"),
    )
    passing = make(start=OLD)
    store.take([noted, corrected, marked, written, passing])
    store.write_note(noted.id, "by the sea")
    store.correct(corrected.id, "calm")
    assert forget_old(store, Retention(speech_days=1, scene_days=1), NOW) == 1
    assert ids(store) == {noted.id, corrected.id, marked.id, written.id}


def test_the_hub_does_so_by_itself_and_ends_when_told(store):
    store.take([make(start=OLD)])
    retainer = Retainer(store, Retention(speech_days=1), clock=lambda: NOW)
    retainer.start()
    wait_until(lambda: not ids(store))
    retainer.close()
    assert all(thread.name != "retention" for thread in threading.enumerate())
