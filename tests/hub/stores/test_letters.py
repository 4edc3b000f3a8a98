"""Dead letters stay within bounds, one device's never at the cost of another's, and what is dropped is counted."""

import logging

import pytest
from sqlalchemy import select

from hub.api.app import create_app
from hub.stores import letters
from hub.stores.letters import HOLD_DAYS, Letter, dropped, now_ms
from hub.stores.tables import letters as table
from tests.hub.conftest import serving

DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(letters, "MOST", 20)
    monkeypatch.setattr(letters, "MOST_BYTES", 10_000)
    monkeypatch.setattr(letters, "_UNCHECKED", 1)


def of(device, numbers, size=6):
    topic = f"moodscape/v1/{device}/moment"
    return [Letter(topic, "is none", f"{n:06}".encode().rjust(size, b"x")) for n in numbers]


def kept(store, device):
    """Give the numbers of a device's letters, the oldest first."""
    asked = select(table.c.payload).where(table.c.topic.like(f"%/{device}/%")).order_by(table.c.n)
    with store.reading() as connection:
        return [int(bytes(payload)[-6:]) for payload in connection.execute(asked).scalars()]


def gone(store):
    with store.reading() as connection:
        return dropped(connection)


def test_beyond_the_number_the_oldest_of_that_device_go_and_no_other(any_store):
    any_store.take([], of("pocket-2", range(3)))
    told = []
    any_store.on_letters_dropped.append(told.append)
    any_store.take([], of("pocket-1", range(20)))
    assert told == []
    any_store.take([], of("pocket-1", [20]))
    assert kept(any_store, "pocket-1") == list(range(3, 21))
    assert kept(any_store, "pocket-2") == [0, 1, 2]
    assert (gone(any_store), told) == (3, [3])


def test_beyond_the_bytes_too(any_store):
    any_store.take([], of("pocket-1", range(10), 1000))
    assert gone(any_store) == 0
    any_store.take([], of("pocket-1", [10], 1000))
    assert kept(any_store, "pocket-1") == list(range(2, 11))


def test_room_is_made_also_where_the_bounds_are_looked_at_now_and_then(any_store, monkeypatch):
    monkeypatch.setattr(letters, "_UNCHECKED", 7)
    for n in range(200):
        any_store.take([], of("pocket-1", [n]))
    held = kept(any_store, "pocket-1")
    assert held == list(range(200 - len(held), 200))
    assert len(held) <= 20 + 7
    assert gone(any_store) == 200 - len(held)


def test_the_same_letter_again_takes_no_room(any_store):
    for _ in range(30):
        any_store.take([], of("pocket-1", range(3)))
    assert (kept(any_store, "pocket-1"), gone(any_store)) == ([0, 1, 2], 0)


def test_what_is_too_old_goes(any_store):
    any_store.take([], of("pocket-1", range(3)))
    any_store.drop_old_letters(now_ms() + HOLD_DAYS * DAY_MS - 60_000)
    assert gone(any_store) == 0
    any_store.drop_old_letters(now_ms() + HOLD_DAYS * DAY_MS + 60_000)
    assert (kept(any_store, "pocket-1"), gone(any_store)) == ([], 3)


def test_the_api_the_metrics_and_one_line_of_the_log_tell_how_many_were_dropped(store, caplog):
    with serving(create_app(store)) as client:
        with caplog.at_level(logging.WARNING):
            for n in range(0, 60, 5):
                store.take([], of("pocket-1", range(n, n + 5)))
        said = client.get("/api/dead-letters").json()
        metrics = client.get("/metrics").text
    assert said["dropped"] == 60 - said["total"] > 20
    assert f"moodscape_dead_letters_dropped_total {said['dropped']}\n" in metrics
    assert len([line for line in caplog.messages if "dead letters are dropped" in line]) == 1
