"""What an owner sets reaches every device of that owner, and nobody else's."""

import pytest
import yaml

from hub.api.app import create_app
from hub.settings import keep, rules
from hub.settings.shapes import Settings
from hub.stores.store import Report
from tests.hub.api.test_door import bearer
from tests.hub.conftest import serving
from tests.hub.moments import make
from tests.parts import wait_until

ZONE = {"name": "home", "lat": 35.1341, "lon": 129.1032, "radius_m": 150.0, "pause": True}
SPAN = {"days": ["mon", "tue"], "from": "22:00", "to": "07:00"}
SETTINGS = {
    "zones": [ZONE],
    "schedule": [SPAN],
    "clips": {"enabled": True, "before_s": 20.0, "after_s": 10.0},
    "retention": {"speech_days": 365, "scene_days": None, "clip_days": 30},
}


class Wire:
    """Keeps what is published."""

    def __init__(self):
        self.sent = []

    def __call__(self, device, kind, body, *, retain=False, expires_s=None):  # noqa: ARG002
        self.sent.append((device, kind, body, retain))
        return True

    def config(self, device):
        """The last that a device was told."""
        found = [(body, retain) for to, kind, body, retain in self.sent if (to, kind) == (device, "config")]
        assert all(retain for _, retain in found)
        return found[-1][0] if found else None


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def hub(store, wire):
    store.take([make(device="a"), make(device="b")])
    store.describe_device("a", name=None, owner="Ann")
    with serving(create_app(store, send=wire)) as client:
        yield client


def test_nothing_is_set_at_first(hub):
    unset = {"version": 0, "zones": [], "schedule": [], "clips": None}
    unset["retention"] = {"speech_days": None, "scene_days": None, "clip_days": None}
    assert hub.get("/api/settings").json() == unset
    assert hub.get("/api/rules").json()["own"] is False


def test_settings_are_kept_and_published_to_the_owners_devices_only(hub, wire):
    assert hub.put("/api/settings?owner=Ann", json=SETTINGS).json() == {"version": 1, **SETTINGS}
    assert hub.get("/api/settings?owner=Ann").json()["zones"] == [ZONE]
    wire_form = {"version": 1, "rules": None} | {name: SETTINGS[name] for name in ("zones", "schedule", "clips")}
    wait_until(lambda: wire.config("a") == wire_form)
    assert wire.config("b") is None
    assert hub.put("/api/settings?owner=Ann", json={}).json()["version"] == 2
    wait_until(lambda: wire.config("a")["zones"] == [])


def test_a_device_that_changes_its_owner_is_told_the_new_owners_settings(hub, wire):
    hub.put("/api/settings?owner=Ann", json=SETTINGS)
    hub.put("/api/devices/b", json={"owner": "Ann"})
    wait_until(lambda: (wire.config("b") or {}).get("zones") == [ZONE])
    hub.put("/api/devices/b", json={"owner": "Bob"})
    wait_until(lambda: wire.config("b")["zones"] == [])


def test_own_rules_are_published_as_a_document_until_they_are_given_up(hub, wire):
    text = rules.default().replace('version: "2"', 'version: "mine"')
    shown = hub.put("/api/rules?owner=Ann", json={"text": text}).json()
    assert (shown["own"], shown["version"], shown["text"], shown["rules"]["version"]) == (True, 1, text, "mine")
    wait_until(lambda: (wire.config("a") or {}).get("rules") == shown["rules"])
    assert hub.put("/api/rules?owner=Ann", json={"text": None}).json()["own"] is False
    wait_until(lambda: wire.config("a")["rules"] is None)


def long_rules(count):
    """The table that ships with so many rules more, each with as long a reason in Korean as is allowed."""
    table = yaml.safe_load(rules.default())
    one = next(rule for rule in table["rules"] if rule["id"] == "rain")
    more = [one | {"id": f"r{n}", "when": {"level_db": {"least": n / 10}}, "because": "가" * 190} for n in range(count)]
    return yaml.dump(table | {"rules": more + table["rules"]}, allow_unicode=True, default_flow_style=True)


def test_rules_that_an_older_hub_took_and_this_one_refuses_cost_nothing_but_themselves(store, wire):
    store.take([make(device="a"), make(device="b")])
    store.describe_device("a", name=None, owner="Ann")
    table = yaml.safe_load(rules.default())
    table["rules"][0]["when"] = {}
    text = yaml.safe_dump(table)
    keep.write(store, "Ann", rules=text, settings=Settings.model_validate({"zones": [ZONE]}))
    app = create_app(store, send=wire)
    with serving(app) as hub:
        app.state.parts.telling.connected()
        told = wait_until(lambda: wire.config("a") and wire.config("b") and wire.config("a"))
        assert told["rules"] is None
        assert [zone["name"] for zone in told["zones"]] == ["home"]
        shown = hub.get("/api/rules?owner=Ann").json()
        assert (shown["own"], shown["text"]) == (True, text), "to be mended on the page"
        assert shown["rules"] == rules.document(rules.parse(rules.default()))
        assert hub.put("/api/rules?owner=Ann", json={"text": text}).status_code == 422
        dry_run = hub.put("/api/rules?owner=Ann&dry_run=true", json={"text": rules.default()})
        assert dry_run.status_code == 200
        assert hub.put("/api/settings?owner=Ann", json=SETTINGS).status_code == 200


def test_what_the_broker_cannot_carry_to_devices_is_not_set(hub, wire):
    text = long_rules(340)
    assert len(text) < rules.LONGEST
    for query in ("", "&dry_run=true"):
        answer = hub.put(f"/api/rules?owner=Ann{query}", json={"text": text})
        assert (answer.status_code, answer.json()["field"]) == (422, "text")
        assert "the broker carries" in answer.json()["detail"]
    assert hub.get("/api/rules?owner=Ann").json()["own"] is False
    assert hub.put("/api/rules?owner=Ann", json={"text": long_rules(300)}).status_code == 200
    zones = [ZONE | {"name": "가" * 100} for _ in range(100)]
    answer = hub.put("/api/settings?owner=Ann", json={"zones": zones})
    assert (answer.status_code, answer.json()["field"]) == (422, "body")
    wait_until(lambda: wire.config("a"))
    assert len(wire.config("a")["rules"]["rules"]) > 300
    assert wire.config("a")["zones"] == []


def test_a_dry_run_changes_nothing(hub):
    answer = hub.put("/api/rules?dry_run=true", json={"text": rules.default()}).json()
    assert answer == {"moments": 0, "changed": 0, "changes": []}
    assert hub.get("/api/rules").json()["version"] == 0


def test_wrong_rules_are_refused_with_line_and_reason(hub):
    answer = hub.put("/api/rules", json={"text": rules.default().replace("calm: 0.55", "calm: 0.9", 1)})
    assert (answer.status_code, answer.json()["field"]) == (422, "text")
    assert "the shares must sum to 1" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"zones": [ZONE | {"lat": 91}]}, "zones.0.lat"),
        ({"zones": [ZONE | {"pause": "perhaps"}]}, "zones.0.pause"),
        ({"schedule": [SPAN | {"to": "24:00"}]}, "schedule.0.to"),
        ({"schedule": [SPAN | {"to": SPAN["from"]}]}, "schedule.0"),
        ({"retention": {"speech_days": 0}}, "retention.speech_days"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_setting_without_meaning_is_named(hub, body, field):
    answer = hub.put("/api/settings", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_all_devices_are_told_when_the_broker_comes_back(store, wire):
    store.take([make(device="a"), make(device="b")])
    app = create_app(store, send=wire)
    with serving(app):
        app.state.parts.telling.connected()
        wait_until(lambda: wire.config("a") and wire.config("b"))


def test_a_device_that_is_heard_first_is_told(store, wire):
    app = create_app(store, send=wire)
    status = Report("new", "status", '{"state":"listening"}')
    with serving(app):
        store.take([], reports=[status])
        app.state.parts.telling.reported(status)
        wait_until(lambda: wire.config("new"))


def test_a_reply_is_read_and_shown(hub, store, wire):
    made = hub.post("/api/devices/a/command", json={"do": "ping"}).json()
    path = f"/api/devices/a/commands/{made['id']}"
    assert (hub.get(path).json()["do"], hub.get(path).json()["reply"]) == ("ping", None)
    telling = hub_telling(hub, store)
    telling.reported(Report("b", "reply", f'{{"id":"{made["id"]}","ok":true,"error":null}}'))
    assert hub.get(path).json()["reply"] is None
    telling.reported(Report("a", "reply", f'{{"id":"{made["id"]}","ok":false,"error":"busy"}}'))
    assert hub.get(path).json()["reply"] == {"ok": False, "error": "busy"}
    assert hub.get("/api/devices/a/commands/none").status_code == 404


def hub_telling(_hub, store):
    from hub.telling import Telling

    return Telling(store, lambda *_, **__: True)


def test_an_owners_token_sees_and_sets_that_owners_only(locked, store):
    store.describe_device("a", name=None, owner="Ann")
    ann, device = bearer(store, "write", owner="Ann"), bearer(store, "write", device="a")
    assert locked.put("/api/settings", json=SETTINGS, headers=ann).status_code == 200
    assert locked.get("/api/settings", headers=ann).json()["version"] == 1
    admin = bearer(store, "admin")
    assert locked.get("/api/settings", headers=admin).json()["version"] == 0
    assert locked.get("/api/settings?owner=Ann", headers=admin).json()["version"] == 1
    assert locked.get("/api/settings?owner=Bob", headers=ann).status_code == 403
    assert locked.get("/api/settings", headers=device).status_code == 403
    assert locked.put("/api/rules", json={"text": None}, headers=bearer(store, "read", owner="Ann")).status_code == 403
