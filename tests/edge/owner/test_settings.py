import json

import pytest
import yaml

from configs import shipped
from edge.owner.settings import Owner

ZONES = [{"lat": 35.0, "lon": 129.0, "radius_m": 500, "name": "home"}]


def payload(**values):
    return json.dumps({"version": 3} | values).encode()


def test_what_the_owner_set_is_in_force_and_survives_a_restart(tmp_path):
    owner = Owner(tmp_path / "owner.json")
    assert owner.take(payload(zones=ZONES))
    again = Owner(tmp_path / "owner.json")
    assert (again.version, again.zones) == (3, owner.zones)
    assert again.zones[0].radius_m == 500


def test_rules_of_the_owner_are_read_as_those_that_ship(tmp_path):
    rules = yaml.safe_load(shipped("scenes.yaml").read_text())
    rules["version"] = "mine"
    owner = Owner(tmp_path / "owner.json")
    assert owner.take(payload(rules=rules))
    assert Owner(tmp_path / "owner.json").rules.version == "mine"


def test_hours_of_silence_and_clips_are_taken_with_zones_in_which_it_does_not_listen(tmp_path):
    owner = Owner(tmp_path / "owner.json")
    schedule = [{"days": ["mon", "sun"], "from": "22:00", "to": "07:00", "color": "not known yet"}]
    clips = {"enabled": True, "before_s": 20, "after_s": 10}
    assert owner.take(payload(zones=[ZONES[0] | {"pause": True}], schedule=schedule, clips=clips))
    again = Owner(tmp_path / "owner.json")
    assert [(span.days, span.begin, span.end) for span in again.schedule] == [(("mon", "sun"), "22:00", "07:00")]
    assert again.clips.model_dump() == clips
    assert again.zones[0].pause
    assert owner.take(payload(schedule=[], clips=None))
    assert (list(Owner(tmp_path / "owner.json").schedule), owner.clips) == ([], None)


@pytest.mark.parametrize(
    "wrong",
    [
        *(b"{", b"[]", b"{}", b"\xff"),
        payload(zones=[{"lat": 99, "lon": 0, "radius_m": 1}]),
        payload(rules={"version": 1}),
        payload(schedule=[{"from": "22:00", "to": "22:00"}]),
        payload(schedule=[{"days": [], "from": "21:00", "to": "22:00"}]),
        payload(clips={"enabled": True, "before_s": 1e9, "after_s": 1}),
        payload(clips={"enabled": True}),
    ],
)
def test_what_is_not_valid_changes_nothing(tmp_path, wrong):
    owner = Owner(tmp_path / "owner.json")
    owner.take(payload(zones=ZONES))
    assert not owner.take(wrong)
    assert (owner.version, len(owner.zones)) == (3, 1)
    assert len(Owner(tmp_path / "owner.json").zones) == 1


def test_rules_that_an_older_version_took_and_this_one_refuses_cost_no_zone_at_a_start(tmp_path, caplog):
    rules = yaml.safe_load(shipped("scenes.yaml").read_text())
    rules["rules"][0]["when"] = {}
    zones = [ZONES[0] | {"pause": True}]
    (tmp_path / "owner.json").write_bytes(
        payload(zones=zones, schedule=[{"from": "22:00", "to": "07:00"}], rules=rules)
    )
    owner = Owner(tmp_path / "owner.json")
    assert (owner.version, owner.rules) == (3, None)
    assert owner.zones[0].pause
    assert [span.begin for span in owner.schedule] == ["22:00"]
    assert "rules cannot be used" in caplog.text


def test_an_empty_payload_takes_it_all_back(tmp_path):
    owner = Owner(tmp_path / "owner.json")
    owner.take(payload(zones=ZONES))
    assert owner.take(b"")
    assert Owner(tmp_path / "owner.json").zones == ()


def test_a_file_that_cannot_be_read_is_no_end(tmp_path):
    (tmp_path / "owner.json").write_bytes(b"\x00\x01")
    assert Owner(tmp_path / "owner.json").version is None


def test_settings_that_cannot_be_looked_at_are_told_and_no_end(tmp_path, caplog):
    assert Owner(tmp_path / ("x" * 300) / "owner.json").version is None
    assert "cannot be read" in caplog.text
    caplog.clear()
    assert Owner(tmp_path / "owner.json").version is None
    assert caplog.text == "", "none were set"


def test_rules_may_hold_any_character(tmp_path):
    rules = yaml.safe_load(shipped("scenes.yaml").read_text())
    rules["rules"][0]["because"] = "비 🌧"
    owner = Owner(tmp_path / "owner.json")
    assert owner.take(payload(rules=rules, zones=ZONES))
    assert owner.zones
