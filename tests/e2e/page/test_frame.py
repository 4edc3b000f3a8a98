"""What holds for every view: languages, themes, widths, keyboard, screen reader, offline."""

import json
import re
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect

from moments import EMOTIONS
from tests.e2e.page.conftest import LAST_DAY
from tests.e2e.page.views import addresses, web, wide
from tests.e2e.page.walking import calm, go
from tests.hub.moments import make
from tests.parts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]

DAY = f"{LAST_DAY:%Y-%m-%d}"
PANES = ("calendar", "plane", "map")
AXE = Path(__file__).with_name("axe") / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    asked = {"runOnly": RULES, "resultTypes": ["violations"], "preload": False}
    found = page.evaluate("asked => axe.run(document, asked)", asked)["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_any_view(hub, look, theme):
    page = look(hub, width=390, color_scheme=theme)
    found = {}
    for address in addresses(hub):
        go(page, address)
        found[address] = violations(page)
    go(page, "#/recall")
    for pane in PANES:
        page.click(f"[data-pane={pane}]")
        calm(page)
        found[pane] = violations(page)
    assert {address: wrong for address, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_words_of_what_is_heard_now_can_be_read_on_the_colour_of_each_emotion(hub, look, theme):
    page = look(hub, color_scheme=theme)
    calm(page)
    card = (
        "<div class=now><a class=feel href='#' data-emotion={0}><span><span class=eyebrow>{0}</span></span></a></div>"
    )
    page.evaluate(
        "cards => document.querySelector('main').insertAdjacentHTML('beforeend', cards)",
        "".join(card.format(emotion) for emotion in (*EMOTIONS, "unclear", "note")),
    )
    assert violations(page) == []


@pytest.mark.parametrize("address", ["#/recall", "#/settings?part=rules"])
def test_axe_finds_nothing_on_a_wide_screen(hub, look, address):
    page = look(hub, address)
    calm(page)
    assert violations(page) == []


def small(page) -> list[str]:
    """What is pressed and is lower than 44 pixels; a day of the calendar is as wide as a seventh of a phone."""
    return page.evaluate(
        """() => [...document.querySelectorAll("main :is(button, select), #nav a, .row, .parts a, .fields input")]
          .filter((one) => one.checkVisibility() && !one.matches(".daycell, .link, [type=checkbox]"))
          .filter((one) => one.getBoundingClientRect().height < 43.5)
          .map((one) => one.outerHTML.slice(0, 120))"""
    )


def crossing(page) -> list[str]:
    """What is wider than the card it is in; what is scrolled sideways, or drawn, is meant to be."""
    return page.evaluate(
        """() => [...document.querySelectorAll(".card *")]
          .filter((one) => one.checkVisibility() && !one.closest(".scroll, .unseen, .map, svg, textarea"))
          .filter((one) => one.getBoundingClientRect().right > one.closest(".card").getBoundingClientRect().right)
          .map((one) => one.outerHTML.slice(0, 120))"""
    )


def broken(page) -> list[str]:
    """The words on what is pressed that are broken in two."""
    return page.evaluate(
        """() => {
          const words = (text) => [...text.data.matchAll(/\\S+/g)].filter(({index, 0: word}) => {
            const range = document.createRange();
            range.setStart(text, index);
            range.setEnd(text, index + word.length);
            return new Set([...range.getClientRects()].map((one) => one.top)).size > 1;
          }).map(([word]) => word);
          const texts = [...document.querySelectorAll("button, .chip, #nav a, .segments label, .day")]
            .filter((one) => one.checkVisibility())
            .flatMap((one) => [one, ...one.querySelectorAll("*")].flatMap((inner) => [...inner.childNodes]));
          return texts.filter((node) => node.nodeType === Node.TEXT_NODE).flatMap(words);
        }"""
    )


@pytest.mark.parametrize("width", [320, 360])
@pytest.mark.parametrize("locale", ["en-GB", "ko-KR"])
def test_on_a_phone_nothing_is_cut_off_and_what_is_pressed_is_large_enough(hub, look, width, locale):
    page = look(hub, width=width, locale=locale)
    found = {}
    for address in addresses(hub):
        go(page, address)
        found[address] = (wide(page), small(page), crossing(page), broken(page))
    assert {address: wrong for address, wrong in found.items() if wrong != (False, [], [], [])} == {}


@pytest.mark.parametrize("address", ["#/today", "#/recall", "#/settings?part=rules"])
def test_at_400_percent_what_has_the_focus_does_not_lie_behind_the_bar(hub, look, address):
    page = look(hub, address, width=320, height=256)
    calm(page)
    behind = """() => {
      const [at, bar] = [document.activeElement, document.getElementById("nav")];
      const middle = at.getBoundingClientRect().top + Math.min(22, at.getBoundingClientRect().height / 2);
      return at.closest("main") && middle > bar.getBoundingClientRect().top ? at.outerHTML.slice(0, 120) : null;
    }"""
    found = []
    for _ in range(40):
        page.keyboard.press("Tab")
        page.wait_for_timeout(20)
        found.append(page.evaluate(behind))
    assert [one for one in found if one] == []


def test_what_has_the_focus_in_a_panel_does_not_lie_behind_its_head(hub, look):
    page = look(hub, addresses(hub)[-1], width=320, height=256)
    expect(page.get_by_role("dialog")).to_be_visible()
    calm(page)
    page.get_by_label("Your words").focus()
    page.evaluate("""() => {
      const [panel, link] = [document.querySelector(".panel"), document.querySelector(".panel .facts a")];
      panel.scrollBy(0, link.getBoundingClientRect().top - panel.getBoundingClientRect().top - 9);
    }""")
    page.keyboard.press("Shift+Tab")
    expect(page.locator(".panel .facts a")).to_be_focused()
    head, link = (page.locator(what).bounding_box() for what in (".panel-top", ".panel .facts a"))
    assert head["y"] == page.get_by_role("dialog").bounding_box()["y"]
    assert link["y"] >= head["y"] + head["height"]


def test_on_a_very_wide_screen_nothing_is_cut_off(hub, look):
    page = look(hub, width=2560)
    found = []
    for address in addresses(hub):
        go(page, address)
        found += [address] * wide(page)
    assert found == []


def test_everything_is_reached_with_the_keyboard_alone(hub, look):
    page = look(hub, f"#/today?day={DAY}")
    page.wait_for_selector(".rows li")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    seen = set()
    while "row A" not in seen:
        page.keyboard.press("Tab")
        # Inside a date field, Chromium marks the part that has the focus and not the field.
        assert page.evaluate("document.activeElement.matches(':focus-visible, input[type=date]')"), seen
        seen.add(page.evaluate("document.activeElement.className + ' ' + document.activeElement.tagName"))
    assert {"brand A", "step A", "ribbon DIV", "chip A"} <= seen
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.locator(".distribution, .note").first).to_be_visible()
    assert page.evaluate("document.querySelector('dialog').contains(document.activeElement)")


def test_skipping_to_the_content_leaves_the_view_as_it_is(hub, look):
    page = look(hub, "#/recall?emotion=sadness")
    calm(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    calm(page)
    assert page.url.endswith("#/recall?emotion=sadness")
    expect(page.locator("main h1")).to_have_text(hub.get("/api/moments?limit=1&emotion=sadness")["describes"])


@pytest.mark.parametrize("address", ["#/toString", "#/nowhere", "#/today?day=2026-13-01", "#/today?day=tomorrow"])
def test_an_address_of_no_view_or_no_day_is_today_s(hub, look, address):
    page = look(hub, address)
    expect(page.locator("main h1")).to_have_text("Today")
    expect(page).to_have_title("Today · Moodscape")


@pytest.mark.parametrize("address", ["#/record", "#/insights", "#/settings?part=schedule", "#/recall?basis=speech"])
def test_each_view_is_walked_with_the_keyboard_and_the_focus_is_seen(hub, look, address):
    page = look(hub, address)
    calm(page)
    at = "document.activeElement"
    page.keyboard.press("Tab")
    for _ in range(300):
        page.keyboard.press("Tab")
        if page.evaluate(f"{at} === document.body || {at}.id === 'skip'"):
            break
        # Inside a date or time field, Chromium marks the part that has the focus and not the field.
        assert page.evaluate(f"{at}.matches(':focus-visible, [type=date], [type=time]')"), page.evaluate(
            f"{at}.outerHTML"
        )
        page.evaluate(f"{at}.dataset.reached = ''")
    missed = page.evaluate(
        """() => [...document.querySelectorAll("a[href], button, select, textarea, summary, input:not([type=radio])")]
          .filter((one) => !("reached" in one.dataset) && one.tabIndex >= 0 && !one.disabled && one.checkVisibility())
          .filter((one) => one.id !== "skip" && !one.matches(".rows *, .daycell"))
          .map((one) => one.outerHTML.slice(0, 120))"""
    )
    assert missed == []


def test_what_was_seen_is_there_without_the_hub(hub, look):
    page = look(hub, f"#/today?day={DAY}", service_workers="allow", errors=["ERR_INTERNET_DISCONNECTED", "503"])
    wait_until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"))
    page.reload()
    page.wait_for_selector(".rows li")
    shown = page.locator(".rows").text_content()
    page.context.set_offline(True)
    page.reload()
    page.wait_for_selector(".rows li")
    assert page.locator(".rows").text_content() == shown
    expect(page.locator(".banner")).to_contain_text("cannot be reached")
    page.evaluate("location.hash = '#/settings'")
    expect(page.get_by_role("radio", name="한국어")).to_be_visible()
    page.evaluate("location.hash = '#/record'")
    expect(page.get_by_role("button", name="Begin to record")).to_be_visible()


def test_what_was_never_seen_is_told_as_out_of_reach(hub, look):
    page = look(hub, f"#/today?day={DAY}", service_workers="allow", errors=["ERR_INTERNET_DISCONNECTED", "503"])
    wait_until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"))
    page.context.set_offline(True)
    page.evaluate("location.hash = '#/today?day=2019-03-01'")
    expect(page.locator(".banner")).to_contain_text("cannot be reached")
    expect(page.get_by_role("main")).to_contain_text("cannot be reached")


def test_an_erased_moment_is_not_kept_offline(hub, look):
    moment = make(start=datetime.fromisoformat("2021-07-08T09:00:00+09:00"), device="offline")
    hub.publish(moment)
    wait_until(lambda: hub.get(f"/api/moments/{moment.id}"))
    page = look(hub, "#/today?day=2021-07-08", service_workers="allow")
    wait_until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"))
    page.reload()
    page.locator(f'.rows li[data-id="{moment.id}"] a').click()
    page.get_by_role("button", name="Erase this moment").click()
    page.get_by_role("button", name="Erase", exact=True).click()
    expect(page.locator(f'.rows li[data-id="{moment.id}"]')).to_have_count(0)
    kept = page.evaluate(
        """async () => {
          const cache = await caches.open("answers-1");
          const texts = await Promise.all((await cache.keys()).map(async (key) => (await cache.match(key)).text()));
          return texts.join("");
        }"""
    )
    assert moment.id not in kept


def test_the_page_keeps_to_its_security_policy(hub, look):
    page = look(hub)
    headers = page.request.get(hub.url + "/").headers
    policy = headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "connect-src 'self';" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_the_first_view_is_light(hub, look):
    page = look(hub, "#/recall")
    page.wait_for_selector(".rows li")
    page.wait_for_load_state("networkidle")
    sent = page.evaluate(
        """performance.getEntriesByType("resource").filter((one) => !one.name.includes("/api/"))
           .reduce((sum, one) => sum + one.transferSize, performance.getEntriesByType("navigation")[0].transferSize)"""
    )
    assert sent <= 300_000


def test_motion_is_left_out_for_those_who_ask(hub, look):
    page = look(hub, f"#/today?day={DAY}")
    page.wait_for_selector(".rows li")
    page.locator(".rows li a").first.click()
    page.wait_for_selector("dialog[open]")
    assert page.evaluate("document.getAnimations().length") == 0


def imported(path: Path) -> set[Path]:
    """What a module imports before it runs, and what that imports."""
    found, left = set(), [path]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            names = re.findall(r'^import [^;]*?"(\.[^"]+)";', one.read_text(), re.MULTILINE)
            left += [(one.parent / name).resolve() for name in names]
    return found


def test_the_worker_keeps_and_the_frame_names_every_file_of_the_page():
    folder = web().resolve()
    worker = (folder / "sw.js").read_text()
    kept = set(json.loads(re.sub(r",\s*\]", "]", re.search(r"const SHELL = (\[.*?\]);", worker, re.DOTALL)[1])))
    own = [*folder.glob("*.js"), *folder.glob("*/*.js"), *folder.glob("css/*.css")]
    assert {f"/{path.relative_to(folder)}" for path in own} - {"/sw.js"} <= kept
    named = set(re.findall(r'(?:href|src)="(/[^"]+)"', (folder / "index.html").read_text()))
    first = {f"/{path.relative_to(folder)}" for path in imported(folder / "app.js")}
    assert {name for name in named if name.endswith(".js")} == first | {"/theme.js"}
    assert {path for path in (kept | named) - {"/"} if not (folder / path[1:]).is_file()} == set()


def test_the_page_knows_the_emotions_of_the_contract():
    from moments import COORDINATES

    source = (web() / "emotions.js").read_text()
    block = re.search(r"export const COORDINATES = \{(.*?)\};", source, re.DOTALL)[1]
    found = {
        name: (float(valence), float(arousal))
        for name, valence, arousal in re.findall(r"(\w+): \[(-?[\d.]+), (-?[\d.]+)\]", block)
    }
    assert found == dict(COORDINATES)
