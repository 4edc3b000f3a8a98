"""A store of the second version goes over to the third."""

import json
import re
from unicodedata import normalize

import pytest
from sqlalchemy import insert, select

from hub.query import pages
from hub.query.filter import Filter
from hub.stores import checking, migrations, rows, version2, words
from hub.stores.beside import commands
from hub.stores.tables import moments
from moments import Scene
from tests.hub.moments import make
from tests.hub.stores.test_store import contains


@pytest.fixture
def store(any_store):
    return any_store


def words_then(text):
    return re.findall(r"[^\W_]+", normalize("NFC", text.lower()))


def as_then(monkeypatch, store, taken, noted):
    """Fill a store as the second version did."""
    with monkeypatch.context() as then:
        then.setattr(words, "words", words_then)
        then.setattr(rows, "said", lambda _: None)
        store.take(taken)
        for moment, note in noted:
            store.write_note(moment.id, note)


def go_over(store):
    with store.writing() as connection:
        newest = migrations.newest()
        migrations.migrate(connection, 2, lambda: store._at.make(connection, newest))


def found(store, text):
    with store.reading() as connection:
        return {item["id"] for item in pages.page(connection, Filter(text=text), pages.Paging()).items}


def test_words_of_notes_and_scenes_are_found_anew_and_let_go_as_they_were_indexed(monkeypatch, store):
    noted = [(make(), "हम नदी दूर तक गए"), (make(), "हिन्दी में लिखा"), (make(), "İstanbul'da")]
    heard = make(scene=Scene(label="नदी", group="हवा", confidence=0.5))
    as_then(monkeypatch, store, [heard, *(moment for moment, _ in noted)], noted)
    go_over(store)
    assert found(store, "हिन्दी") == {noted[1][0].id}
    assert found(store, "istanbul") == {noted[2][0].id}
    assert found(store, "नदी") == {noted[0][0].id, heard.id}
    assert found(store, "हवा") == {heard.id}
    for moment, _ in noted:
        store.write_note(moment.id, "")
    assert found(store, "ह") == {heard.id}
    assert checking.faults(store) == []


def test_words_of_a_mark_do_not_stay_with_its_command(store, request):
    orders = {"1": ("mark", {"note": "xylophone"}), "2": ("erase", {"ids": ["a", '"note":']})}
    with store.writing() as connection:
        for name, (do, args) in orders.items():
            body = json.dumps({"id": name, "do": do, "args": args}, separators=(",", ":"))
            connection.execute(insert(commands).values(id=name, device="pocket-1", body=body, sent_ms=1))
    go_over(store)
    store.scrub_left()
    with store.reading() as connection:
        kept = dict(connection.execute(select(commands.c.id, commands.c.body)).all())
    assert {name: json.loads(body)["args"] for name, body in kept.items()} == {"1": {}, "2": orders["2"][1]}
    assert not contains(store, request, "xylophone")


def test_a_note_said_with_a_mark_stands_beside_its_moment_alone(monkeypatch, store):
    kept = make(origin="mark", note="the rain stopped", colour="red")
    taken_away, unsaid = make(origin="mark", note="not for the hub"), make(colour="blue")
    as_then(monkeypatch, store, [kept, taken_away, unsaid], [(kept, "the rain stopped")])
    go_over(store)
    with store.reading() as connection:
        extra = dict(connection.execute(select(moments.c.id, moments.c.extra)).all())
        shown = pages.one(connection, kept.id, Filter())
    assert (shown["note"], shown["colour"]) == ("the rain stopped", "red")
    left = [extra[rows.key(moment.id)] for moment in (kept, taken_away, unsaid)]
    assert left == [b'{"moment":{"colour":"red"}}', None, b'{"moment":{"colour":"blue"}}']


def test_it_is_told_once_how_many_notes_said_with_a_mark_stand_nowhere_from_here_on(monkeypatch, store, caplog):
    monkeypatch.setattr(version2, "_STEP", 1)
    kept, written_over, empty = (make(origin="mark", note=said) for said in ("one", "two", ""))
    gone = [make(origin="mark", note="three"), make(origin="mark", note="four")]
    as_then(monkeypatch, store, [kept, gone[0], written_over, empty, gone[1]], [(kept, "one"), (written_over, "2")])
    go_over(store)
    assert [record.notes for record in caplog.records if "said with a mark" in record.getMessage()] == [2]


def test_a_note_that_was_cut_when_it_became_one_is_whole_again_unless_it_was_written_anew(monkeypatch, store):
    said = "the rain stopped, " * 1000 + "says the quokka"
    cut, written_over = make(origin="mark", note=said), make(origin="mark", note=said)
    as_then(monkeypatch, store, [cut, written_over], [(cut, said[:10_000]), (written_over, said[:9_000])])
    go_over(store)
    with store.reading() as connection:
        shown = [pages.one(connection, moment.id, Filter())["note"] for moment in (cut, written_over)]
    assert shown == [said, said[:9_000]]
    assert found(store, "quokka") == {cut.id}
    store.write_note(cut.id, "")
    assert found(store, "rain") == {written_over.id}
