"""Today as time passes, and as devices in other zones count it."""

from datetime import datetime, timedelta, timezone

import pytest
from playwright.sync_api import expect

from tests.e2e.page.running import start_hub
from tests.hub.moments import make
from tests.parts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]

EARLIEST, LATEST = "Pacific/Pago_Pago", timezone(timedelta(hours=14))
"""A browser and a device that never have the same date: 25 hours lie between their clocks."""


def now(zone=None):
    return datetime.now().astimezone(zone).replace(microsecond=0)


@pytest.fixture
def own(tmp_path):
    """A hub whose newest moment is what a test says."""
    running = start_hub(tmp_path, [make(start=now() - timedelta(minutes=3), emotion="calm")])
    yield running
    running.stop()


def with_a_clock(look, hub, **more):
    """Open today with a clock that the test can set forward."""
    page = look(hub, "#/settings", **more)
    page.clock.install()
    page.goto(f"{hub.url}/?#/today")
    page.wait_for_selector(".rows li")
    return page


def test_how_long_it_has_been_quiet_goes_on_being_told(own, look):
    page = with_a_clock(look, own)
    expect(page.locator(".now")).to_have_text("It is quiet. Last heard 3 minutes ago.")
    page.clock.fast_forward("02:00:00")
    expect(page.locator(".now")).to_have_text("It is quiet. Last heard 2 hours ago.")
    page.clock.fast_forward("03:00:00")
    expect(page.locator(".now")).to_have_text("It is quiet. Last heard 5 hours ago.")


@pytest.fixture
def seoul(tmp_path):
    """A hub that last heard something on an evening of 2021 in Seoul."""
    running = start_hub(tmp_path, [make(start=datetime.fromisoformat("2021-11-23T23:30:00+09:00"))])
    yield running
    running.stop()


def test_days_of_quiet_are_counted_by_the_calendar_and_not_by_24_hours(seoul, look):
    page = look(seoul, "#/settings", timezone_id="Asia/Seoul")
    page.clock.install(time=datetime.fromisoformat("2021-11-25T09:00:00+09:00"))
    page.goto(f"{seoul.url}/?#/today")
    expect(page.locator(".now")).to_have_text("It is quiet. Last heard 2 days ago.")
    newer = make(start=datetime.fromisoformat("2021-11-25T10:00:00+09:00"))
    seoul.publish(newer)
    wait_until(lambda: seoul.get(f"/api/moments/{newer.id}"))
    page.clock.fast_forward("38:00:00")
    page.reload()
    expect(page.locator(".now")).to_have_text("It is quiet. Last heard yesterday.")


def test_words_that_are_being_written_outlive_midnight_also_while_the_hub_is_away(own, look):
    page = with_a_clock(look, own, errors=["ERR_FAILED", "Failed to load resource"])
    page.locator(".rows a").first.click()
    page.get_by_label("Your words").fill("what I am writing at midnight")
    before = page.locator("input[type=date]").input_value()
    page.route("**/*", lambda route: route.abort())
    page.clock.fast_forward("24:00:00")
    after = (datetime.fromisoformat(before) + timedelta(days=1)).date().isoformat()
    expect(page.locator("input[type=date]")).to_have_value(after)
    expect(page.get_by_label("Your words")).to_have_value("what I am writing at midnight")


def test_what_a_device_on_another_date_hears_is_heard_now_and_its_day_is_reached(own, look):
    ahead = make(start=now(LATEST), emotion="surprise", device="ahead")
    own.publish(ahead)
    wait_until(lambda: own.get(f"/api/moments/{ahead.id}"))
    page = look(own, timezone_id=EARLIEST)
    expect(page.locator(".now strong")).to_have_text("Surprise")
    later = make(start=now(LATEST), emotion="fear", device="ahead")
    own.publish(later)
    expect(page.locator(".now strong")).to_have_text("Fear")
    day = later.start.date().isoformat()
    expect(page.get_by_label("Choose a day")).to_have_attribute("max", day)
    page.get_by_role("link", name="The day after").click()
    page.wait_for_url("**/#/today?day=*")
    if day not in page.url:
        page.get_by_label("Choose a day").fill(day)
    expect(page.locator(f'.rows li[data-id="{later.id}"]')).to_be_visible()


def test_the_newest_moment_of_another_date_is_heard_now_as_it_is_changed_until_it_is_erased(own, look):
    ahead = make(start=now(LATEST), emotion="surprise", device="ahead")
    own.publish(ahead)
    wait_until(lambda: own.get(f"/api/moments/{ahead.id}"))
    page = look(own, timezone_id=EARLIEST)
    page.locator(".now a").click()
    page.get_by_role("radio", name="Fear").check()
    expect(page.locator(".now strong")).to_have_text("Fear")
    page.get_by_role("button", name="Erase this moment").click()
    page.get_by_role("button", name="Erase", exact=True).click()
    expect(page.locator(".now")).to_contain_text("It is quiet. Last heard")


def test_what_a_wrong_clock_put_ahead_is_not_heard_now_and_its_day_is_reached_until_it_is_erased(own, look):
    page = look(own)
    expect(page.locator(".now")).to_contain_text("It is quiet. Last heard")
    ahead = make(start=now() + timedelta(hours=26), emotion="anger", device="camera", origin="upload")
    own.publish(ahead)
    expect(page.get_by_label("Choose a day")).to_have_attribute("max", f"{ahead.start:%Y-%m-%d}")
    expect(page.locator(".now")).to_contain_text("It is quiet. Last heard")
    own.publish(make(start=now(), emotion="fear"))
    expect(page.locator(".now strong")).to_have_text("Fear")
    page.reload()
    expect(page.locator(".now strong")).to_have_text("Fear")
    expect(page.get_by_label("Choose a day")).to_have_attribute("max", f"{ahead.start:%Y-%m-%d}")
    page.evaluate(f"location.hash = '#/today?moment={ahead.id}'")
    page.get_by_role("button", name="Erase this moment").click()
    page.get_by_role("button", name="Erase", exact=True).click()
    expect(page.get_by_label("Choose a day")).to_have_attribute("max", f"{now():%Y-%m-%d}")


def test_what_comes_while_the_browser_s_clock_is_behind_is_heard_once_its_time_has_come(own, look):
    page = with_a_clock(look, own)
    own.publish(make(start=now() + timedelta(minutes=3), emotion="fear"))
    expect(page.locator(".rows .feeling").first).to_have_text("Fear")
    expect(page.locator(".now")).to_contain_text("It is quiet. Last heard")
    page.clock.fast_forward("03:00")
    expect(page.locator(".now strong")).to_have_text("Fear")
