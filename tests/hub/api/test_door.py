"""Who may come in."""

import re

import pytest

from hub import tokens
from hub.api.app import create_app
from hub.tokens import Access
from tests.hub.moments import make


def bearer(store, scope="read", device=None, owner=None):
    return {"Authorization": f"Bearer {tokens.make(store, 'test', Access(scope, device, owner))}"}


@pytest.mark.parametrize(
    "path", ["/api/moments", "/api/stream", "/api/export", "/metrics", "/readyz", "/docs", "/openapi.json"]
)
def test_nothing_is_shown_without_a_token(locked, path):
    answer = locked.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert locked.get(path, headers={"Authorization": "Bearer mood_guess"}).status_code == 401


def test_health_and_the_pages_own_files_are_shown_to_anybody(locked):
    assert locked.get("/healthz").json() == {"ok": True}
    assert b"Moodscape" in locked.get("/").content


def test_a_scope_is_enough_for_what_it_says(locked, store):
    moment = make()
    store.take([moment])
    note = f"/api/moments/{moment.id}/note"
    read, write, admin = (bearer(store, scope) for scope in ("read", "write", "admin"))
    assert locked.get("/api/moments", headers=read).status_code == 200
    assert locked.put(note, json={"text": "x"}, headers=read).status_code == 403
    assert locked.put(note, json={"text": "x"}, headers=write).status_code == 200
    assert locked.get("/api/dead-letters", headers=write).status_code == 403
    assert locked.get("/api/dead-letters", headers=admin).status_code == 200


@pytest.mark.parametrize("limit", [{"device": "a"}, {"owner": "Ann"}])
def test_a_token_sees_only_its_device_or_owner(locked, store, limit):
    mine, other = make(device="a"), make(device="b")
    store.take([mine, other])
    store.describe_device("a", name=None, owner="Ann")
    shown = bearer(store, "write", **limit)
    assert [item["id"] for item in locked.get("/api/moments", headers=shown).json()["items"]] == [mine.id]
    assert locked.get(f"/api/moments/{other.id}", headers=shown).status_code == 404
    assert locked.get("/api/moments?device=b", headers=shown).json()["total"] == 0
    assert locked.delete(f"/api/moments/{other.id}", headers=shown).status_code == 404
    assert locked.delete("/api/moments?origin=ambient", headers=shown).json() == {"erased": 1}
    assert [item["id"] for item in locked.get("/api/devices", headers=shown).json()["items"]] == ["a"]
    assert locked.post("/api/devices/b/command", json={"do": "ping"}, headers=shown).status_code == 404
    assert locked.get("/api/summary?by=device", headers=bearer(store)).json()["buckets"][0]["device"] == "b"


def test_an_admin_of_one_owner_is_none_of_the_hub(locked, store):
    assert locked.get("/api/tokens", headers=bearer(store, "admin", owner="Ann")).status_code == 403


def test_a_token_is_made_listed_and_ended_and_never_shown_again(locked, store):
    admin = bearer(store, "admin")
    made = locked.post("/api/tokens", json={"name": "phone", "scope": "write"}, headers=admin)
    assert made.status_code == 201
    phone = {"Authorization": f"Bearer {made.json()['token']}"}
    assert locked.get("/api/moments", headers=phone).status_code == 200
    items = locked.get("/api/tokens", headers=admin).json()["items"]
    assert [item["name"] for item in items] == ["test", "phone"]
    assert made.json()["token"] not in str(items)
    kept = b"".join(file.read_bytes() for file in store.path.parent.glob("hub.db*"))
    assert b"phone" in kept
    assert made.json()["token"].encode() not in kept
    assert locked.delete(f"/api/tokens/{items[1]['n']}", headers=admin).status_code == 204
    assert locked.get("/api/moments", headers=phone).status_code == 401


def test_logging_in_gives_a_cookie_that_scripts_and_other_sites_do_not_get(locked, store):
    entered = locked.post("/api/session", headers=bearer(store, "write"))
    assert entered.status_code == 204
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert locked.get("/api/moments").status_code == 200  # the client keeps it
    moment = make()
    store.take([moment])
    elsewhere = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert locked.delete(f"/api/moments/{moment.id}", headers=elsewhere).status_code == 403
    assert locked.delete(f"/api/moments/{moment.id}", headers={"Origin": "http://evil.example"}).status_code == 403
    assert locked.delete(f"/api/moments/{moment.id}").status_code == 204
    locked.delete("/api/session")
    assert locked.get("/api/moments").status_code == 401


def test_a_session_is_prolonged_by_itself_and_from_no_other_site(locked, store):
    entered = locked.post("/api/session", headers=bearer(store))
    prolonged = locked.post("/api/session")
    assert prolonged.status_code == 204
    assert prolonged.headers["set-cookie"] == entered.headers["set-cookie"]
    assert f"max-age={30 * 86_400};" in prolonged.headers["set-cookie"].lower()
    for elsewhere in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
        refused = locked.post("/api/session", headers=elsewhere)
        assert refused.status_code == 403
        assert "set-cookie" not in refused.headers


def test_a_session_whose_token_ended_is_not_prolonged(locked, store):
    locked.post("/api/session", headers=bearer(store))
    (token,) = tokens.listed(store)
    tokens.revoke(store, token["n"])
    refused = locked.post("/api/session")
    assert refused.status_code == 401
    assert "set-cookie" not in refused.headers


def test_what_is_no_token_of_an_open_hub_is_kept_in_no_cookie(client):
    for shown in ({"Authorization": "Bearer mood_guess"}, {"Cookie": "moodscape_session=mood_other"}, {}):
        answer = client.post("/api/session", headers=shown)
        assert answer.status_code == 204
        assert "set-cookie" not in answer.headers


def test_an_open_hub_answers_to_the_loopbacks_names_only(client):
    assert client.get("/api/moments", headers={"Host": "evil.example"}).status_code == 421
    assert client.get("/api/moments", headers={"Host": "localhost:8080"}).status_code == 200


@pytest.mark.parametrize("name", ["X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Proto", "Forwarded", "Via"])
def test_an_open_hub_answers_no_proxy(client, locked, store, name):
    refused = client.get("/api/moments", headers={name: "192.0.2.7"})
    assert refused.status_code == 421
    assert "set http.open_on_loopback to false" in refused.json()["detail"]
    assert locked.get("/api/moments", headers={name: "192.0.2.7"} | bearer(store)).status_code == 200


@pytest.mark.parametrize("others", ['g={"a":1}; {}', '{}; g={"a":1}', "x[]=1; {}", "a b; {}", '"; {}', "{}; n=a b"])
def test_a_cookie_of_another_program_does_not_hide_the_hubs(locked, store, others):
    token = bearer(store)["Authorization"].removeprefix("Bearer ")
    cookie = others.replace("{}", f"moodscape_session={token}")
    assert locked.get("/api/moments", headers={"Cookie": cookie}).status_code == 200


def test_an_open_hub_does_nothing_for_a_page_of_another_site(client, store):
    moment = make()
    store.take([moment])
    refused = client.put(
        f"/api/moments/{moment.id}/note", json={"text": "x"}, headers={"Origin": "http://evil.example"}
    )
    assert refused.status_code == 403


@pytest.mark.parametrize("host", ["[", "[::1", "a[b]"])
def test_a_name_that_cannot_be_is_none_of_the_hub_s(client, host):
    assert client.get("/api/moments", headers={"Host": host}).status_code == 421


def test_a_site_that_cannot_be_is_another(client, store):
    moment = make()
    store.take([moment])
    path = f"/api/moments/{moment.id}"
    assert client.delete(path, headers={"Origin": "http://["}).status_code == 403


def test_every_answer_wears_the_strict_policy(client):
    for path in ("/", "/api/moments", "/api/nowhere"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert headers["x-content-type-options"] == "nosniff"
    assert client.get("/api/moments").headers["cache-control"] == "no-store"


def test_the_pages_files_are_kept_and_asked_for_again(client):
    first = client.get("/")
    assert first.headers["cache-control"] == "no-cache"
    assert client.get("/", headers={"If-None-Match": first.headers["etag"]}).status_code == 304


def test_the_pages_files_come_packed_to_those_who_take_it(client):
    plain = client.get("/app.js", headers={"Accept-Encoding": "identity"})
    packed = client.get("/app.js", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text
    assert int(packed.headers["content-length"]) < len(plain.content)


def test_the_page_is_only_read_and_only_what_is_part_of_it(client):
    assert client.head("/app.js").status_code == 200
    assert client.post("/app.js").status_code == 405
    assert client.get("/api/../../config.py").status_code == 404
    assert client.get("/nothing.js").json()["status"] == 404


def test_health_can_be_asked_without_its_answer(client):
    for path in ("/healthz", "/readyz", "/metrics"):
        shown, asked = client.get(path), client.head(path)
        assert (asked.status_code, asked.content) == (shown.status_code, b"")
        assert asked.headers["content-type"] == shown.headers["content-type"]


def test_a_path_says_which_methods_it_has_to_a_call_with_another(client, store):
    paths = create_app(store).openapi()["paths"]
    for path, calls in paths.items():
        there = {method.upper() for method in calls}
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - there:
            refused = client.request(method, re.sub("{.*?}", "1", path))
            assert refused.status_code == 405, (method, path)
            assert there <= set(refused.headers["allow"].split(", ")) <= there | {"HEAD"}, (method, path)
    assert client.put("/api/nowhere").status_code == 404


def test_a_body_that_is_too_large_is_refused(client, store):
    moment = make()
    store.take([moment])
    answer = client.put(f"/api/moments/{moment.id}/note", content=b"x" * 1_048_577)
    assert answer.status_code == 413
