"""Where the focus is after an ordinary step: on what one was at, or on what came of it, and never nowhere."""

import json
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

from moments import uuid7
from tests.e2e.page.conftest import LAST_DAY
from tests.e2e.page.running import start_hub
from tests.e2e.page.walking import calm, go
from tests.hub.moments import make
from tests.parts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]


def press_keys(page, what, *keys):
    """Give `what` the focus and press keys."""
    what.focus()
    for key in keys:
        page.keyboard.press(key)


def test_the_focus_stays_on_what_a_device_is_told_while_its_line_is_drawn_anew(hub, look):
    page = look(hub, "#/settings")
    page.clock.install()
    page.goto(f"{hub.url}/?#/settings?part=devices")
    line = page.locator(".device", has_text="walked")
    told = []
    page.on("request", lambda asked: told.append(asked.post_data_json["do"]) if asked.method == "POST" else None)

    def say(state, battery, words):
        hub.say("walked", "status", json.dumps({"state": state, "since": f"{LAST_DAY.isoformat()}"}).encode())
        hub.say("walked", "health", json.dumps({"battery_percent": battery}).encode())

        def shown():
            page.clock.fast_forward("00:11")
            page.wait_for_timeout(100)
            return words in line.inner_text()

        wait_until(lambda: any(one["id"] == "walked" for one in hub.get("/api/devices")["items"]))
        wait_until(shown)

    say("listening", 80, "80%")
    line.get_by_role("button", name="Pause").focus()
    say("listening", 79, "79%")
    expect(line.get_by_role("button", name="Pause")).to_be_focused()
    page.keyboard.press("Enter")
    wait_until(lambda: page.wait_for_timeout(50) or told)
    assert told == ["pause"]
    say("paused", 79, "paused")
    expect(line.get_by_role("button", name="Listen")).to_be_focused()
    say("offline", 79, "offline")
    expect(line).to_be_focused()


@pytest.fixture
def two(hub):
    """The view of a device of its own, with the later and the earlier of its two moments."""
    device = f"two-{uuid7()[-6:]}"
    made = [make(start=LAST_DAY - timedelta(days=530, minutes=n), emotion="anger", device=device) for n in (0, 9)]
    hub.publish(*made)
    wait_until(lambda: all(hub.get(f"/api/moments/{one.id}") for one in made))
    return f"#/recall?device={device}", [one.id for one in made]


def test_the_focus_is_on_the_row_again_once_what_was_said_of_it_is_kept(hub, look, two):
    address, (later, _) = two
    page = look(hub, address)
    row = page.locator(f'.rows li[data-id="{later}"] a')
    press_keys(page, row, "Enter")
    page.get_by_label("Your words").fill("the kettle")
    press_keys(page, page.get_by_role("button", name="Save"), "Enter")
    expect(row).to_contain_text("the kettle")
    page.keyboard.press("Escape")
    expect(row).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("radio", name="Surprise").check()
    expect(row).to_contain_text("Surprise")
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(row).to_be_focused()


def test_the_focus_of_an_erased_moment_goes_to_the_next_and_at_last_to_the_content(hub, look, two):
    address, ids = two
    page = look(hub, address)
    later, earlier = (page.locator(f'main .rows li[data-id="{one}"]') for one in ids)
    for row, then in ((later, earlier), (earlier, page.get_by_role("main"))):
        press_keys(page, row.locator("a"), "Enter")
        press_keys(page, page.get_by_role("button", name="Erase this moment"), "Enter")
        press_keys(page, page.get_by_role("button", name="Erase", exact=True), "Enter")
        expect(row).to_have_count(0)
        expect(then).to_be_focused()


@pytest.mark.parametrize("width", [390, 1280])
def test_a_part_of_the_settings_that_is_opened_has_the_focus_on_its_title(hub, look, width):
    page = look(hub, "#/settings", width=width)
    press_keys(page, page.get_by_role("link", name="When to rest"), "Enter")
    expect(page.get_by_role("heading", name="When to rest")).to_be_focused()


def test_the_way_back_from_a_part_ends_on_its_link_on_a_phone(hub, look):
    page = look(hub, "#/settings?part=zones", width=390)
    press_keys(page, page.get_by_role("link", name="‹ Settings"), "Enter")
    expect(page.get_by_role("link", name="Private places")).to_be_focused()


def test_the_language_that_is_chosen_with_the_keyboard_keeps_the_focus(hub, look):
    page = look(hub, "#/settings?part=browser")
    press_keys(page, page.get_by_role("radio", name="English"), "ArrowDown")
    expect(page.locator("h1")).to_have_text("설정")
    expect(page.get_by_role("radio", name="한국어")).to_be_focused()


def test_owners_are_walked_with_the_arrow_keys(look, tmp_path):
    hub = start_hub(tmp_path, [make(device=f"{owner}-1") for owner in ("ann", "bob")])
    try:
        for owner in ("ann", "bob"):
            hub.put(f"/api/devices/{owner}-1", {"owner": owner})
        page = look(hub, "#/settings?part=keeping")
        whose = page.get_by_label("Whose")
        expect(whose.locator("option")).to_have_count(3)
        for owner in ("ann", "bob"):
            press_keys(page, whose, "ArrowDown")
            page.wait_for_url(f"**owner={owner}")
            calm(page)
            expect(whose).to_be_focused()
            expect(whose).to_have_value(owner)
    finally:
        hub.stop()


@pytest.mark.parametrize(
    ("part", "add", "remove"),
    [("schedule", "Add hours", "Remove these hours"), ("zones", "Add by numbers", "Remove this place")],
)
def test_what_is_removed_leaves_the_focus_on_what_adds(hub, look, part, add, remove):
    page = look(hub, f"#/settings?part={part}")
    press_keys(page, page.get_by_role("button", name=add), "Enter")
    press_keys(page, page.get_by_role("button", name=remove), "Enter")
    expect(page.get_by_role("button", name=add)).to_be_focused()
    press_keys(page, page.get_by_role("button", name="Save"), "Enter")
    expect(page.locator(".part form [role=status]").last).to_have_text("Saved.")
    expect(page.get_by_role("button", name="Save")).to_be_focused()


def test_a_table_of_rules_that_is_saved_has_the_focus_on_its_title(hub, look):
    page = look(hub, "#/settings?part=rules")
    page.route(
        "**/api/rules", lambda route: route.fulfill(json={}) if route.request.method == "PUT" else route.continue_()
    )
    press_keys(page, page.get_by_role("button", name="Save"), "Enter")
    expect(page.get_by_role("heading", name="What a scene feels like")).to_be_focused()


def test_a_token_that_is_ended_leaves_the_focus_in_the_list(hub, look):
    page = look(hub, "#/settings?part=access")
    page.get_by_label("What it is for").fill("the tablet")
    page.get_by_role("button", name="Make it").click()
    for _ in range(2):
        press_keys(page, page.get_by_role("button", name="End it").first, "Enter")
    expect(page.locator(".spans li")).to_have_text("There is none.")
    expect(page.locator(".spans li")).to_be_focused()


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_circle_of_the_map_is_opened_with_a_key_and_leaves_the_focus_on_the_map(hub, look, key):
    page = look(hub, "#/recall")
    page.click("[data-pane=map]")
    expect(page.locator(".pin").first).to_be_visible()
    calm(page)
    before = page.locator(".pinbox").evaluate_all("pins => pins.map((one) => one.ariaLabel)")
    press_keys(page, page.locator(".pinbox").first, key)
    field = page.get_by_role("group", name="Map")
    expect(field).to_be_focused()
    assert page.locator(".pinbox").evaluate_all("pins => pins.map((one) => one.ariaLabel)") != before
    assert page.evaluate("scrollY") == 0


def test_the_view_that_was_chosen_with_the_keyboard_is_still_reached_with_tab(hub, look):
    page = look(hub, "#/today")
    press_keys(page, page.locator("#nav a[href='#/recall']"), "Enter")
    link = page.locator("#nav a[href='#/recall'][aria-current=page]")
    expect(link).to_have_count(1)
    calm(page)
    assert link.evaluate("one => one.tabIndex") == 0


def test_an_owner_who_was_named_meanwhile_can_be_chosen_in_the_settings(hub, look):
    page = look(hub, "#/settings")
    device = {"id": "one", "owner": None, "name": None}
    page.route("**/api/devices", lambda route: route.fulfill(json={"items": [device]}))
    go(page, "#/settings?part=schedule")
    expect(page.get_by_label("Whose")).to_be_hidden()
    go(page, "#/settings?part=devices")
    device["owner"] = "ann"
    go(page, "#/settings?part=schedule")
    expect(page.get_by_label("Whose")).to_have_value("ann")


def test_a_part_of_the_filter_that_is_taken_away_leaves_the_focus_in_the_filter(hub, look):
    page = look(hub, "#/recall?basis=speech")
    press_keys(page, page.locator(".chip.plain"), "Enter")
    expect(page.locator(".chip.plain")).to_have_count(0)
    expect(page.get_by_role("search")).to_be_focused()


def test_what_is_heard_now_keeps_the_focus_when_it_is_quiet_again(hub, look):
    page = look(hub, "#/settings")
    page.clock.install()
    page.goto(f"{hub.url}/?#/today")
    calm(page)
    hub.publish(make(start=datetime.now().astimezone()))
    page.locator(".now a").focus()
    page.clock.fast_forward("03:00")
    expect(page.locator(".now p")).to_be_focused()


def test_an_entry_that_is_moved_in_its_list_keeps_the_focus(hub, look):
    page = look(hub, "#/settings")
    calm(page)
    page.evaluate("""async () => {
      const {keep, h} = await import("/dom.js");
      const list = h("ul");
      document.getElementById("main").append(list);
      const entry = (key) => ({key, sign: "", make: () => h("li", {}, h("button", {}, `Entry ${key}`))});
      keep(list, [entry("a"), entry("b")]);
      list.lastElementChild.firstElementChild.focus();
      keep(list, [entry("b"), entry("a")]);
    }""")
    expect(page.get_by_role("button", name="Entry b")).to_be_focused()
