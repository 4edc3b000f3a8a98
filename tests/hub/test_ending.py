"""A hub that is told to end does so soon, whatever it is being asked."""

import threading
import time

import httpx
import pytest
from sqlalchemy.exc import OperationalError
from starlette.routing import Route

from hub.api.app import create_app
from hub.query.filter import Filter
from hub.query.pages import everything
from hub.stores.store import Ending
from tests.hub.conftest import serving
from tests.hub.moments import make

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
"""Without the limit that a question of the hub has, so it ends when it is broken off and not before."""


def test_a_question_that_takes_long_is_broken_off_and_what_is_written_is_not(any_store):
    asked, told = threading.Event(), []

    def ask():
        with any_store.reading() as connection:
            asked.set()
            try:
                connection.exec_driver_sql(ENDLESS).all()
            except OperationalError as error:
                told.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert asked.wait(10)
    while asking.is_alive():
        any_store.interrupt()
        asking.join(0.05)
    assert len(told) == 1
    held = make()
    assert any_store.take([held]) == {held.id}
    with pytest.raises(Ending):
        next(everything(any_store, Filter()))


def test_a_server_that_ends_answers_who_waits_and_leaves(store):
    app, answers = create_app(store), []

    def endless(_request):
        with store.reading() as connection:
            connection.exec_driver_sql(ENDLESS).all()

    app.router.routes.insert(0, Route("/endless", endless))
    with serving(app) as client:
        url = f"{client.base_url}/endless"
        asking = threading.Thread(target=lambda: answers.append(httpx.get(url, timeout=30)))
        asking.start()
        time.sleep(0.3)
        begun = time.monotonic()
    assert time.monotonic() - begun < 9  # the server's thread did not have to be left alone
    asking.join(5)
    assert [answer.status_code for answer in answers] == [503]
