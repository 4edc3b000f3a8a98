"""Whatever is asked, the answer is no failure of the hub."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.api.app import create_app
from hub.query.filter import PARAMETERS
from hub.stores.store import Store
from tests.hub.conftest import serving
from tests.hub.moments import make
from tests.hub.query.test_filter_sql import queries


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("fuzz") / "hub.db")
    held = [make(), make(basis="none", origin="note", place=None, scene=None)]
    store.take(held)
    store.write_note(held[0].id, "by the sea")
    with serving(create_app(store)) as client:
        yield client
    store.close()


names = st.sampled_from((*PARAMETERS, "order", "limit", "cursor", "by", "lang", "format"))
values = st.text(max_size=20) | st.sampled_from(
    ("0", "-1", "1e308", "9" * 40, "0,0", "90,180", "-180,-90,180,90", "0001-01-01", "9999-12-31", "calm", "note",
     "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "day", "hour,place", "csv", "Asia/Seoul", "WzEsMl0")
)  # fmt: skip


@pytest.mark.slow
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    path=st.sampled_from(("/api/moments", "/api/summary", "/api/export")),
    pairs=st.lists(st.tuples(names, values), max_size=4) | queries(),
)
def test_any_query_is_answered_or_refused(asked, path, pairs):
    answer = asked.get(path, params=[*pairs, ("by", "day,place")] if path == "/api/summary" else pairs)
    assert answer.status_code in {200, 422}, answer.text
    if answer.status_code == 422:
        assert answer.json()["field"]


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    call=st.sampled_from(
        (
            ("PUT", "/api/moments/0196f3c2-8f0e-7c1a-9a52-6d0f4f1e2b33/note"),
            ("PUT", "/api/moments/x/emotion"),
            ("PUT", "/api/devices/pocket-1"),
            ("POST", "/api/devices/pocket-1/command"),
            ("POST", "/api/tokens"),
            ("DELETE", "/api/tokens/99"),
            ("POST", "/api/session"),
        )
    ),
    body=st.binary(max_size=60)
    | st.sampled_from(
        (b'{"text": "\\ud800"}', b'{"text": "\\u0000"}', b'{"name": "\\ud800"}', b"[" * 2000, b'{"do": "ping"}')
    ),
)
def test_any_body_is_answered_or_refused(asked, call, body):
    answer = asked.request(*call, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code < 500 or answer.status_code == 503, answer.text
