"""The view of one day, in a real Chromium before a real hub."""

import json
import re
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.e2e.page.conftest import LAST_DAY
from tests.e2e.page.walking import calm, press
from tests.hub.moments import make
from tests.parts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]

DAY = f"{LAST_DAY:%Y-%m-%d}"
TYPED = LAST_DAY.replace(year=LAST_DAY.year - 1, month=10, day=10)
"""Typed the same where the day comes first and where the month does."""


def now():
    return datetime.now().astimezone().replace(microsecond=0)


def test_a_moment_comes_to_the_page_as_it_arrives_unasked(hub, look):
    page = look(hub)
    page.wait_for_load_state("networkidle")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    moment = make(start=now(), emotion="surprise", device="live")
    hub.publish(moment)
    expect(page.locator(f'.rows li[data-id="{moment.id}"]')).to_be_visible()
    expect(page.locator(".now strong")).to_have_text("Surprise")
    assert asked == []


def test_a_moment_that_was_erased_is_not_heard_now_any_more(hub, look):
    page = look(hub)
    page.wait_for_load_state("networkidle")
    moment = make(start=now(), emotion="disgust", device="live")
    hub.publish(moment)
    expect(page.locator(".now strong")).to_have_text("Disgust")
    page.locator(f'.rows li[data-id="{moment.id}"] a').click()
    page.get_by_role("button", name="Erase this moment").click()
    page.get_by_role("button", name="Erase", exact=True).click()
    expect(page.locator(f'.rows li[data-id="{moment.id}"]')).to_have_count(0)
    expect(page.locator(".now")).not_to_contain_text("Disgust")


def test_a_mark_without_words_is_neither_heard_nor_written(hub, look):
    page = look(hub)
    page.wait_for_load_state("networkidle")
    heard = make(start=now(), emotion="surprise", device="live")
    mark = make(start=now() + timedelta(seconds=1), basis="none", origin="mark", device="live")
    hub.publish(heard, mark)
    row = page.locator(f'.rows li[data-id="{mark.id}"]')
    expect(row.locator(".quiet").first).to_have_text("marked")
    expect(page.locator(".now strong")).to_have_text("Surprise")
    page.reload()
    expect(page.locator(".now strong")).to_have_text("Surprise")


def test_a_scene_that_goes_on_is_one_row(hub, look):
    first = make(start=datetime.fromisoformat("2020-01-02T10:00:00+09:00"), basis="scene", emotion="calm", seconds=5)
    second = make(
        start=datetime.fromisoformat("2020-01-02T10:00:05+09:00"),
        basis="scene",
        emotion="calm",
        seconds=5,
        continues=first.id,
    )
    hub.publish(first, second)
    page = look(hub, "#/today?day=2020-01-02")
    expect(page.locator(".rows li")).to_have_count(1)
    expect(page.locator(".rows li")).to_contain_text("10 sec")


def test_a_day_shows_what_it_was_made_of(hub, look):
    page = look(hub, f"#/today?day={DAY}")
    expect(page.locator(".chips .chip").first).to_contain_text("%")
    shares = [int(text.split()[-1].strip("<%")) for text in page.locator(".chips .chip").all_inner_texts()]
    assert 98 <= sum(shares) <= 102
    assert shares == sorted(shares, reverse=True)


def test_the_ribbon_is_walked_with_the_arrow_keys_and_opens_a_moment(hub, look):
    page = look(hub, f"#/today?day={DAY}")
    page.wait_for_selector(".rows li")
    ribbon = page.get_by_role("slider", name="Moments of the day, by time")
    ribbon.focus()
    page.keyboard.press("Home")
    first = hub.get(f"/api/moments?limit=1&order=oldest&from={DAY}")["items"][0]
    expect(ribbon).to_have_attribute("aria-valuenow", "0")
    assert ribbon.get_attribute("aria-valuetext").startswith(first["start"][11:16])
    page.keyboard.press("ArrowRight")
    expect(ribbon).to_have_attribute("aria-valuenow", "1")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text(first["start"][11:16])
    expect(page).to_have_url(re.compile(f"moment={first['id']}"))


def test_the_caption_of_the_ribbon_opens_the_chosen_one_of_moments_that_are_called_the_same(hub, look):
    first, second = (make(start=datetime.fromisoformat(f"2020-02-03T10:00:{s}+09:00")) for s in ("05", "35"))
    hub.publish(first, second)
    wait_until(lambda: hub.get(f"/api/moments/{second.id}"))
    page = look(hub, "#/today?day=2020-02-03")
    expect(page.locator(".rows li")).to_have_count(2)
    page.get_by_role("slider").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.locator(".caption button").click()
    expect(page).to_have_url(re.compile(f"moment={second.id}"))


def test_the_day_before_is_one_step_away(hub, look):
    # Named, not left to the page: tests that run past midnight have another today than the hub's moments.
    page = look(hub, f"#/today?day={LAST_DAY + timedelta(days=1):%Y-%m-%d}")
    page.get_by_role("link", name="The day before").click()
    page.wait_for_url(f"**/#/today?day={DAY}")
    page.wait_for_selector(".rows li")
    expect(page.locator(".rows li").first).to_be_visible()


def type_day(page, day):
    """Type a day into its field, once nothing keeps the page busy: a browser takes slow digits for two numbers."""
    calm(page)
    pick = page.get_by_label("Choose a day")
    pick.focus()
    page.keyboard.type(f"{day:%d%m%Y}")
    expect(pick).to_have_value(f"{day:%Y-%m-%d}")
    return pick


def test_a_date_is_typed_to_its_end_before_another_day_is_shown(hub, look):
    page = look(hub, f"#/today?day={DAY}")
    pick = type_day(page, TYPED)
    page.wait_for_timeout(300)
    assert page.url.endswith(f"#/today?day={DAY}")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/#/today?day={TYPED:%Y-%m-%d}")
    expect(pick).to_have_value(f"{TYPED:%Y-%m-%d}")
    expect(pick).to_be_focused()


def test_a_typed_date_is_shown_once_it_is_left_and_one_in_the_future_is_not(hub, look):
    page = look(hub, f"#/today?day={DAY}")
    pick = type_day(page, TYPED.replace(year=TYPED.year + 2))
    pick.blur()
    expect(pick).to_have_value(DAY)
    assert page.url.endswith(f"#/today?day={DAY}")
    type_day(page, TYPED).blur()
    page.wait_for_url(f"**/#/today?day={TYPED:%Y-%m-%d}")


def test_a_typed_date_that_is_left_by_going_back_is_not_shown(hub, look):
    page = look(hub, "#/settings")
    page.evaluate(f"location.hash = '#/today?day={DAY}'")
    type_day(page, TYPED)
    page.go_back()
    expect(page.locator("h1")).to_have_text("Settings")
    page.wait_for_timeout(300)
    assert page.url.endswith("#/settings")


def test_what_is_pressed_after_a_date_was_typed_counts(hub, look):
    page = look(hub, f"#/today?day={DAY}")
    type_day(page, TYPED)
    press(page, page.get_by_role("navigation").get_by_role("link", name="Recall"))
    page.wait_for_url("**/#/recall")
    page.go_back()
    page.wait_for_url(f"**/#/today?day={TYPED:%Y-%m-%d}")


def test_a_day_that_is_picked_without_a_key_is_shown_at_once(hub, look):
    page = look(hub, f"#/today?day={DAY}")
    wanted = f"{LAST_DAY - timedelta(days=40):%Y-%m-%d}"
    page.get_by_label("Choose a day").fill(wanted)
    page.wait_for_url(f"**/#/today?day={wanted}")


def test_the_steps_keep_the_focus_from_day_to_day(hub, look):
    page = look(hub, f"#/today?day={DAY}")
    page.get_by_role("link", name="The day before").focus()
    for days in (1, 2):
        page.keyboard.press("Enter")
        expect(page.get_by_label("Choose a day")).to_have_value(f"{LAST_DAY - timedelta(days=days):%Y-%m-%d}")
        expect(page.get_by_role("link", name="The day before")).to_be_focused()


def test_focus_stays_on_a_row_while_moments_arrive(hub, look):
    hub.publish(make(start=now(), device="live"))
    page = look(hub)
    row = page.locator(".rows li a").first
    row.focus()
    known = page.evaluate("document.activeElement.getAttribute('href')")
    arrived = make(start=now(), emotion="fear", device="live")
    hub.publish(arrived)
    page.wait_for_selector(f'.rows li[data-id="{arrived.id}"]')
    assert page.evaluate("document.activeElement.getAttribute('href')") == known


def test_a_screen_reader_is_told_of_all_that_came_since_it_was_told_last(hub, look):
    page = look(hub, "#/settings")
    page.clock.install()
    page.goto(f"{hub.url}/?#/today")
    page.wait_for_selector(".rows li, .empty p")
    calm(page)
    said = page.locator("#announce")

    def arrive(*emotions):
        made = [make(start=now(), emotion=emotion, device="told") for emotion in emotions]
        hub.publish(*made)
        page.wait_for_selector(f'.rows li[data-id="{made[-1].id}"]')

    arrive("calm")
    expect(said).to_have_text("One new moment: Calm, a voice, café")
    arrive("calm", "fear")
    expect(said).to_have_text("One new moment: Calm, a voice, café")
    page.clock.fast_forward("00:11")
    arrive("anger")
    expect(said).to_have_text("3 new moments, the last: Anger, a voice, café")
    arrive("surprise")
    page.clock.fast_forward("00:31")
    expect(said).to_have_text("One new moment: Surprise, a voice, café")


def test_an_empty_hub_says_what_to_do(empty_hub, look):
    page = look(empty_hub)
    expect(page.locator(".empty")).to_contain_text("No moments yet today")
    expect(page.locator(".empty")).to_contain_text("moodscape demo")
    expect(page.locator(".sound")).to_contain_text("No device has reported")


@pytest.mark.parametrize(
    ("day", "nearest"),
    [
        ("1999-01-01", "2000-05-20"),
        ("2000-05-25", "2000-05-20"),
        ("2000-05-27", "2000-05-20"),
        ("2000-06-01", "2000-06-03"),
    ],
)
def test_a_day_without_moments_leads_to_the_nearest_one(hub, look, day, nearest):
    for known in ("2000-05-20", "2000-06-03"):
        moment = make(start=datetime.fromisoformat(f"{known}T10:00:00+09:00"), device="long-ago")
        hub.publish(moment)
        wait_until(lambda asked=moment.id: hub.get(f"/api/moments/{asked}"))
    page = look(hub, f"#/today?day={day}")
    page.get_by_role("link", name="The nearest moments are of").click()
    page.wait_for_url(f"**/#/today?day={nearest}")
    expect(page.locator(".rows li").first).to_be_visible()


@pytest.mark.parametrize(
    ("state", "word"),
    [("deaf", "hears nothing"), ("paused", "paused"), ("offline", "offline"), ("listening", "listening")],
)
def test_the_state_of_a_device_is_shown_in_words(hub, look, state, word):
    device = f"device-{state}"
    hub.say(device, "status", f'{{"state": "{state}", "since": "{now().isoformat()}"}}'.encode())
    page = look(hub, "#/settings?part=devices")
    expect(page.locator(".device", has_text=device)).to_contain_text(word, timeout=15_000)


@pytest.mark.parametrize(
    ("reason", "korean"),
    [
        ("no sound comes", "소리가 오지 않음"),
        ("the microphone “usb” cannot be opened", "영어 설명: the microphone “usb” cannot be opened"),
    ],
)
def test_a_korean_reader_is_told_in_korean_why_a_device_hears_nothing_or_hears_it_as_english(hub, look, reason, korean):
    hub.say("dumb", "status", f'{{"state": "deaf", "since": "{now().isoformat()}"}}'.encode())
    hub.say("dumb", "health", json.dumps({"capture": {"state": "failed", "reason": reason}}).encode())

    def known():
        devices = {one["id"]: one for one in hub.get("/api/devices")["items"]}
        return "dumb" in devices and (devices["dumb"]["health"] or {}).get("capture", {}).get("reason") == reason

    wait_until(known)
    page = look(hub, "#/settings?part=devices", locale="ko-KR")
    line = page.locator(".device", has_text="dumb")
    expect(line).to_contain_text(f" · {korean}")
    expect(line.locator("[lang=en]")).to_have_text([reason] if reason in korean else [])


def test_a_device_that_the_token_may_not_command_is_told_in_the_reader_s_language(hub, look):
    hub.say("held", "status", f'{{"state": "listening", "since": "{now().isoformat()}"}}'.encode())
    page = look(hub, "#/settings?part=devices", locale="ko-KR", errors=["403"])
    page.route("**/command", lambda route: route.fulfill(status=403, json={"detail": "It needs the scope write."}))
    page.locator(".device", has_text="held").get_by_role("button", name="멈추기").click()
    expect(page.locator(".sound > [role=status]")).to_contain_text("이 토큰으로는 할 수 없습니다.")


def test_of_fifty_devices_those_in_trouble_come_first(empty_hub, look):
    for n in range(50):
        state = "deaf" if n == 49 else "listening"
        empty_hub.say(f"many-{n:02}", "status", f'{{"state": "{state}", "since": "{now().isoformat()}"}}'.encode())
    wait_until(lambda: len(empty_hub.get("/api/devices")["items"]) >= 50)
    page = look(empty_hub)
    expect(page.locator(".device").first).to_contain_text("hears nothing")
    expect(page.locator(".device")).to_have_count(3)
    page.get_by_role("link", name="47 more devices").click()
    expect(page.locator(".device")).to_have_count(50)


def test_sixty_moments_a_second_do_not_stop_the_page(hub, look):
    page = look(hub)
    page.wait_for_selector(".rows li, .empty p")
    start = now()
    burst = [make(start=start, device="burst", emotion="calm") for _ in range(240)]
    page.evaluate(
        """() => {
          window.gaps = [];
          let last = performance.now();
          const step = (now) => { window.gaps.push(now - last); last = now; requestAnimationFrame(step); };
          requestAnimationFrame(step);
        }"""
    )
    for at in range(0, 240, 15):
        hub.publish(*burst[at : at + 15])
        page.wait_for_timeout(250)
    page.wait_for_selector(f'.rows li[data-id="{burst[-1].id}"]')
    gaps = sorted(page.evaluate("window.gaps"))
    assert len(gaps) > 50
    assert gaps[len(gaps) // 2] < 50
    assert page.locator(".rows li").count() <= 40
