"""The page before a hub that asks for a token."""

from datetime import datetime

import pytest
from playwright.sync_api import expect

from tests.e2e.page.running import start_hub
from tests.e2e.page.walking import go
from tests.hub.moments import START, make
from tests.parts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]


DAY = f"#/today?day={START:%Y-%m-%d}"


@pytest.fixture
def guarded(tmp_path):
    """A hub that asks for a token, and those that it knows: of everybody, of Ann, whose days it has, and of Ben."""
    from hub.stores.store import Store
    from hub.tokens import Access
    from hub.tokens import make as make_token

    store = Store(tmp_path / "hub.db")
    tokens = [make_token(store, "page", Access("write", owner=owner)) for owner in (None, "Ann", "Ben")]
    store.describe_device("pocket-1", name=None, owner="Ann")
    store.close()
    hub = start_hub(tmp_path, [make()], "http.open_on_loopback=false")
    yield hub, *tokens
    hub.stop()


def test_nothing_is_shown_before_a_token_that_the_hub_knows(guarded, look):
    hub, token, *_ = guarded
    page = look(hub, "#/recall", errors=["401"])
    expect(page.locator("h1")).to_have_text("Log in")
    page.get_by_label("Token").fill("mood_wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("The hub does not know this token.")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".rows li")).to_have_count(1)
    assert token not in page.evaluate("JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}])")


def log_in(page, token):
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#nav a").first).to_be_visible()


def logged_in(look, hub, token, **more):
    page = look(hub, "#/settings", errors=["401", "503", "ERR_INTERNET_DISCONNECTED"], **more)
    log_in(page, token)
    return page


def test_logging_out_ends_the_session(guarded, look):
    page = logged_in(look, *guarded[:2])
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("h1")).to_have_text("Log in")


def test_logging_out_works_where_the_browser_has_no_caches(guarded, look):
    page = logged_in(look, *guarded[:2])
    page.get_by_role("button", name="Log out").wait_for()
    assert page.evaluate("delete window.caches && !('caches' in window)"), "as over plain HTTP from another machine"
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("h1")).to_have_text("Log in")


def test_a_session_lasts_on_while_the_page_is_used_and_is_prolonged_once_a_day(guarded, look):
    hub, token, *_ = guarded
    page = logged_in(look, hub, token)
    begun = datetime.now().astimezone()
    page.clock.install(time=begun)
    prolonged = []
    page.on("response", lambda answer: prolonged.append(answer.status) if prolongs(answer.request) else None)
    (cookie,) = page.context.cookies()
    page.context.add_cookies([cookie | {"expires": begun.timestamp() + 600}])
    page.reload()
    wait_until(lambda: page.evaluate("localStorage.getItem('prolonged')"))
    assert page.context.cookies()[0]["expires"] > begun.timestamp() + 29 * 86_400
    page.reload()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    page.clock.fast_forward("05:00")
    assert prolonged == [204]
    page.clock.fast_forward("24:00:00")
    wait_until(lambda: page.evaluate("1") and prolonged == [204, 204])


def prolongs(asked):
    return asked.method == "POST" and asked.url.endswith("/api/session")


KEPT = "caches.open('answers-1').then((cache) => cache.keys()).then((keys) => keys.map((key) => key.url))"


def after_anns_day(look, hub, ann):
    """The page as Ann leaves it: she has looked at a day, and the hub has ended her session since."""
    page = logged_in(look, hub, ann, service_workers="allow")
    wait_until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"))
    go(page, DAY)
    expect(page.locator(".rows li")).to_have_count(1)
    go(page, "#/record")
    assert any("from=" in url for url in page.evaluate(KEPT))
    page.context.clear_cookies()
    page.reload()
    expect(page.locator("h1")).to_have_text("Log in")
    return page


def test_who_logs_in_next_sees_no_days_of_the_one_before_while_the_hub_is_away(guarded, look):
    hub, _, ann, ben = guarded
    page = after_anns_day(look, hub, ann)
    wait_until(lambda: page.evaluate(KEPT) == [])
    log_in(page, ben)
    page.context.set_offline(True)
    page.evaluate("address => { location.hash = address; }", DAY)
    expect(page.locator(".trouble")).to_have_text("The hub cannot be reached.")
    expect(page.locator(".rows li")).to_have_count(0)


def test_an_answer_that_is_kept_late_is_forgotten_at_the_next_log_in(guarded, look):
    hub, _, ann, ben = guarded
    page = after_anns_day(look, hub, ann)
    wait_until(lambda: page.evaluate(KEPT) == [])
    page.evaluate("caches.open('answers-1').then((cache) => cache.put('/api/moments?late', new Response('{}')))")
    log_in(page, ben)
    wait_until(lambda: not any(url.endswith("?late") for url in page.evaluate(KEPT)))


def test_logging_out_forgets_the_answers_that_were_kept(guarded, look):
    hub, _, ann, _ = guarded
    page = logged_in(look, hub, ann, service_workers="allow")
    wait_until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"))
    go(page, DAY)
    go(page, "#/settings")
    assert any("from=" in url for url in page.evaluate(KEPT))
    page.evaluate("import('/api.js').then((api) => api.logOut())")  # without what the button asks the hub for next
    assert page.evaluate(KEPT) == []


@pytest.mark.parametrize("same", [True, False])
def test_what_is_neither_saved_nor_sent_outlives_a_log_in_of_the_same_person_alone(guarded, look, heard, same):
    hub, everybody, ann, _ = guarded
    page = logged_in(look, hub, ann)
    keys = []
    page.on("request", lambda asked: keys.append(asked.headers["idempotency-key"]) if sends(asked) else None)
    go(page, DAY)
    page.locator(".rows a").first.click()
    page.locator("#note").fill("Ann's of a moment")
    page.keyboard.press("Escape")
    go(page, "#/record")
    page.locator("#file").set_input_files(heard)
    page.locator("#words").fill("Ann's alone")
    page.context.clear_cookies()
    page.get_by_role("button", name="Keep", exact=True).click()
    log_in(page, ann if same else everybody)
    expect(page.locator("h1")).to_have_text("Record")
    expect(page.locator("#words")).to_have_value("Ann's alone" if same else "")
    expect(page.locator(".heard strong")).to_have_count(1 if same else 0)
    expect(page.locator(".recordform .trouble")).to_be_hidden()
    go(page, DAY)
    page.locator(".rows a").first.click()
    expect(page.locator("#note")).to_have_value("Ann's of a moment" if same else "")
    if same:
        page.keyboard.press("Escape")
        go(page, "#/record")
        page.get_by_role("button", name="Keep", exact=True).click()
        expect(page.locator(".record", has_text="Ann's alone")).to_be_visible()
        assert len(keys) == 2
        assert len(set(keys)) == 1


def sends(asked):
    return asked.method == "POST" and asked.url.endswith("/api/records")


def test_nothing_outlives_a_log_in_where_nothing_tells_who_was_logged_in_before(guarded, look):
    hub, _, ann, _ = guarded
    page = logged_in(look, hub, ann)
    page.evaluate("localStorage.setItem('session', 'begun')")  # as a page before this one left it
    page.reload()
    go(page, "#/record")
    page.locator("#words").fill("somebody's")
    page.context.clear_cookies()
    page.get_by_role("button", name="Keep the words").click()
    log_in(page, ann)
    expect(page.locator("h1")).to_have_text("Record")
    expect(page.locator("#words")).to_have_value("")


@pytest.fixture
def two_tabs(guarded, look):
    """Ann's, with words that she has not sent, and another of the same browser, which shows the settings."""
    hub, _, ann, _ = guarded
    page = logged_in(look, hub, ann)
    go(page, "#/record")
    page.locator("#words").fill("Ann's alone")
    other = page.context.new_page()
    other.goto(f"{hub.url}/#/settings")
    expect(other.get_by_role("button", name="Log out")).to_be_visible()
    return page, other


def test_a_log_out_in_one_tab_takes_what_every_other_shows_and_holds(guarded, two_tabs):
    page, other = two_tabs
    other.get_by_role("button", name="Log out").click()
    expect(page.locator("h1")).to_have_text("Log in")
    log_in(page, guarded[2])
    expect(page.locator("h1")).to_have_text("Record")
    expect(page.locator("#words")).to_have_value("")


@pytest.mark.parametrize("same", [True, False])
def test_a_log_in_in_one_tab_leaves_in_others_what_is_of_the_same_person_alone(guarded, two_tabs, same):
    _, _, ann, ben = guarded
    page, other = two_tabs
    other.context.clear_cookies()
    other.reload()
    log_in(other, ann if same else ben)
    expect(page.locator("#words")).to_have_value("Ann's alone" if same else "")
    if same:
        page.get_by_role("button", name="Keep the words").click()
        expect(page.locator(".record", has_text="Ann's alone")).to_be_visible()
