"""Weeks, hours, weekdays, scenes and places compared."""

import re
import statistics
from datetime import date, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import expect

from moments import Place
from tests.e2e.page.running import start_hub
from tests.e2e.page.walking import calm
from tests.hub.moments import make
from tests.parts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]

NOON = datetime.now().astimezone().replace(hour=12, minute=0, second=0, microsecond=0)
MONDAY = NOON - timedelta(days=NOON.weekday())
HOME, OFFICE = Place(lat=35.1312, lon=129.1032), Place(lat=35.1334, lon=129.1032)  # 245 m apart
PIER = Place(lat=35.0951, lon=129.0256)


def heard(day, device, place, valence, *, count=6, emotion="happiness"):
    """Moments of a minute each from noon on."""
    return [
        make(start=day + timedelta(minutes=n), seconds=60, device=device, place=place, valence=valence, emotion=emotion)
        for n in range(count)
    ]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A hub of two people, with the two weeks before this one: Ann's Monday was busy, and Bob was at her home."""
    held = heard(MONDAY - timedelta(days=7), "ann-1", None, 0.0, count=200, emotion="anger")
    for ago in range(1, 15):
        day = MONDAY - timedelta(days=ago)
        held += heard(day, "ann-1", HOME, 0.6) + heard(day, "ann-1", OFFICE, -0.5)
        held += heard(day, "bob-1", HOME, -0.9) + heard(day, "bob-1", PIER, 0.1)
    running = start_hub(tmp_path_factory.mktemp("shared"), held)
    for owner in ("Ann", "Bob"):
        running.put(f"/api/devices/{owner.lower()}-1", {"owner": owner})
    for owner, name, place in (("Ann", "home", HOME), ("Ann", "office", OFFICE), ("Bob", "pier", PIER)):
        running.put(f"/api/places?owner={owner}", {"name": name, "lat": place.lat, "lon": place.lon, "radius_m": 90})
    yield running
    running.stop()


def card(page, heading):
    return page.locator(".card", has=page.get_by_role("heading", name=heading, exact=True))


def test_the_heading_and_the_line_below_agree_that_it_is_too_early(shared, look):
    page = look(shared, "#/insights")
    expect(page.locator(".saying")).to_contain_text("too early to compare with your usual weeks")
    expect(page.locator(".saying + p")).to_contain_text("takes three weeks before it")
    expect(page.locator(".chart").first).to_be_visible()
    assert page.locator(".insights .usual, .shares i").count() == 0


def test_a_place_keeps_its_own_mean_and_leads_to_what_it_was_made_of(shared, look):
    page = look(shared, "#/insights?owner=Ann")
    rows = card(page, "By place").locator(".ladder li")
    expect(rows.locator("a")).to_have_text(["home", "office"])
    for row, mean in zip(rows.all(), (0.6, -0.5), strict=True):
        assert row.locator(".unseen").text_content().startswith(f"{mean}, likely between")
        query = row.locator("a").get_attribute("href").split("?")[1]
        found = shared.get(f"/api/moments?limit=1000&{query}")
        assert {one["valence"] for one in found["items"]} == {mean}
        assert found["total"] == 14 * 6


def test_the_places_of_everybody_have_their_names(shared, look):
    page = look(shared, "#/insights")
    expect(card(page, "By place").locator(".ladder a")).to_have_text(["pier", "home", "office"])


def test_insights_of_one_owner_lead_to_that_owner_s_moments(shared, look):
    page = look(shared, "#/insights?owner=Ann")
    calm(page)
    links = page.locator(".insights a").evaluate_all("links => links.map((link) => link.hash.split('?')[1])")
    assert len(links) > 5
    assert {tuple(parse_qs(link).get("owner", ())) for link in links} == {("Ann",)}
    card(page, "By place").get_by_role("link", name="home").click()
    page.wait_for_url("**/#/recall?*")
    expect(page.locator("h1")).to_contain_text("of Ann")
    expect(page.locator("#found + p")).to_contain_text("84 moments")
    page.get_by_role("button", name="Without Ann's moments").click()
    page.wait_for_url(lambda url: "owner=" not in url)
    expect(page.locator("#found + p")).to_contain_text("168 moments")


def test_the_places_to_find_and_to_see_on_the_map_are_the_owner_s(shared, look):
    page = look(shared, "#/recall?owner=Ann")
    page.get_by_text("More filters").click()
    where = page.locator("#filter-where")
    expect(where.locator("option")).to_have_text(["Any", "home", "office"])
    page.get_by_role("button", name="Map").click()
    expect(page.locator(".placename")).to_have_count(2)
    ann = page.locator(".trail").count()
    page.get_by_role("button", name="Without Ann's moments").click()
    expect(where.locator("option")).to_have_text(["Any", "home", "office", "pier"])
    expect(page.locator(".placename")).to_have_count(3)
    assert page.locator(".trail").count() == ann + 1


def test_a_busy_day_counts_once_in_what_a_week_was_made_of(shared, look):
    page = look(shared, "#/insights?owner=Ann")
    anger = page.locator(".shares li", has_text="Anger").locator(".number").first
    expect(anger).to_have_text(f"{100 * (200 / 212) / 7:.0f}%")
    expect(page.locator("h3 + p")).to_contain_text("averaged over the days")


def test_a_control_keeps_the_focus_while_what_it_chose_is_drawn(shared, look):
    page = look(shared, "#/insights")
    focused = "[document.activeElement.name || document.activeElement.id, document.activeElement.value]"
    page.get_by_label("Weeks").focus()
    for key, name, chosen in (("ArrowRight", "span", "month"), ("ArrowLeft", "span", "week")):
        page.keyboard.press(key)
        page.wait_for_url(f"**{name}={chosen}*")
        calm(page)
        assert page.evaluate(focused) == [name, chosen]
    page.get_by_label("Pleasantness").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**of=arousal*")
    expect(page.locator(".chart").first).to_contain_text("lively")
    assert page.evaluate(focused) == ["of", "arousal"]
    page.locator("#owner").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_url("**owner=Ann*")
    calm(page)
    assert page.evaluate(focused) == ["owner", "Ann"]
    page.go_back()
    expect(page.locator("#owner")).to_have_value("")
    page.go_back()
    expect(page.get_by_label("Pleasantness")).to_be_checked()


def test_an_owner_who_is_chosen_before_the_devices_are_known_is_the_one_shown(shared, look):
    page = look(shared, "#/settings")
    held = []

    def hold(route):
        held.append(route)

    page.route("**/api/devices", hold)
    page.evaluate("location.hash = '#/insights?owner=Ann'")
    wait_until(lambda: page.wait_for_timeout(50) or held)
    with page.expect_response("**/api/summary?*owner=Bob*"):
        page.evaluate("location.hash = '#/insights?owner=Bob'")
    held.pop().continue_()
    expect(page.locator("#owner")).to_be_visible()
    expect(page.locator("#owner")).to_have_value("Bob")


def test_the_band_of_the_usual_is_told_in_words(hub, look):
    page = look(hub, "#/insights")
    told = page.locator(".key").inner_text()
    low, high = re.fullmatch(r"Usual: (-?[\d.]+) to (-?[\d.]+)", told).groups()
    assert float(low) < float(high)
    assert told in page.locator(".chart svg").first.get_attribute("aria-label")
    first = page.locator(".card").first
    first.get_by_text("The numbers").click()
    cells = first.locator("tbody tr", has=page.get_by_role("rowheader", name="Usual", exact=True)).locator("td")
    assert cells.nth(1).inner_text() == f"{low} … {high}"


def luminance(colour):
    parts = [part / 255 for part in colour]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def drawn_over(page, selector, paint, under):
    """The colour of a part of the chart as it is seen over another colour."""
    text, opacity = page.locator(selector).first.evaluate(
        """(part, paint) => {
          const style = getComputedStyle(part);
          return [style[paint], Number(style.opacity) * Number(style[`${paint}Opacity`])];
        }""",
        paint,
    )
    colour = [float(part) for part in re.findall(r"[\d.]+", text)[:3]] or under  # none paints nothing
    return [opacity * part + (1 - opacity) * below for part, below in zip(colour, under, strict=True)]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_band_and_the_lines_of_a_chart_stand_out(hub, look, theme):
    page = look(hub, "#/insights", color_scheme=theme)
    expect(page.locator(".chart .whisker").first).to_be_attached()
    card = page.locator(".card").first.evaluate("card => getComputedStyle(card).backgroundColor")
    card = [float(part) for part in re.findall(r"[\d.]+", card)]
    band = drawn_over(page, ".chart .usual", "fill", card)
    for under in (card, band):
        for selector in (".chart .usual", ".chart .whisker", ".chart .zero"):
            assert contrast(drawn_over(page, selector, "stroke", under), under) >= 3, selector


def row(page, part, name):
    """The numbers of a row of a part's table, as they are shown."""
    within = card(page, part)
    within.get_by_text("The numbers").click()
    return within.locator("tr", has=page.locator("th", has_text=name)).locator("td").all_inner_texts()


def test_the_numbers_are_those_of_the_days(hub, look):
    page = look(hub, "#/insights")
    calm(page)
    today = datetime.now().astimezone().date()
    found = hub.get(f"/api/summary?by=day&from={today - timedelta(days=83)}&to={today + timedelta(days=1)}")["buckets"]
    fridays = [one["valence"] for one in found if date.fromisoformat(one["day"]).weekday() == 4 and one["count"] >= 3]
    mean, between, days = row(page, "By weekday", "Fri")
    assert float(mean.replace("−", "-")) == pytest.approx(statistics.mean(fridays), abs=0.006)
    assert int(days) == len(fridays)
    assert "…" in between
    expect(page.locator(".ladder li").first).to_be_visible()
    assert page.locator(".chart svg").count() == 3


def test_weeks_and_months_pleasantness_and_energy_are_chosen_in_the_address(hub, look):
    page = look(hub, "#/insights")
    expect(page.locator(".saying")).to_contain_text("your usual weeks")
    page.get_by_label("Months").check(force=True)
    page.wait_for_url("**span=month*")
    expect(page.locator(".saying")).to_contain_text("your usual months")
    page.get_by_label("Energy").check(force=True)
    page.wait_for_url("**of=arousal*")
    expect(page.locator(".chart").first).to_contain_text("lively")


def test_it_gives_no_diagnosis_and_leads_to_the_moments(hub, look):
    page = look(hub, "#/insights")
    calm(page)
    expect(page.locator("main")).to_contain_text("it is no diagnosis")
    page.locator(".ladder a").first.click()
    page.wait_for_url("**/#/recall?*")
    expect(page.locator(".rows li").first).to_be_visible()


def test_an_empty_hub_says_when_there_will_be_something(empty_hub, look):
    page = look(empty_hub, "#/insights")
    expect(page.locator(".empty")).to_contain_text("nothing to compare yet")
