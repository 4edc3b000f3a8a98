"""What was deleted is in no file, and what cannot be overwritten yet stays noted until it is."""

import time

from sqlalchemy import Integer, LargeBinary, SmallInteger, Text, delete, insert, select

from hub.query.filter import Filter
from hub.query.sql import condition
from hub.stores.arrival import last_seq
from hub.stores.schema import METADATA
from hub.stores.unfinished import leave_bytes, unscrubbed
from tests.hub.moments import make
from tests.hub.stores.test_store import contains

WORD, KEY, NUMBER = "Wombatterie", "Quollektor", "Qzxq"
LASTING = ("moments", "counters", "unscrubbed", "erased")
"""Moments have tests of their own; what the others hold is not a person's, or stays."""


def value(column):
    """A value that is known again in a file, where the column has room for one."""
    number = int.from_bytes(NUMBER.encode(), "big")
    for kind, known in ((Text, WORD), (LargeBinary, KEY.encode()), (SmallInteger, 0), (Integer, number)):
        if isinstance(column.type, kind):
            return known
    return column.type.python_type(0)


def test_nothing_of_a_deleted_row_of_any_table_is_left_in_any_file(store, request):
    tables = [table for table in METADATA.sorted_tables if table.name not in LASTING]
    marks = [WORD, KEY, NUMBER[::-1] if store.shared else NUMBER]
    with store.writing() as connection:
        for table in tables:
            connection.execute(insert(table).values({one.name: value(one) for one in table.c if one.name != "n"}))
    assert [contains(store, request, mark) for mark in marks] == [True, True, True]
    with store.writing() as connection:
        for table in tables:
            connection.execute(delete(table))
        leave_bytes(connection)
    store.scrub_left()
    assert [contains(store, request, mark) for mark in marks] == [False, False, False]


def test_what_a_reader_keeps_in_the_files_is_overwritten_when_it_has_gone(store, request, monkeypatch, caplog):
    monkeypatch.setattr("hub.stores.unfinished.TRIES", 2)
    moment = make(device="a")
    store.take([moment])
    store.write_note(moment.id, WORD)
    with store.reading() as connection:
        last_seq(connection)
        store.erase(condition(Filter(device=("a",))))
        store.scrub_left()
    assert "is in the files while somebody reads it" in caplog.text
    assert contains(store, request, WORD)
    with store.reading() as connection:
        assert connection.execute(select(unscrubbed.c.n)).first() is not None
    store.scrub_left()
    assert not contains(store, request, WORD)
    assert not contains(store, request, WORD.lower())


def test_a_reader_is_not_waited_for_while_those_who_write_wait(store, monkeypatch):
    monkeypatch.setattr("hub.stores.unfinished.TRIES", 1)
    store.take([make(device="a")])
    with store.reading() as connection:
        last_seq(connection)
        store.erase(condition(Filter(device=("a",))))
        began = time.monotonic()
        store.scrub_left()
        assert time.monotonic() - began < 5
