"""The panel of one moment."""

import re
from datetime import datetime

import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect

from moments import Rule, Scene
from tests.hub.moments import clip, make
from tests.parts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]

MISSING = "404 (Not Found)"


def publish(hub, **changes):
    """Publish one moment of a day of its own and wait until the hub has it."""
    moment = make(start=datetime.fromisoformat("2021-03-04T21:15:00+09:00"), device="panel", **changes)
    hub.publish(moment)
    wait_until(lambda: hub.get(f"/api/moments/{moment.id}"))
    return moment


def opened(look, hub, moment, **more):
    page = look(hub, f"#/today?day=2021-03-04&moment={moment.id}", **more)
    page.wait_for_selector(".distribution, .note")
    return page


def test_it_tells_why_the_device_thinks_so(hub, look):
    moment = publish(
        hub, basis="scene", emotion="calm", rule=Rule(id="rain-light-night", because="light rain at night"),
        scene=Scene(label="rain", group="nature", confidence=0.9),
    )  # fmt: skip
    page = opened(look, hub, moment)
    panel = page.get_by_role("dialog")
    expect(panel).to_contain_text("light rain at night")
    expect(panel.locator(".distribution li")).to_have_count(8)
    expect(panel.locator(".distribution li").first).to_contain_text("72%")
    expect(panel).to_contain_text("rain, 90%")


def test_a_note_is_kept(hub, look):
    moment = publish(hub)
    page = opened(look, hub, moment)
    page.get_by_label("Your words").fill("바다에서 들은 파도 소리")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".note [role=status]")).to_have_text("Saved.")
    assert hub.get(f"/api/moments/{moment.id}")["note"] == "바다에서 들은 파도 소리"
    page.get_by_role("button", name="Close").click()
    expect(page.locator(f'.rows li[data-id="{moment.id}"]')).to_contain_text("바다에서 들은 파도 소리")


def test_words_that_were_not_saved_are_there_when_the_moment_is_opened_again(hub, look):
    moment = publish(hub)
    page = opened(look, hub, moment)
    row, words = page.locator(f'.rows li[data-id="{moment.id}"] a'), page.get_by_label("Your words")
    words.fill("the sea")
    page.keyboard.press("Escape")
    row.click()
    expect(words).to_have_value("the sea")
    words.fill("the sea at night")
    page.mouse.click(5, 5)
    expect(page.get_by_role("dialog")).to_have_count(0)
    row.click()
    expect(words).to_have_value("the sea at night")
    expect(page.locator(".note [role=status]")).to_have_text("Not saved yet.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".note [role=status]")).to_have_text("Saved.")
    page.keyboard.press("Escape")
    row.click()
    expect(words).to_have_value("the sea at night")
    expect(page.locator(".note [role=status]")).to_have_text("")


def test_a_correction_counts_and_the_reading_stays_told(hub, look):
    moment = publish(hub, emotion="anger")
    page = opened(look, hub, moment)
    page.get_by_role("radio", name="Surprise").check()
    expect(page.get_by_role("dialog")).to_contain_text("the device read “Anger”")
    expect(page.locator(f'.rows li[data-id="{moment.id}"] .feeling')).to_have_text("Surprise")
    kept = hub.get(f"/api/moments/{moment.id}")
    assert (kept["correction"], kept["emotion"]) == ("surprise", "anger")


def test_what_the_hub_refuses_is_told_in_the_reader_s_language_and_the_choice_stays_what_it_was(hub, look):
    moment = publish(hub, emotion="anger")
    page = opened(look, hub, moment, locale="ko-KR", errors=["403"])
    refused = {"status": 403, "json": {"title": "Forbidden", "detail": "It needs the scope write."}}
    page.route("**/api/moments/*/*", lambda route: route.fulfill(**refused))
    page.get_by_role("radio", name="놀람").click()
    expect(page.locator(".choices [role=status]")).to_contain_text("이 토큰으로는 할 수 없습니다.")
    expect(page.get_by_role("radio", name="분노")).to_be_checked()
    page.get_by_label("나의 기록").fill("바다")
    page.get_by_role("button", name="저장").click()
    expect(page.locator(".note [role=status]")).to_contain_text("이 토큰으로는 할 수 없습니다.")


def test_a_correction_is_told_in_korean_without_a_particle_that_its_emotion_would_choose(hub, look):
    moment = publish(hub, emotion="anger")
    page = opened(look, hub, moment, locale="ko-KR")
    page.get_by_role("radio", name="혐오").click()
    expect(page.locator(".choices [role=status]")).to_have_text("기기가 읽은 것과 함께 남겼습니다: 혐오")
    expect(page.get_by_role("dialog")).to_contain_text("기기가 읽은 감정은 “분노”입니다.")


def test_a_correction_can_be_taken_back(hub, look):
    moment = publish(hub, emotion="anger")
    page = opened(look, hub, moment)
    page.get_by_role("radio", name="Calm").check()
    page.get_by_role("button", name="Back to what the device read").click()
    expect(page.get_by_role("radio", name="Anger")).to_be_checked()
    expect(page.locator(f'.rows li[data-id="{moment.id}"] .feeling')).to_have_text("Anger")
    assert hub.get(f"/api/moments/{moment.id}")["correction"] is None


def test_moments_like_it_are_one_step_away(hub, look):
    moment = publish(hub, emotion="fear")
    page = opened(look, hub, moment)
    other = page.get_by_role("dialog").locator(".rows a").first
    other.click()
    page.wait_for_url(lambda url: moment.id not in url and "moment=" in url)
    expect(page.get_by_role("dialog").locator(".distribution li")).to_have_count(8)


def test_erasing_asks_first_and_then_the_moment_is_gone(hub, look):
    moment = publish(hub)
    page = opened(look, hub, moment)
    page.get_by_role("button", name="Erase this moment").click()
    assert hub.get(f"/api/moments/{moment.id}")
    question = "Erase it for good, with its note and its sound? This cannot be undone."
    for answer in ("Keep", "Erase"):
        expect(page.get_by_role("button", name=answer, exact=True)).to_have_accessible_description(question)
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.get_by_role("button", name="Erase", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(f'.rows li[data-id="{moment.id}"]')).to_have_count(0)
    assert hub.get(f"/api/moments/{moment.id}") == {}


def test_what_comes_late_does_not_move_the_button_that_erases(hub, look):
    moment, _ = publish(hub), publish(hub)
    page = look(hub, "#/today?day=2021-03-04")
    late = []

    def hold(route):
        late.append(route)

    page.route(re.compile(r"/similar|/smallmap\.js"), hold)
    page.locator(f'.rows li[data-id="{moment.id}"] a').click()
    erase, panel = page.get_by_role("button", name="Erase this moment"), page.get_by_role("dialog")
    expect(erase).to_be_visible()
    erase.scroll_into_view_if_needed()
    page.wait_for_function("document.getAnimations().every((one) => one.playState === 'finished')")
    before = erase.bounding_box()
    wait_until(lambda: page.evaluate("true") and len(late) == 2)
    for held in late:
        held.continue_()
    expect(panel.locator(".map.small .leaflet-pane").first).to_be_attached()
    expect(panel.get_by_text("Moments like it")).to_be_visible()
    assert erase.bounding_box() == before


@pytest.mark.parametrize(("width", "locale"), [(1280, "en-GB"), (360, "en-GB"), (360, "ko-KR")])
def test_a_sound_that_comes_late_does_not_move_what_is_below(hub, look, tmp_path, width, locale):
    moment = publish(hub, clip=clip(), place=None)
    wav = tmp_path / "heard.wav"
    soundfile.write(wav, 0.1 * np.sin(np.arange(4 * 16_000) / 10), 16_000)
    page = look(hub, "#/today?day=2021-03-04", width=width, locale=locale)
    late = []

    def hold(route):
        late.append(route)

    page.route("**/sound/view.js", hold)
    page.route("**/api/clips/*", lambda route: route.fulfill(path=wav, content_type="audio/wav"))
    page.locator(f'.rows li[data-id="{moment.id}"] a').click()
    panel = page.get_by_role("dialog")
    facts = panel.locator(".facts").first
    expect(facts).to_be_visible()
    page.wait_for_function("document.getAnimations().every((one) => one.playState === 'finished')")
    before = facts.bounding_box()
    wait_until(lambda: page.evaluate("true") and late)
    late.pop().continue_()
    expect(panel.locator("canvas")).to_have_attribute("aria-label", re.compile("4"))
    assert facts.bounding_box() == before


def test_a_moment_that_is_gone_says_so(hub, look):
    page = look(hub, f"#/today?moment={make().id}", errors=[MISSING])
    expect(page.get_by_role("dialog")).to_contain_text("may have been erased")


def test_an_unclear_moment_without_a_place_looks_right(hub, look):
    page = opened(look, hub, publish(hub, emotion="unclear", place=None, scene=None, level_dbfs=None))
    panel = page.get_by_role("dialog")
    expect(panel.locator("h2")).to_have_text("Unclear")
    expect(panel).to_contain_text("No emotion was likely enough")
    expect(panel).to_contain_text("not known")


def test_a_note_without_sound_has_no_reading(hub, look):
    page = opened(look, hub, publish(hub, basis="none", origin="note", seconds=0, scene=None))
    panel = page.get_by_role("dialog")
    expect(panel.locator("h2")).to_have_text("Note")
    expect(panel.locator(".distribution")).to_have_count(0)
    expect(panel.locator(".choices")).to_have_count(0)


def test_markup_in_what_arrives_stays_text(hub, look):
    markup = "<img src=x onerror=alert(1)>"
    scene = Scene(label=markup, group="x", confidence=0.5)
    moment = publish(hub, basis="scene", scene=scene, rule=Rule(id="x", because=markup))
    page = opened(look, hub, moment)
    page.get_by_label("Your words").fill(markup)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(f'.rows li[data-id="{moment.id}"] .words')).to_have_text(markup)
    expect(page.locator("q")).to_have_text(markup)
    assert page.locator("img").count() == 0


def test_escape_and_the_back_button_close_the_panel(hub, look):
    moment = publish(hub)
    page = look(hub, "#/today?day=2021-03-04")
    page.locator(f'.rows li[data-id="{moment.id}"] a').click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).not_to_have_url(re.compile("moment="))  # a dialog tells that it was closed after it is gone
    page.locator(f'.rows li[data-id="{moment.id}"] a').click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)
