"""The page before a hub that asks for a token."""

import pytest
from playwright.sync_api import expect

from tests.e2e.page.running import start_hub
from tests.hub.moments import make

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]


@pytest.fixture
def guarded(tmp_path):
    """A hub that asks for a token, and one that it knows."""
    from hub.stores.store import Store
    from hub.tokens import Access
    from hub.tokens import make as make_token

    store = Store(tmp_path / "hub.db")
    token = make_token(store, "page", Access("write"))
    store.close()
    hub = start_hub(tmp_path, [make()], "http.open_on_loopback=false")
    yield hub, token
    hub.stop()


def test_nothing_is_shown_before_a_token_that_the_hub_knows(guarded, look):
    hub, token = guarded
    page = look(hub, "#/recall", errors=["401"])
    expect(page.locator("h1")).to_have_text("Log in")
    page.get_by_label("Token").fill("mood_wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("The hub does not know this token.")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".rows li")).to_have_count(1)
    assert token not in page.evaluate("JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}])")


def logged_in(look, hub, token):
    page = look(hub, "#/settings", errors=["401"])
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Log in").click()
    return page


def test_logging_out_ends_the_session(guarded, look):
    page = logged_in(look, *guarded)
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("h1")).to_have_text("Log in")


def test_logging_out_works_where_the_browser_has_no_caches(guarded, look):
    page = logged_in(look, *guarded)
    page.get_by_role("button", name="Log out").wait_for()
    assert page.evaluate("delete window.caches && !('caches' in window)"), "as over plain HTTP from another machine"
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("h1")).to_have_text("Log in")
