"""Weeks, hours, weekdays, scenes and places compared."""

import statistics
from datetime import date, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.e2e.page.walking import calm

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]


def spread(page, *samples):
    return page.evaluate(
        """async (samples) => {
          const {spread, compared} = await import("/insights/spread.js");
          const found = samples.map(spread);
          return {found, compared: found.length > 1 ? compared(found[0], found[1]) : null};
        }""",
        samples,
    )


@pytest.mark.parametrize(
    ("values", "student"),  # the 97.5 % point of Student's t for that many days less one
    [([0.1, 0.2, 0.4], 4.3027), ([-0.5, 0.5, 0.1, 0.0, 0.3], 2.7764), ([0.01 * n for n in range(40)], 2.0227)],
)
def test_a_mean_is_told_with_the_95_percent_that_student_gives(hub, look, values, student):
    found = spread(look(hub, "#/settings"), values)["found"][0]
    half = student * statistics.stdev(values) / len(values) ** 0.5
    assert found["mean"] == pytest.approx(statistics.mean(values))
    assert found["low"] == pytest.approx(max(-1, found["mean"] - half), abs=0.003)
    assert found["high"] == pytest.approx(min(1, found["mean"] + half), abs=0.003)


def test_two_days_are_too_few_to_be_sure_of_and_chance_is_no_difference(hub, look):
    page = look(hub, "#/settings")
    assert spread(page, [0.1, 0.9])["found"][0]["low"] is None
    assert spread(page, [0.1, 0.9], [0.1, 0.2, 0.3])["compared"] is None
    assert spread(page, [0.1, 0.2, 0.3], [0.0, 0.2, 0.3])["compared"] == 0
    assert spread(page, [0.5, 0.6, 0.55], [0.0, 0.02, -0.02, 0.01])["compared"] == 1
    assert spread(page, [-0.5, -0.6, -0.55], [0.0, 0.02, -0.02, 0.01])["compared"] == -1


def row(page, part, name):
    """The numbers of a row of a part's table, as they are shown."""
    card = page.locator(".card", has=page.get_by_role("heading", name=part, exact=True))
    card.get_by_text("The numbers").click()
    return card.locator("tr", has=page.locator("th", has_text=name)).locator("td").all_inner_texts()


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
