"""Who calls too often waits."""

from hub.api.app import create_app
from hub.api.guard import COOKIE
from hub.api.limits import Buckets
from tests.hub.api.test_door import bearer
from tests.hub.conftest import serving


def test_a_bucket_empties_by_calls_and_fills_by_time():
    now = [0.0]
    buckets = Buckets(60, 3, clock=lambda: now[0])
    assert [buckets.wait_s("a") for _ in range(4)] == [0, 0, 0, 1]
    assert buckets.wait_s("b") == 0
    now[0] = 1.0
    assert [buckets.wait_s("a"), buckets.wait_s("a")] == [0, 1]
    now[0] = 1000.0
    assert [buckets.wait_s("a") for _ in range(4)] == [0, 0, 0, 1]


def test_a_token_that_calls_too_often_is_told_when_to_try_again(store):
    with serving(create_app(store, tokenless=False, calls_per_minute=60)) as client:
        often, other = bearer(store), bearer(store)
        answers = [client.get("/api/devices", headers=often) for _ in range(12)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert answers[0].status_code == 200
        assert refused
        assert int(refused[0].headers["retry-after"]) >= 1
        assert refused[0].json()["detail"].startswith("Too many calls")
        assert client.get("/api/devices", headers=other).status_code == 200


def test_an_address_that_guesses_tokens_is_held_back(locked, store):
    codes = [locked.get("/api/devices", headers={"Authorization": f"Bearer mood_{n}"}).status_code for n in range(25)]
    assert codes[0] == 401
    assert codes[-1] == 429
    assert locked.get("/api/devices", headers=bearer(store)).status_code == 200


def test_a_cookie_of_another_hub_on_this_machine_counts_for_nothing_where_none_is_needed(client, locked):
    stale = {"Cookie": f"{COOKIE}=mood_other"}
    assert {client.get("/api/devices", headers=stale).status_code for _ in range(25)} == {200}
    assert client.delete("/api/session", headers=stale).status_code == 204
    assert locked.get("/api/devices", headers=stale).status_code == 401
