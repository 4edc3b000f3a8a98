"""What was deleted is in no file, and what cannot be overwritten yet stays noted until it is."""

import threading
import time

import pytest
from sqlalchemy import Integer, LargeBinary, SmallInteger, Text, create_engine, delete, insert, select, text

from hub.query.filter import Filter
from hub.query.sql import condition
from hub.stores.arrival import last_seq
from hub.stores.schema import METADATA
from hub.stores.store import Store
from hub.stores.unfinished import leave_bytes, unscrubbed
from tests.hub.moments import make
from tests.hub.stores.test_store import contains
from tests.parts import wait_until

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


def test_short_questions_that_never_pause_do_not_keep_what_was_erased_in_the_files(store):
    over, done = threading.Event(), []

    def ask():
        while not over.is_set():
            with store.reading() as connection:
                last_seq(connection)
                time.sleep(0.05)

    def write():
        while not over.is_set():
            store.take([make(device="b")])
            time.sleep(0.05)

    others = [threading.Thread(target=work) for work in (ask, ask, write)]
    for other in others:
        other.start()
    for _ in range(3):
        store.take([make(device="a")])
        store.erase(condition(Filter(device=("a",))))
        done.append(store.scrub())
    over.set()
    for other in others:
        other.join()
    assert done == [True, True, True]


@pytest.fixture
def kept(postgres):
    """A store whose user is no superuser, and a way into it for another user who may read."""
    superuser = create_engine(postgres.url(), isolation_level="AUTOCOMMIT")
    with superuser.connect() as connection:
        connection.execute(text("CREATE ROLE keeper LOGIN"))
        connection.execute(text("CREATE ROLE visitor LOGIN IN ROLE pg_read_all_data"))
        connection.execute(text("CREATE SCHEMA kept AUTHORIZATION keeper"))
    urls = [postgres.url("kept").replace("//postgres@", f"//{user}@") for user in ("keeper", "visitor")]
    store, visitor = Store(urls[0]), create_engine(urls[1])
    yield store, visitor
    store.close()
    visitor.dispose()
    with superuser.connect() as connection:
        connection.execute(text("DROP SCHEMA kept CASCADE"))
        connection.execute(text("DROP ROLE keeper, visitor"))
    superuser.dispose()


@pytest.mark.needs("initdb")
@pytest.mark.parametrize(
    ("isolation", "asked"),
    [
        pytest.param("REPEATABLE READ", "SELECT count(*) FROM counters", id="sees-what-was-there"),
        pytest.param("READ COMMITTED", "SELECT count(*) FROM notes", id="holds-a-table"),
        pytest.param("READ COMMITTED", "SELECT pg_current_xact_id()", id="began-to-write"),
    ],
)
def test_what_another_users_transaction_keeps_in_the_files_is_overwritten_when_it_has_ended(
    kept, request, monkeypatch, isolation, asked
):
    monkeypatch.setattr("hub.stores.unfinished.TRIES", 2)
    store, visitor = kept
    moment = make(device="a")
    store.take([moment])
    store.write_note(moment.id, WORD)
    with visitor.connect().execution_options(isolation_level=isolation) as connection:
        connection.execute(text(asked)).all()
        store.erase(condition(Filter(device=("a",))))
        scrubbing = threading.Thread(target=store.scrub_left)
        scrubbing.start()
        scrubbing.join(20)
        waited = scrubbing.is_alive()
    scrubbing.join()
    assert not waited
    assert contains(store, request, WORD)
    with store.reading() as connection:
        assert connection.execute(select(unscrubbed.c.n)).first() is not None
    store.scrub_left()
    assert not contains(store, request, WORD)
    assert not contains(store, request, WORD.lower())


BUSY = {
    "analyze": "SELECT 1 FROM pg_stat_progress_analyze WHERE relid = CAST('looked_at' AS regclass)",
    "vacuum": "SELECT 1 FROM pg_stat_progress_vacuum WHERE relid = CAST('looked_at' AS regclass)",
}


@pytest.fixture
def at_work(postgres):
    """Has the server itself do something with a table, slowly."""
    superuser = create_engine(postgres.url(), isolation_level="AUTOCOMMIT")

    def work(what):
        looks = ", ".join(
            f"autovacuum_{name} = {value}"
            for name, value in (
                ("vacuum_cost_delay", 100),
                ("vacuum_cost_limit", 1),
                ("analyze_threshold", 1 if what == "analyze" else 10**9),
                ("vacuum_threshold", 1 if what == "vacuum" else 10**9),
                ("vacuum_insert_threshold", -1),
            )
        )
        with superuser.connect() as connection:
            connection.execute(text("ALTER SYSTEM SET autovacuum_naptime = 1"))
            connection.execute(text("ALTER SYSTEM SET autovacuum = on"))
            connection.execute(text("SELECT pg_reload_conf()"))
            connection.execute(text(f"CREATE TABLE looked_at (n integer) WITH ({looks})"))
            connection.execute(text("INSERT INTO looked_at SELECT n FROM generate_series(1, 50000) n"))
            connection.execute(text("DELETE FROM looked_at WHERE n % 2 = 0"))
            wait_until(lambda: connection.execute(text(BUSY[what])).scalar(), 30)

    def end():
        with superuser.connect() as connection:
            connection.execute(text("DROP TABLE looked_at"))  # the server leaves it when somebody wants it

    yield work, end
    with superuser.connect() as connection:
        connection.execute(text("DROP TABLE IF EXISTS looked_at"))
        connection.execute(text("ALTER SYSTEM RESET ALL"))
        connection.execute(text("SELECT pg_reload_conf()"))
    superuser.dispose()


@pytest.mark.needs("initdb")
def test_what_the_servers_own_analyze_keeps_in_the_files_is_overwritten_when_it_has_ended(
    kept, at_work, request, monkeypatch
):
    monkeypatch.setattr("hub.stores.unfinished.TRIES", 2)
    store, (work, end) = kept[0], at_work
    moment = make(device="a")
    store.take([moment])
    store.write_note(moment.id, WORD)
    work("analyze")
    store.erase(condition(Filter(device=("a",))))
    store.scrub_left()
    assert contains(store, request, WORD)
    end()
    store.scrub_left()
    assert not contains(store, request, WORD)
    assert not contains(store, request, WORD.lower())


@pytest.mark.needs("initdb")
def test_the_servers_own_vacuum_keeps_nothing_and_is_not_waited_for(kept, at_work, request):
    store, (work, _) = kept[0], at_work
    moment = make(device="a")
    store.take([moment])
    store.write_note(moment.id, WORD)
    work("vacuum")
    store.erase(condition(Filter(device=("a",))))
    store.scrub_left()
    assert not contains(store, request, WORD)
    assert not contains(store, request, WORD.lower())
