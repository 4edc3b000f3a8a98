"""Finding moments again: the filter in the address, and the views that share it."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, quote

import pytest
from playwright.sync_api import expect

from tests.e2e.page.conftest import LAST_DAY
from tests.e2e.page.walking import calm, press
from tests.hub.moments import make
from tests.parts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]

DAY = f"{LAST_DAY:%Y-%m-%d}"
AFTER = f"{LAST_DAY + timedelta(days=1):%Y-%m-%d}"
WEEK_AGO = f"{LAST_DAY - timedelta(days=7):%Y-%m-%d}"
SIX_DAYS_AGO = f"{LAST_DAY - timedelta(days=6):%Y-%m-%d}"


def total(hub, query):
    answer = hub.get(f"/api/moments?limit=1&{query}")
    return answer["total"] if answer["total_is"] == "exact" else None


def count_shown(page):
    """The number that the page tells, once it has found something."""
    expect(page.locator("#found + p")).to_have_text(re.compile(r"moment"))
    text = page.locator("#found + p").inner_text()
    return 1 if text.startswith("One") else int(re.sub(r"\D", "", text))


@pytest.mark.parametrize(
    "query",
    [
        "emotion=sadness",
        "emotion=sadness&emotion=fear",
        "basis=speech",
        "scene=rain",
        "device=pocket-1",
        f"from={WEEK_AGO}&to={DAY}",
        "near=35.1341,129.1032&radius_m=800",
        "bbox=129.09,35.12,129.11,35.14",
        "min_confidence=0.85",
        "valence=-1,-0.2&arousal=0.2,1",
        "text=rain",
        "has=place",
        f"emotion=calm&basis=scene&from={WEEK_AGO}&has=place&order=oldest",
    ],
)
def test_what_the_address_asks_is_what_is_found(hub, look, query):
    page = look(hub, f"#/recall?{query}&from=2000-01-01" if "from=" not in query else f"#/recall?{query}")
    expect(page.locator(".rows li").first).to_be_visible()
    answer = hub.get(f"/api/moments?limit=1&{query}" + ("" if "from=" in query else "&from=2000-01-01"))
    assert count_shown(page) == answer["total"]
    expect(page.locator("h1")).to_have_text(answer["describes"])


def test_without_a_filter_all_are_counted(hub, look):
    page = look(hub, "#/recall")
    months = hub.get("/api/summary?by=month")["buckets"]
    assert count_shown(page) == min(10_000, sum(month["count"] for month in months)) > 1


def test_every_part_of_the_filter_is_a_chip_that_can_be_taken_away(hub, look):
    page = look(hub, f"#/recall?from={WEEK_AGO}&basis=speech&has=place&scene=rain")
    for name, gone in (("from ", "from"), ("rain", "scene"), ("Voice", "basis"), ("With a place", "has")):
        page.get_by_role("button", name=f"Without {name}").click()
        page.wait_for_url(lambda url, gone=gone: f"{gone}=" not in url)
    expect(page.locator("h1")).to_have_text("All moments")


def test_pressing_an_emotion_asks_for_it_and_pressing_again_lets_it_go(hub, look):
    page = look(hub, "#/recall")
    page.get_by_role("button", name="Sadness", exact=True).click()
    page.wait_for_url("**/#/recall?emotion=sadness")
    expect(page.get_by_role("button", name="Sadness", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("h1")).to_have_text(hub.get("/api/moments?limit=1&emotion=sadness")["describes"])
    assert set(page.locator(".rows .feeling").all_text_contents()) == {"Sadness"}
    page.get_by_role("button", name="Sadness", exact=True).click()
    page.wait_for_url("**/#/recall")


ASKED = {"emotion": ["calm"], "basis": ["scene"]}
RAIN = {"text": ["rain"]}


@pytest.mark.parametrize(
    ("pressed", "view", "query"),
    [
        ("button[data-value=sadness]", "recall", ASKED | RAIN | {"emotion": ["calm", "sadness"]}),
        ("button[aria-label^=Without]", "recall", {"emotion": ["calm"]} | RAIN),
        ("button:text-is('Clear')", "recall", {}),
        (f'[data-day="{WEEK_AGO}"]', "recall", ASKED | RAIN | {"from": [WEEK_AGO], "to": [SIX_DAYS_AGO]}),
        ("nav a[href='#/insights']", "insights", {}),
    ],
)
def test_words_that_were_typed_count_with_what_is_pressed_next(hub, look, pressed, view, query):
    page = look(hub, "#/recall?emotion=calm&basis=scene")
    expect(page.locator(f'[data-day="{WEEK_AGO}"]')).to_be_visible()
    page.get_by_label("Words in notes and scenes").press_sequentially("rain")
    press(page, page.locator(pressed))
    page.wait_for_url(lambda url: url.endswith(view) or f"{view}?" in url)
    wait_until(lambda: page.wait_for_timeout(50) or parse_qs(page.url.partition("?")[2]) == query)
    expect(page.locator("nav [aria-current]")).to_have_text(view.title())


def test_a_row_that_is_pressed_after_words_were_typed_opens_above_what_they_find(hub, look):
    page = look(hub, "#/recall?emotion=calm")
    row = page.locator("main .rows li").first
    opened = row.get_attribute("data-id")
    page.get_by_label("Words in notes and scenes").press_sequentially("rain")
    press(page, row)
    page.wait_for_url(f"**/#/recall?emotion=calm&text=rain&moment={opened}")
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.locator("h1")).to_have_text(hub.get("/api/moments?limit=1&emotion=calm&text=rain")["describes"])


def test_words_that_are_left_for_the_navigation_leave_the_focus_there(hub, look):
    page = look(hub, "#/recall")
    page.get_by_label("Words in notes and scenes").press_sequentially("rain")
    page.keyboard.press("Shift+Tab")
    page.wait_for_url("**/#/recall?text=rain")
    calm(page)
    expect(page.get_by_role("link", name="Settings")).to_be_focused()


def test_words_that_are_left_by_going_back_are_asked_for_no_more(hub, look):
    page = look(hub, "#/insights")
    page.evaluate("location.hash = '#/recall'")
    page.get_by_label("Words in notes and scenes").press_sequentially("rain")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Insights")
    page.wait_for_timeout(300)
    assert page.url.endswith("#/insights")


def test_every_control_of_the_bar_writes_the_address(hub, look):
    page = look(hub, "#/recall")
    page.get_by_text("More filters").click()
    page.get_by_label("From").fill(WEEK_AGO)
    page.wait_for_url(f"**from={WEEK_AGO}*")
    page.get_by_label("Until").fill(DAY)
    page.wait_for_url(f"**to={AFTER}*")
    page.get_by_label("Heard in").select_option("speech")
    page.wait_for_url("**basis=speech*")
    page.get_by_label("Device").select_option("pocket-1")
    page.wait_for_url("**device=pocket-1*")
    page.get_by_label("With a place").check()
    page.wait_for_url("**has=place*")
    page.get_by_label("Words in notes and scenes").fill("rain")
    page.get_by_role("button", name="Find").click()
    page.wait_for_url("**text=rain*")
    expected = total(hub, f"from={WEEK_AGO}&to={AFTER}&basis=speech&device=pocket-1&has=place&text=rain")
    expect(page.locator("#found + p")).to_contain_text(re.compile("moment|matches"))
    page.wait_for_timeout(500)
    assert count_shown(page) == expected
    page.get_by_role("button", name="Clear", exact=True).click()
    page.wait_for_url("**/#/recall")


def test_a_day_of_the_calendar_narrows_the_list(hub, look):
    page = look(hub, "#/recall")
    cell = page.locator(f'[data-day="{DAY}"]')
    expect(cell).to_have_attribute("aria-label", re.compile(r"\d+ moments, mostly"))
    cell.click()
    page.wait_for_url(f"**from={DAY}&to={AFTER}")
    expect(page.locator(f'[data-day="{DAY}"]')).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(300)
    assert count_shown(page) == total(hub, f"from={DAY}&to={AFTER}")


def test_a_day_of_notes_alone_counts_them(hub, look):
    day = LAST_DAY - timedelta(days=400)
    hub.publish(*(make(start=day, basis="none", origin="note", device="notes") for _ in range(2)))
    page = look(hub, f"#/recall?device=notes&to={day + timedelta(days=1):%Y-%m-%d}")
    cell = page.locator(f'[data-day="{day:%Y-%m-%d}"]')
    expect(cell).to_have_attribute("aria-label", re.compile("2 moments, mostly Note"))
    expect(cell.locator(".stripes")).to_have_count(0)


def test_the_calendar_is_walked_with_the_arrow_keys(hub, look):
    page = look(hub, "#/recall")
    page.wait_for_selector('.daycell[tabindex="0"]')
    page.locator('.daycell[tabindex="0"]').focus()
    start = page.evaluate("document.activeElement.dataset.day")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.day") == start
    page.keyboard.press("Enter")
    page.wait_for_url(f"**from={start}*")


def test_a_quarter_of_the_plane_narrows_the_list(hub, look):
    page = look(hub, "#/recall")
    page.get_by_role("button", name="Feelings").click()
    page.get_by_role("button", name="unpleasant, lively").click()
    page.wait_for_url(f"**valence={quote('-1,0')}&arousal={quote('0,1')}")
    page.wait_for_timeout(300)
    shown = page.locator("#found + p").inner_text()
    answer = hub.get("/api/moments?limit=1&valence=-1,0&arousal=0,1")
    assert int(re.sub(r"\D", "", shown)) == answer["total"]


def test_the_map_gathers_what_lies_close_and_narrows_to_what_it_shows(hub, look):
    page = look(hub, f"#/recall?from={WEEK_AGO}")
    page.get_by_role("button", name="Map").click()
    expect(page.locator(".pin").first).to_be_visible()
    page.get_by_role("button", name="Find within this map").click()
    page.wait_for_url("**bbox=*")
    expect(page.locator(".rows li").first).to_be_visible()


def test_more_can_be_shown_to_the_end(hub, look):
    page = look(hub, "#/recall?basis=speech")
    page.wait_for_selector(".rows li")
    before = page.locator(".rows li").count()
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(".rows li").nth(before)).to_be_visible()


def test_a_moment_that_both_filters_find_is_opened_under_the_later_one(hub, look):
    moment = make(start=LAST_DAY - timedelta(days=520), emotion="surprise", device="both")
    hub.publish(moment)
    wait_until(lambda: hub.get(f"/api/moments/{moment.id}"))
    page = look(hub, "#/recall?device=both")
    expect(page.locator("main .rows li")).to_have_count(1)
    page.get_by_role("button", name="Surprise", exact=True).click()
    expect(page.locator("h1")).to_have_text(hub.get("/api/moments?limit=1&device=both&emotion=surprise")["describes"])
    page.locator("main .rows a").click()
    expect(page).to_have_url(re.compile(f"emotion=surprise.*moment={moment.id}"))


def test_what_is_erased_is_not_counted_any_more(hub, look):
    gone = [make(start=LAST_DAY - timedelta(days=500, minutes=n), device="erased") for n in range(2)]
    hub.publish(*gone)
    wait_until(lambda: all(hub.get(f"/api/moments/{one.id}") for one in gone))
    page = look(hub, "#/recall?device=erased")
    expect(page.locator("#found + p")).to_have_text("2 moments")
    for left in ("One moment", "0 moments"):
        page.locator(".rows a").first.click()
        page.get_by_role("button", name="Erase this moment").click()
        page.get_by_role("button", name="Erase", exact=True).click()
        expect(page.locator("#found + p")).to_have_text(left)
    expect(page.locator(".empty")).to_have_text("Nothing matches. Take away a filter to see more.")
    expect(page.locator(".daycell[data-emotion]")).to_have_count(0)


def test_what_is_corrected_counts_as_that_in_the_list_and_the_calendar(hub, look):
    day = LAST_DAY - timedelta(days=510)
    moment = make(start=day, emotion="surprise", device="corrected")
    hub.publish(moment)
    wait_until(lambda: hub.get(f"/api/moments/{moment.id}"))
    page = look(hub, "#/recall?device=corrected")
    cell = page.locator(f'[data-day="{day:%Y-%m-%d}"]')
    page.locator("main .rows a").click()
    page.get_by_role("radio", name="Sadness").check()
    expect(cell).to_have_attribute("aria-label", re.compile("mostly Sadness"))
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Sadness", exact=True).click()
    page.wait_for_url("**emotion=sadness*")
    page.locator("main .rows a").click()
    page.get_by_role("radio", name="Calm").check()
    expect(page.locator("main .rows li")).to_have_count(0)


def test_a_second_press_while_more_is_fetched_shows_nothing_twice(hub, look):
    page = look(hub, "#/recall?basis=speech")
    page.wait_for_selector(".rows li")
    asked = []

    def slowly(route):
        asked.append(route.request.url)
        page.wait_for_timeout(200)
        route.continue_()

    page.route("**/api/moments*cursor=*", slowly)
    before = page.locator(".rows li").count()
    page.get_by_role("button", name="Show more").dblclick()
    expect(page.locator(".rows li").nth(before)).to_be_visible()
    wait_until(lambda: page.wait_for_timeout(100) or asked)
    page.wait_for_timeout(500)
    assert len(asked) == len(set(asked))
    shown = page.locator(".rows li").evaluate_all("rows => rows.map((row) => row.dataset.id)")
    assert len(shown) == len(set(shown))


def test_nothing_found_says_how_to_find_more(hub, look):
    page = look(hub, "#/recall?text=zzzzzz")
    expect(page.locator(".empty")).to_have_text("Nothing matches. Take away a filter to see more.")


def test_a_wrong_value_in_the_address_is_told_in_a_sentence(hub, look):
    page = look(hub, "#/recall?emotion=joy", errors=["422"])
    expect(page.locator("#found + p")).to_contain_text("joy")


@pytest.mark.parametrize("query", ["from=2026-13-01", "to=2026-06-31", "to=tomorrow", "from=x&to=y"])
def test_a_day_in_the_address_that_does_not_exist_is_told_beside_the_calendar(hub, look, query):
    page = look(hub, f"#/recall?{query}", errors=["422"])
    expect(page.locator("#found + p")).to_contain_text(re.compile("^(from|to)"))
    expect(page.locator(f'[data-day="{DAY}"]')).to_be_visible()
    expect(page.get_by_role("button", name="Without")).to_have_count(len(query.split("&")))


def test_an_empty_hub_says_that_there_is_nothing_yet(empty_hub, look):
    page = look(empty_hub, "#/recall")
    expect(page.locator(".empty")).to_contain_text("nothing to find yet")
