"""What colours tell is told also where the browser forces its own."""

import pytest

from tests.e2e.page.conftest import LAST_DAY
from tests.e2e.page.walking import calm, go
from tests.parts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]

FORCED = {"forced_colors": "active", "color_scheme": "dark"}


@pytest.mark.parametrize(
    ("address", "chosen", "other"),
    [
        ("#/recall?emotion=calm", ".chip[data-value=calm]", ".chip[data-value=fear]"),
        ("#/recall", ".tabs [data-pane=calendar]", ".tabs [data-pane=map]"),
        ("#/insights", ".segments input[value=week] + span", ".segments input[value=month] + span"),
        ("#/settings?part=zones", ".parts [href$=zones]", ".parts [href$=rules]"),
        ("#/recall", "#nav [href='#/recall']", "#nav [href='#/today']"),
    ],
)
def test_what_is_chosen_is_told_also_where_the_browser_forces_its_colours(hub, look, address, chosen, other):
    page = look(hub, address, **FORCED)
    calm(page)

    def look_of(what):
        style = "one => [getComputedStyle(one).backgroundColor, getComputedStyle(one).borderBottomColor]"
        return page.locator(what).evaluate(style)

    assert look_of(chosen) != look_of(other)


def test_days_of_rest_and_the_button_that_records_are_told_where_the_browser_forces_its_colours(hub, look):
    page = look(hub, "#/settings?part=schedule", **FORCED)
    page.get_by_role("button", name="Add hours").click()
    page.get_by_label("Sun").uncheck(force=True)
    colours = page.locator(".day span").evaluate_all("all => all.map((one) => getComputedStyle(one).backgroundColor)")
    assert colours[6] not in colours[:6]
    go(page, "#/record")
    sign = "one => [getComputedStyle(one).backgroundColor, getComputedStyle(one.parentElement).backgroundColor]"
    inner, outer = page.locator(".big span").evaluate(sign)
    assert inner != outer


def test_the_emotions_of_a_day_and_the_lamp_that_listens_are_told_where_the_browser_forces_its_colours(hub, look):
    hub.say("lit", "status", f'{{"state": "listening", "since": "{LAST_DAY.isoformat()}"}}'.encode())
    wait_until(lambda: any(one["id"] == "lit" for one in hub.get("/api/devices")["items"]))
    page = look(hub, "#/recall", **FORCED)
    calm(page)
    drawn = "one => getComputedStyle(one).backgroundImage"
    assert "gradient" in page.locator(".stripes").first.evaluate(drawn)
    go(page, "#/settings?part=devices")
    lamp = "one => [getComputedStyle(one).backgroundColor, getComputedStyle(one.closest('.card')).backgroundColor]"
    lit, card = page.locator(".device", has_text="lit").locator(".lamp").evaluate(lamp)
    assert lit != card
