"""What was recorded or written and is not sent yet: it outlives a log-in and other views, and goes with a log-out."""

import hashlib

import pytest
from playwright.sync_api import expect

from tests.e2e.page.test_record import DRAWN, HERE, SEOUL, record
from tests.e2e.page.walking import go
from tests.parts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]


def words_and_sound(page):
    """What is not sent yet, as the page shows it."""
    return page.get_by_label("Your words").input_value(), page.locator(".heard p").first.inner_text()


def test_a_sound_and_its_words_outlive_a_log_in_in_between(hub, look, heard):
    page = look(hub, "#/record", errors=["401"])
    keys = []

    def send(route):
        if route.request.method != "POST":
            route.continue_()
            return
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fulfill(status=401, json={"title": "Unauthorized"})
        else:
            route.continue_()

    page.route("**/api/records", send)
    page.route("**/api/session", lambda route: route.fulfill(status=204))
    page.locator("#file").set_input_files(heard)
    page.get_by_label("Your words").fill("said while the session ended")
    before = words_and_sound(page)
    page.get_by_role("button", name="Keep", exact=True).click()
    page.get_by_label("Token").fill("mood_mine")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".recordform canvas")).to_have_attribute("aria-label", DRAWN)
    assert words_and_sound(page) == before
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_label("Your words")).to_have_value("")
    made = record(hub, "said while the session ended")
    assert made["clip"]["sha256"] == hashlib.sha256(heard.read_bytes()).hexdigest()
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_a_sound_its_words_and_its_place_outlive_a_look_at_another_view(hub, look, heard):
    page = look(hub, "#/record", **HERE)
    page.get_by_label("Add where I am").check()
    page.locator("#file").set_input_files(heard)
    page.get_by_label("Your words").fill("looked something up")
    expect(page.locator(".recordform")).to_contain_text("35.1587, 129.1604")
    before = words_and_sound(page)
    go(page, "#/today")
    page.context.set_geolocation(SEOUL)
    go(page, "#/record")
    expect(page.locator(".recordform canvas")).to_have_attribute("aria-label", DRAWN)
    assert words_and_sound(page) == before
    expect(page.get_by_label("Add where I am")).to_be_checked()
    page.get_by_role("button", name="Keep", exact=True).click()
    made = record(hub, "looked something up")
    assert made["clip"]["sha256"] == hashlib.sha256(heard.read_bytes()).hexdigest()
    assert made["place"] == {"lat": 35.1587, "lon": 129.1604}
    expect(page.get_by_label("Your words")).to_have_value("")
    go(page, "#/today")
    go(page, "#/record")
    expect(page.locator(".heard")).to_be_empty()
    expect(page.get_by_label("Your words")).to_have_value("")
    expect(page.get_by_label("Add where I am")).not_to_be_checked()


def test_a_recording_that_is_under_way_when_another_view_is_opened_is_stopped_and_waits(hub, look):
    page = look(hub, "#/record", **HERE)
    page.get_by_role("button", name="Begin to record").click()
    expect(page.locator(".stopwatch")).to_have_text("0:02", timeout=20_000)
    go(page, "#/today")
    expect(page.locator("#announce")).to_have_text("The recording was stopped. It waits under Record.")
    page.wait_for_timeout(2500)
    go(page, "#/record")
    expect(page.get_by_role("button", name="Begin to record")).to_be_visible()
    expect(page.locator(".recordform canvas")).to_have_attribute("aria-label", DRAWN)
    page.get_by_label("Your words").fill("cut short")
    page.get_by_role("button", name="Keep", exact=True).click()
    assert 1 <= record(hub, "cut short")["seconds"] <= 4


def holding(page):
    """Hold back every record that is sent, in the list that this gives."""
    held = []
    page.route(
        "**/api/records", lambda route: held.append(route) if route.request.method == "POST" else route.continue_()
    )
    return held


def test_what_is_being_sent_is_told_and_not_sent_again_after_a_look_at_another_view(hub, look):
    page = look(hub, "#/record")
    held = holding(page)
    page.get_by_label("Your words").fill("on its way")
    page.get_by_role("button", name="Keep the words").click()
    wait_until(lambda: page.wait_for_timeout(50) or held)
    for address, title in (("#/settings", "Settings"), ("#/record", "Record")):
        page.evaluate(f"location.hash = '{address}'")
        expect(page.locator("h1")).to_have_text(title)
    expect(page.locator(".recordform")).to_contain_text("It is being sent")
    expect(page.get_by_role("button", name="Keep the words")).to_be_disabled()
    held.pop().continue_()
    expect(page.locator(".record", has_text="on its way")).to_be_visible()
    expect(page.get_by_label("Your words")).to_have_value("")
    assert held == []


def test_what_could_not_be_sent_after_a_look_at_another_view_is_told_there_and_under_record(hub, look, heard):
    page = look(hub, "#/record", errors=["ERR_FAILED"])
    held = holding(page)
    page.locator("#file").set_input_files(heard)
    page.get_by_role("button", name="Keep", exact=True).click()
    wait_until(lambda: page.wait_for_timeout(50) or held)
    page.evaluate("location.hash = '#/settings'")
    expect(page.locator("h1")).to_have_text("Settings")
    held.pop().abort()
    expect(page.locator("#announce")).to_have_text("It was not sent and waits under Record. The hub cannot be reached.")
    go(page, "#/record")
    trouble = page.locator(".recordform .trouble")
    expect(trouble).to_have_text("The hub cannot be reached.")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(trouble).to_be_hidden()
    wait_until(lambda: page.wait_for_timeout(50) or held)
    held.pop().abort()
    expect(trouble).to_be_visible()
    page.locator("#file").set_input_files(heard)
    expect(trouble).to_be_hidden()


def test_no_other_sound_takes_the_place_of_one_that_is_being_sent(hub, look, heard):
    page = look(hub, "#/record", errors=["ERR_FAILED"], **HERE)
    held = holding(page)
    page.locator("#file").set_input_files(heard)
    page.get_by_role("button", name="Keep", exact=True).click()
    wait_until(lambda: page.wait_for_timeout(50) or held)
    others = [page.get_by_role("button", name=name) for name in ("Begin to record", "Discard")] + [
        page.locator("#file")
    ]
    for other in others:
        expect(other).to_be_disabled()
    page.evaluate(
        """() => {
          const carried = new DataTransfer();
          carried.items.add(new File([new Uint8Array(9)], "dropped.wav", {type: "audio/wav"}));
          const drop = new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true});
          document.querySelector(".recorder").dispatchEvent(drop);
        }"""
    )
    held.pop().abort()
    expect(page.locator(".recordform .trouble")).to_have_text("The hub cannot be reached.")
    expect(page.locator(".heard")).to_contain_text("heard.wav")
    for other in others:
        expect(other).to_be_enabled()


def test_a_send_in_which_nothing_moves_ends_and_can_be_tried_again_as_the_same(hub, look, heard):
    page = look(hub, "#/record", errors=["ERR_"], **HERE)
    held = holding(page)
    page.clock.install()
    page.locator("#file").set_input_files(heard)
    page.get_by_role("button", name="Keep", exact=True).click()
    wait_until(lambda: page.wait_for_timeout(50) or held)
    page.clock.run_for(59_000)
    expect(page.get_by_role("button", name="Discard")).to_be_disabled()
    page.clock.run_for(2_000)
    expect(page.locator(".recordform .trouble")).to_have_text("The hub cannot be reached.")
    expect(page.locator(".heard")).to_contain_text("heard.wav")
    page.get_by_role("button", name="Keep", exact=True).click()
    wait_until(lambda: page.wait_for_timeout(50) or len(held) == 2)
    first, again = (route.request.headers["idempotency-key"] for route in held)
    assert first == again
    held[1].abort()


def test_nothing_is_sent_while_a_recording_is_under_way_that_would_take_its_place(hub, look, heard):
    page = look(hub, "#/record", **HERE)
    page.locator("#file").set_input_files(heard)
    page.get_by_role("button", name="Begin to record").click()
    page.get_by_role("button", name="Stop recording").wait_for()
    expect(page.get_by_role("button", name="Keep", exact=True)).to_be_disabled()
    page.get_by_role("button", name="Stop recording").click()
    expect(page.locator(".heard")).to_contain_text("New recording")
    expect(page.get_by_role("button", name="Keep", exact=True)).to_be_enabled()


def test_logging_out_leaves_nothing_of_what_was_not_sent(hub, look, heard):
    page = look(hub, "#/record")
    page.evaluate("localStorage.setItem('session', 'begun')")
    page.locator("#file").set_input_files(heard)
    page.get_by_label("Your words").fill("mine alone")
    go(page, "#/settings")
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("h1")).to_have_text("Today")
    go(page, "#/record")
    expect(page.locator(".heard")).to_be_empty()
    expect(page.get_by_label("Your words")).to_have_value("")
