"""The store keeps each moment once, and forgets completely."""

import base64
import json
import random
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError

from hub.query import pages
from hub.query.filter import Filter
from hub.query.sql import condition
from hub.stores.arrival import last_seq
from hub.stores.store import Report
from moments import Clip, Models, Moment, Place, Rule, Scene, uuid7
from tests.hub.moments import make


def ids(store):
    return [item["id"] for item in pages.everything(store, Filter())]


def test_a_moment_is_stored_once_however_often_it_comes(store):
    moment = make()
    assert store.take([moment, moment]) == {moment.id}
    assert store.take([moment]) == set()
    assert ids(store) == [moment.id]


def test_unknown_fields_survive(store):
    wire = make().to_json()[:-1] + b',"mood_ring":{"colour":"\xed\x8c\x8c\xeb\x9e\x91"}}'
    store.take([Moment.from_json(wire)])
    (item,) = pages.everything(store, Filter())
    assert item["mood_ring"] == {"colour": "파랑"}


def test_what_was_said_with_a_mark_is_its_note(store):
    marked, silent = make(note="the rain\0 stopped"), make(note=["no words"])
    store.take([marked, silent])
    with store.reading() as connection:
        assert pages.total(connection, Filter(text="rain")) == (1, True)
        assert pages.total(connection, Filter(has=("note",))) == (1, True)


def test_a_long_note_said_with_a_mark_is_kept_to_its_end(store):
    said = "the rain stopped, " * 1000 + "says the quokka"
    marked = make(origin="mark", note=said)
    store.take([marked])
    with store.reading() as connection:
        (found,) = pages.page(connection, Filter(text="quokka"), pages.Paging()).items
    assert (found["id"], found["note"]) == (marked.id, said)


def test_what_a_failure_tells_holds_no_word_of_what_was_asked(store):
    with store.reading() as connection, pytest.raises(DatabaseError) as error:
        connection.execute(text("SELECT 1 FROM nowhere WHERE words = :words"), {"words": "in therapy"})
    assert "nowhere" in str(error.value)
    assert "therapy" not in str(error.value)


def test_a_batch_that_fails_leaves_nothing(store):
    moment = make()
    with pytest.raises(Exception, match="kind_that_is_none"):
        store.take([moment], reports=[Report("pocket-1", "kind_that_is_none", "{}")])
    assert ids(store) == []


def test_a_place_in_the_order_of_arrival_is_never_used_twice(store):
    store.take([make(), make()])
    with store.reading() as connection:
        before = last_seq(connection)
    store.erase(condition(Filter(device=("pocket-1",))))
    store.take([make()])
    with store.reading() as connection:
        assert last_seq(connection) > before


def test_readers_are_served_while_devices_are_heard(store):
    store.take([make()])
    with store.reading() as connection:
        assert len(pages.page(connection, Filter(), pages.Paging()).items) == 1
        writer = threading.Thread(target=store.take, args=([make()],))
        writer.start()
        writer.join(5)
        assert not writer.is_alive()
        assert len(pages.page(connection, Filter(), pages.Paging()).items) == 1  # as it was when the reading began
    assert len(ids(store)) == 2


MARK = "Zyzzogeton"


def test_nothing_of_an_erased_moment_is_left_in_any_file(store, request):
    marked = [
        make(
            id=uuid7(),
            scene=Scene(label=f"{MARK}-{n}", group=MARK, confidence=0.5),
            rule=Rule(id=MARK, because=MARK),
            models=Models(gate=MARK),
            said=MARK,
        )
        for n in range(60)
    ]
    other = make()
    store.take([*marked, other])
    for moment in marked:
        store.write_note(moment.id, f"{MARK} was here, {moment.id}")
        store.correct(moment.id, "calm")
    store.write_note(other.id, "stays")
    assert contains(store, request, MARK) or contains(store, request, MARK.lower())
    assert store.erase(condition(Filter(text=MARK))) == 60
    store.scrub_left()
    assert not contains(store, request, MARK)
    assert not contains(store, request, MARK.lower())
    assert store.take(marked) == set()
    assert ids(store) == [other.id]
    with store.reading() as connection:
        assert pages.total(connection, Filter(text="stays")) == (1, True)


def test_nothing_of_a_note_that_was_taken_away_or_written_over_is_left_in_any_file(store, request):
    said, typed = make(origin="mark", note=f"{MARK} was here", colour="red"), make()
    store.take([said, typed])
    store.write_note(typed.id, f"{MARK} was there")
    store.write_note(said.id, "")
    store.write_note(typed.id, "something else")
    assert contains(store, request, MARK) or contains(store, request, MARK.lower())
    store.scrub_left()
    assert not contains(store, request, MARK)
    assert not contains(store, request, MARK.lower())
    with store.reading() as connection:
        assert pages.one(connection, said.id, Filter())["colour"] == "red"
        assert [pages.total(connection, Filter(text=text))[0] for text in (MARK, "else")] == [0, 1]


def contains(store, request, mark):
    """Whether a word is in any file of the store's tables, as they lie on the disk."""
    if store.shared:
        cluster = request.getfixturevalue("postgres")
        folder = cluster.folder / "data" / "base"
        superuser = create_engine(cluster.url())
        with superuser.connect() as connection:
            connection.exec_driver_sql("CHECKPOINT")
        superuser.dispose()
    else:
        folder = store.path.parent
    return any(mark.encode() in file.read_bytes() for file in folder.rglob("*") if file.is_file())


LONG = base64.b64encode(random.Random(1).randbytes(9000)).decode()  # no compressing makes it short

numbers = (
    st.floats(-1e4, 1e4) | st.integers(-10_000, 10_000).map(lambda n: n / 10_000) | st.integers(-99, 99).map(float)
)
unknown = st.sampled_from(("", "파랑", LONG))
shares = st.floats(0, 1) | st.integers(0, 10_000).map(lambda n: n / 10_000)


@st.composite
def any_moment(draw):
    """A moment with digits and fields that no column was made for."""
    more = draw(st.dictionaries(st.sampled_from(("ring", "colour")), st.text('aé파"', max_size=3), max_size=2))
    return make(
        scene=draw(
            st.none() | st.builds(Scene, label=st.just("a"), group=st.just("b"), confidence=shares, more=numbers)
        ),
        place=draw(
            st.none()
            | st.builds(
                Place,
                lat=st.floats(-90, 90),
                lon=st.floats(-180, 180),
                accuracy_m=st.none() | numbers.map(abs),
                altitude_m=st.none() | numbers,
                age_s=numbers.map(abs),
            )
        ),
        rule=draw(
            st.none() | st.builds(Rule, id=st.just("r"), because=st.text(max_size=5), weight=numbers, why=unknown)
        ),
        models=draw(st.builds(Models, gate=st.just("g"), build=unknown)),
        clip=draw(
            st.none()
            | st.builds(
                Clip, sha256=st.just("0f" * 32), seconds=numbers.map(lambda n: abs(n) + 1), media_type=st.just("a/b")
            )
        ),
        level_dbfs=draw(st.none() | st.floats(-120, 20)),
        seconds=draw(numbers.map(abs)),
        clock=draw(st.sampled_from(("synced", "gps", "free"))),
        continues=draw(st.sampled_from((None, uuid7()))),
        **more,
    )


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(any_moment(), min_size=1, max_size=8))
def test_a_moment_comes_back_as_it_was_published(store, held):
    store.take(held)
    with store.reading() as connection:
        for moment in held:
            item = pages.one(connection, moment.id, Filter())
            assert (item.pop("note"), item.pop("correction")) == (None, None)
            assert item == json.loads(moment.to_json())
            assert list(item)[:23] == list(json.loads(moment.to_json()))[:23]


def test_who_waits_to_write_gets_in_while_much_is_erased(store, monkeypatch):
    from hub.stores import erasing

    monkeypatch.setattr(erasing, "_STRETCH", 1)
    store.take([make(device="a") for _ in range(100)])
    writer = threading.Thread(target=store.take, args=([make(device="b")],))
    earnest = erasing.erase_some

    def until_it_got_in(connection, asked):
        if writer.ident is None:
            writer.start()
        return earnest(connection, asked) if writer.is_alive() else (0, False)

    monkeypatch.setattr("hub.stores.store.erase_some", until_it_got_in)
    assert store.erase(condition(Filter(device=("a",)))) < 50
    writer.join()


def test_erasing_leaves_what_arrives_meanwhile(store, monkeypatch):
    from hub.stores import erasing

    monkeypatch.setattr(erasing, "_STRETCH", 2)
    first, late = [make() for _ in range(5)], make()
    store.take(first)
    earnest = erasing.erase_some

    def and_one_arrives(connection, asked):
        if not arrived:
            arrived.append(True)
            store._insert(connection, [late], {"pocket-1": 1})
        return earnest(connection, asked)

    arrived = []
    monkeypatch.setattr("hub.stores.store.erase_some", and_one_arrives)
    assert store.erase(condition(Filter(device=("pocket-1",)))) == 5
    assert ids(store) == [late.id]
