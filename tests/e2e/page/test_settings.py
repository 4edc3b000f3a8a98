"""The settings, each part against a real hub."""

import csv
import json
import re
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

from moments import Place
from tests.e2e.page.running import start_hub
from tests.e2e.page.walking import calm, go
from tests.hub.moments import START, make
from tests.parts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]

HERE = {"permissions": ["geolocation"], "geolocation": {"latitude": 35.1, "longitude": 129.2}}


def saved(page, card=None):
    form = (card or page).locator("form").first
    form.get_by_role("button", name="Save").click()
    expect(form.locator("[role=status]").last).to_have_text("Saved.")


def test_a_device_is_named_and_given_to_an_owner(hub, look):
    hub.publish(make(start=datetime.fromisoformat("2018-01-02T10:00:00+09:00"), device="named"))
    wait_until(lambda: any(one["id"] == "named" for one in hub.get("/api/devices")["items"]))
    page = look(hub, "#/settings?part=devices")
    line = page.locator("details.one", has_text="named").first
    line.locator("summary").click()
    line.get_by_label("Name").fill("Mina's pocket")
    line.get_by_label("Owner").fill("Mina")
    saved(page, line)
    device = next(one for one in hub.get("/api/devices")["items"] if one["id"] == "named")
    assert (device["name"], device["owner"]) == ("Mina's pocket", "Mina")


def test_hours_of_rest_private_places_and_ages_are_kept_side_by_side(hub, look):
    page = look(hub, "#/settings?part=schedule", **HERE)
    page.get_by_role("button", name="Add hours").click()
    page.get_by_label("Sun").uncheck(force=True)
    page.get_by_label("From").fill("23:00")
    saved(page)
    go(page, "#/settings?part=zones")
    page.get_by_role("button", name="Add where I am").click()
    page.get_by_label("Radius (m)").fill("250")
    page.get_by_label("Do not listen there at all").check()
    saved(page)
    go(page, "#/settings?part=keeping")
    page.get_by_label("Keep the sound around a mark").check()
    page.get_by_label("Seconds before it").fill("15")
    saved(page)
    ages = page.locator(".card", has_text="How long it is kept")
    ages.get_by_label("Surroundings (days)").fill("90")
    saved(page, ages)
    settings = hub.get("/api/settings")
    assert settings["schedule"] == [
        {"days": ["mon", "tue", "wed", "thu", "fri", "sat"], "from": "23:00", "to": "07:00"}
    ]
    assert settings["zones"] == [{"name": "Home", "lat": 35.1, "lon": 129.2, "radius_m": 250, "pause": True}]
    assert settings["clips"] == {"enabled": True, "before_s": 15, "after_s": 10}
    assert settings["retention"] == {"speech_days": None, "scene_days": 90, "clip_days": None}
    go(page, "#/settings?part=zones")
    page.get_by_role("button", name="Remove this place").click()
    saved(page)
    assert hub.get("/api/settings")["zones"] == []


def test_where_all_devices_are_one_owner_s_the_settings_are_that_owner_s(look, tmp_path):
    hub = start_hub(tmp_path, [make()])
    try:
        hub.put("/api/devices/pocket-1", {"owner": "Ann"})
        page = look(hub, "#/settings?part=zones", **HERE)
        page.get_by_role("button", name="Add where I am").click()
        saved(page)
        assert [zone["lat"] for zone in hub.get("/api/settings?owner=Ann")["zones"]] == [35.1]
        go(page, "#/settings?part=rules")
        expect(page.get_by_label("Whose")).to_have_value("Ann")
    finally:
        hub.stop()


HOME, PIER = Place(lat=35.1312, lon=129.1032), Place(lat=35.0951, lon=129.0256)


@pytest.fixture
def shared(tmp_path):
    """A hub of Ann, who returns to a home, and of Bob, who returns to a pier."""
    hub = start_hub(
        tmp_path,
        [
            make(start=START + timedelta(days=day, minutes=minute), seconds=60, device=device, place=place)
            for device, place in (("ann-1", HOME), ("bob-1", PIER))
            for day in range(2)
            for minute in range(6)
        ],
    )
    for owner in ("Ann", "Bob"):
        hub.put(f"/api/devices/{owner.lower()}-1", {"owner": owner})
    yield hub
    hub.stop()


def names(hub, query=""):
    return [place["name"] for place in hub.get(f"/api/places{query}")["items"]]


def test_a_place_that_is_named_is_its_owner_s_and_goes_with_all_of_that_owner(shared, look):
    page = look(shared, "#/settings?part=places")
    page.get_by_label("Whose").select_option("Ann")
    page.wait_for_url("**owner=Ann*")
    page.get_by_label("Name of 35.1312, 129.1032").fill("home")
    expect(page.locator(".part form")).to_have_count(1)
    saved(page)
    assert [names(shared, f"?owner={owner}") for owner in ("Ann", "Bob")] == [["home"], [None]]
    assert set(names(shared)) == {"home", None}
    page.request.delete(f"{shared.url}/api/moments?owner=Ann")
    assert names(shared) == [None]


def test_the_name_of_a_place_is_changed_and_taken_away(shared, look):
    page = look(shared, "#/settings?part=places&owner=Ann")
    name = page.get_by_label("Name of 35.1312, 129.1032")
    for words, kept in (("", None), ("home", "home"), ("Home", "Home"), ("", None), ("my home", "my home")):
        name.fill(words)
        saved(page)
        assert names(shared, "?owner=Ann") == [kept]


def test_where_all_devices_are_one_owner_s_the_places_are_that_owner_s(shared, look):
    shared.put("/api/devices/bob-1", {"owner": "Ann"})
    page = look(shared, "#/settings?part=places")
    expect(page.get_by_label("Whose")).to_have_value("Ann")
    page.get_by_label("Name of 35.0951, 129.0256").fill("the pier")
    saved(page, page.locator(".span-line", has_text="35.0951, 129.0256"))
    shared.put("/api/devices/bob-1", {"owner": "Bob"})
    assert names(shared, "?owner=Ann") == [None, "the pier"], "also where they are Bob's days"


def test_a_private_place_is_chosen_among_the_owner_s_places(shared, look):
    page = look(shared, "#/settings?part=zones&owner=Ann")
    page.get_by_label("Add one of your places").select_option("35.1312, 129.1032")
    expect(page.get_by_label("Latitude")).to_have_value("35.1312")
    expect(page.get_by_label("Add one of your places").locator("option")).to_have_text(
        ["Add one of your places", "35.1312, 129.1032"]
    )


def test_rules_are_tried_on_the_last_week_before_they_are_used(hub, look):
    page = look(hub, "#/settings?part=rules", errors=["422"])
    text = page.get_by_label("The rules, as YAML")
    shipped = text.input_value()
    mine = re.sub(
        r"(id: sea,.*?emotions: )\{[^}]*\}(, valence: )[-\d.]+(, arousal: )[-\d.]+",
        r"\1{anger: 1.0}\2-0.51\g<3>0.59",
        shipped,
        flags=re.DOTALL,
    )
    assert mine != shipped
    text.fill(mine)
    page.get_by_role("button", name="Try it on the last week").click()
    change = page.locator(".change", has_text="sea")
    expect(change).to_contain_text("Anger")
    assert hub.get("/api/rules")["own"] is False
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".part")).to_contain_text("You use a table of your own.")
    assert hub.get("/api/rules")["text"].strip() == mine.strip()
    text.fill("rules: [")
    page.get_by_role("button", name="Try it on the last week").click()
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text(re.compile("[a-z]{4}"))
    page.get_by_role("button", name="Back to the table that ships").click()
    page.get_by_role("button", name="Drop it").click()
    expect(page.locator(".part")).to_contain_text("You use the table that ships.")


def test_a_token_is_shown_once_and_ended(hub, look):
    page = look(hub, "#/settings?part=access")
    page.get_by_label("What it is for").fill("the kitchen's tablet")
    page.get_by_label("What it may do").select_option("read")
    page.get_by_role("button", name="Make it").click()
    expect(page.locator(".fresh code")).to_have_text(re.compile("^mood_"))
    page.reload()
    line = page.locator(".span-line", has_text="the kitchen's tablet")
    expect(line).to_contain_text("may read")
    assert page.locator(".fresh").count() == 0
    line.get_by_role("button", name="End it").click()
    expect(line).to_contain_text("locked out at once")
    line.get_by_role("button", name="End it").click()
    expect(line).to_have_count(0)
    assert hub.get("/api/tokens")["items"] == []


def test_a_token_that_is_shown_once_stays_while_another_is_ended(hub, look):
    page = look(hub, "#/settings?part=access")
    for name in ("the old tablet", "the new tablet"):
        page.get_by_label("What it is for").fill(name)
        page.get_by_role("button", name="Make it").click()
        expect(page.locator(".span-line", has_text=name)).to_be_visible()
    shown = page.locator(".fresh code").inner_text()
    for name in ("the old tablet", "the new tablet"):
        line = page.locator(".span-line", has_text=name)
        line.get_by_role("button", name="End it").click()
        line.get_by_role("button", name="End it").click()
        expect(line).to_have_count(0)
        expect(page.locator(".fresh code")).to_have_text(shown)


def test_logging_out_while_the_hub_is_away_says_so(hub, look):
    page = look(hub, "#/settings", errors=["ERR_FAILED"])
    page.evaluate("localStorage.setItem('session', 'begun')")
    page.reload()
    page.route("**/api/session", lambda route: route.abort())
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("alert")).to_have_text("The hub cannot be reached.")
    expect(page.get_by_role("button", name="Log out")).to_be_enabled()


def test_everything_can_be_taken_out(hub, look):
    moment = make(start=datetime.fromisoformat("2017-01-02T10:00:00+09:00"), device="taken")
    hub.publish(moment)
    wait_until(lambda: hub.get(f"/api/moments/{moment.id}"))
    page = look(hub, "#/settings?part=data")
    calm(page)
    card = page.locator(".card", has_text="Take it out")
    card.get_by_label("Until").fill("2017-12-31")
    card.get_by_label("Device").select_option("taken")
    with page.expect_download() as getting:
        card.get_by_role("link", name="CSV (table)").click()
    rows = list(csv.DictReader(getting.value.path().read_text("utf-8-sig").splitlines()))
    assert [row["id"] for row in rows] == [moment.id]
    with page.expect_download() as getting:
        card.get_by_role("link", name="NDJSON (complete)").click()
    assert json.loads(getting.value.path().read_text())["id"] == moment.id


def test_erasing_shows_what_it_would_be_and_asks(hub, look):
    gone = [make(start=datetime.fromisoformat("2016-01-02T10:00:00+09:00"), device="unwanted") for _ in range(3)]
    hub.publish(*gone)
    wait_until(lambda: hub.get(f"/api/moments/{gone[-1].id}"))
    page = look(hub, "#/settings?part=data")
    card = page.locator(".card", has=page.get_by_role("heading", name="Erase"))
    card.get_by_role("button", name="See what it would be").click()
    expect(card).to_contain_text("Say which")
    card.get_by_label("Device").select_option("unwanted")
    card.get_by_role("button", name="See what it would be").click()
    card.get_by_role("button", name="Erase 3").click()
    assert hub.get(f"/api/moments/{gone[0].id}")
    card.get_by_role("button", name="Erase", exact=True).click()
    expect(card).to_contain_text("3 moments are erased.")
    assert hub.get(f"/api/moments/{gone[0].id}") == {}


def test_a_part_that_the_token_may_not_see_says_so(hub, look):
    page = look(hub, "#/settings", errors=["403"])
    page.route("**/api/settings*", lambda route: route.fulfill(status=403, body="{}"))
    go(page, "#/settings?part=zones")
    expect(page.locator(".part")).to_contain_text("Your token may not do this.")


def test_an_older_hub_says_that_it_lacks_a_part(hub, look):
    page = look(hub, "#/settings", errors=["404"])
    for part in ("rules", "places", "settings"):
        page.route(f"**/api/{part}*", lambda route: route.fulfill(status=404, body="{}"))
    for part in ("rules", "places", "schedule"):
        go(page, f"#/settings?part={part}")
        expect(page.locator(".part")).to_contain_text("This hub does not offer this.")
        expect(page.locator(".part form")).to_have_count(0)
