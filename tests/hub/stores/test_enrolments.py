"""Codes in either store: good once, whoever asks at the same time."""

from concurrent.futures import ThreadPoolExecutor

from hub.stores import enrolments

SECRET, OTHER = bytes(16), bytes(range(16))


def offer(store, device, secret, until_ms=1000):
    with store.writing() as connection:
        enrolments.offer(connection, device, secret, until_ms)


def take(store, secret, at_ms=0):
    with store.writing() as connection:
        return enrolments.take(connection, secret, at_ms)


def test_a_code_is_taken_once_by_one_of_many_that_ask_together(any_store):
    offer(any_store, "pocket-1", SECRET)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: take(any_store, SECRET), range(8)))
    assert sorted(found, key=str) == [("pocket-1", 1000), *[None] * 7]


def test_a_code_is_taken_until_it_ends_and_then_is_gone(any_store):
    offer(any_store, "pocket-1", SECRET)
    offer(any_store, "pocket-2", OTHER, until_ms=2000)
    assert take(any_store, SECRET, at_ms=1001) is None
    assert take(any_store, SECRET, at_ms=0) is None
    assert take(any_store, OTHER, at_ms=2000) == ("pocket-2", 2000)


def test_a_device_has_one_code(any_store):
    offer(any_store, "pocket-1", SECRET)
    offer(any_store, "pocket-1", OTHER)
    assert take(any_store, SECRET) is None
    with any_store.writing() as connection:
        assert enrolments.withdraw(connection, "pocket-1")
        assert not enrolments.withdraw(connection, "pocket-1")
    assert take(any_store, OTHER) is None
