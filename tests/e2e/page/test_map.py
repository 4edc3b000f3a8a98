"""The map of what is found, while it loads."""

import pytest
from playwright.sync_api import expect

from tests.parts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]


def placed(hub, query):
    """How many moments with a place a filter matches."""
    return sum(one["count"] for one in hub.get(f"/api/summary?by=place&has=place&{query}")["buckets"])


def test_the_filter_may_change_while_the_map_first_loads(hub, look):
    page = look(hub, "#/recall?device=pocket-1")
    held = []

    def hold(route):
        held.append(route)

    page.route("**/vendor/world/land.json", hold)
    page.click("[data-pane=map]")
    wait_until(lambda: page.wait_for_timeout(50) or held)
    with page.expect_response("**/api/summary?*emotion=sadness*"):
        page.get_by_role("button", name="Sadness", exact=True).click()
    held.pop().continue_()
    count = placed(hub, "device=pocket-1&emotion=sadness")
    assert count != placed(hub, "device=pocket-1")
    expect(page.locator(".mapview [role=status]")).to_contain_text(f"{count:,} moments with a place")
    expect(page.locator(".pin").first).to_be_visible()


def test_a_map_that_did_not_load_is_tried_again(hub, look):
    page = look(hub, "#/recall", errors=["ERR_FAILED"])
    expect(page.locator(".rows li").first).to_be_visible()
    page.route("**/vendor/**", lambda route: route.abort())
    page.click("[data-pane=map]")
    expect(page.locator(".mapview [role=status]")).to_have_text("The hub cannot be reached.")
    page.unroute("**/vendor/**")
    page.click("[data-pane=calendar]")
    page.click("[data-pane=map]")
    expect(page.locator(".pin").first).to_be_visible()


def test_a_map_that_got_a_bad_answer_for_its_coasts_is_tried_again(hub, look):
    page = look(hub, "#/recall", errors=["503"])
    expect(page.locator(".rows li").first).to_be_visible()
    page.route("**/vendor/world/land.json", lambda route: route.fulfill(status=503, json={"title": "busy"}))
    page.click("[data-pane=map]")
    expect(page.locator(".mapview [role=status]")).to_have_text("The hub cannot be reached.")
    page.unroute("**/vendor/world/land.json")
    page.click("[data-pane=calendar]")
    page.click("[data-pane=map]")
    expect(page.locator(".pin").first).to_be_visible()
