"""A database that is away."""

import pytest

from hub.api.app import create_app
from hub.stores.store import Store
from tests.hub.api.test_door import bearer
from tests.hub.conftest import serving
from tests.hub.moments import make
from tests.postgres import Cluster

pytestmark = pytest.mark.needs("initdb")


@pytest.fixture
def cluster():
    made = Cluster(durable=True).start()
    yield made
    made.stop()


@pytest.mark.parametrize("tokenless", [True, False])
def test_a_database_that_is_away_is_said_to_be_until_it_is_back(cluster, caplog, tokenless):
    moment, store = make(), Store(cluster.new())
    store.be_ready()
    store.take([moment])
    token = bearer(store)
    with serving(create_app(store, tokenless=tokenless)) as client:
        assert client.get("/api/moments", headers=token).status_code == 200
        cluster.kill()
        for _ in range(2):
            answer = client.put(f"/api/moments/{moment.id}/note", json={"text": "in therapy"}, headers=token)
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["detail"] == "The store cannot be used now: its log says why."
            assert "content-security-policy" in answer.headers
        assert client.get("/readyz", headers=token).status_code == 503
        cluster.start()
        assert client.get("/api/moments", headers=token).status_code == 200
    store.close()
    assert "the store cannot be used" in caplog.text
    assert "Traceback" not in caplog.text
    assert "therapy" not in caplog.text
