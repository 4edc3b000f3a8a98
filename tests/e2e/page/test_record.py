"""Recording with the browser's own microphone, which hears a file; recordings that are chosen; words alone."""

import re

import pytest
from playwright.sync_api import expect

from tests.parts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]

HERE = {"permissions": ["microphone", "geolocation"], "geolocation": {"latitude": 35.1587, "longitude": 129.1604}}
SEOUL = {"latitude": 37.5665, "longitude": 126.978}
DRAWN = re.compile(r"Waveform and spectrogram of \d+ seconds")


def record(hub, note):
    """The record with this note, once it is read."""

    def read():
        found = [one for one in hub.get("/api/records")["items"] if one["note"] == note]
        return found and found[0]["state"] in {"done", "failed"} and found[0]

    return wait_until(read, 30)


def test_what_the_microphone_hears_becomes_moments(hub, look):
    page = look(hub, "#/record", **HERE)
    page.get_by_role("button", name="Begin to record").click()
    expect(page.locator(".stopwatch")).to_have_text("0:05", timeout=20_000)
    assert float(page.evaluate("document.querySelector('.recorder').style.getPropertyValue('--loud')")) > 0
    page.get_by_role("button", name="Stop recording").click()
    expect(page.locator(".recordform canvas")).to_have_attribute("aria-label", DRAWN)
    page.get_by_label("Your words").fill("해운대, 새가 운다")
    page.get_by_label("Add where I am").check()
    expect(page.locator(".recordform")).to_contain_text("35.1587, 129.1604")
    page.get_by_role("button", name="Keep", exact=True).click()
    kept = page.locator(".record", has_text="해운대")
    expect(kept).to_have_attribute("data-state", "done", timeout=30_000)
    expect(kept.locator(".rows li").first).to_be_visible()
    made = record(hub, "해운대, 새가 운다")
    assert made["place"] == {"lat": 35.1587, "lon": 129.1604}
    assert 4 <= made["seconds"] <= 12
    assert kept.locator(".rows li").count() == len(made["moments"]) > 0

    kept.locator(".rows a").first.click()
    panel = page.get_by_role("dialog")
    expect(panel.locator(".soundview canvas")).to_have_attribute("aria-label", DRAWN)
    colours = """() => {
      const canvas = document.querySelector("dialog canvas");
      const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      return new Set(new Uint32Array(data.buffer)).size;
    }"""
    wait_until(lambda: page.evaluate(colours) > 50)  # it is painted a frame after it is named
    box = panel.locator("canvas").bounding_box()
    panel.locator("canvas").click(position={"x": box["width"] / 2, "y": 20})
    wait_until(lambda: page.evaluate("document.querySelector('dialog audio').currentTime") > made["seconds"] / 3)


def test_a_chosen_recording_and_a_dropped_one_are_read(hub, look, heard):
    page = look(hub, "#/record")
    page.locator("#file").set_input_files(heard)
    expect(page.locator(".heard")).to_contain_text("heard.wav")
    page.get_by_label("Your words").fill("chosen")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.locator(".record", has_text="chosen")).to_have_attribute("data-state", "done", timeout=30_000)
    assert record(hub, "chosen")["moments"]
    bytes_ = list(heard.read_bytes()[:200_000])
    page.evaluate(
        """(bytes) => {
          const carried = new DataTransfer();
          carried.items.add(new File([new Uint8Array(bytes)], "dropped.wav", {type: "audio/wav"}));
          const drop = new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true});
          document.querySelector(".recorder").dispatchEvent(drop);
        }""",
        bytes_,
    )
    expect(page.locator(".heard")).to_contain_text("dropped.wav")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("button", name="Keep", exact=True)).to_be_disabled()


def test_what_is_no_recording_is_told_in_a_sentence(hub, look):
    page = look(hub, "#/record", errors=["400", "415", "422"])
    page.locator("#file").set_input_files(
        {"name": "tale.txt", "mimeType": "text/plain", "buffer": b"once upon a time" * 99}
    )
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.locator(".trouble:visible").first).to_contain_text(re.compile("[a-z]{3}"), timeout=30_000)


def test_words_alone_are_a_moment_without_an_emotion_and_can_be_erased(hub, look):
    page = look(hub, "#/record")
    page.get_by_label("Your words").fill("a letter came")
    page.get_by_role("button", name="Keep the words").click()
    kept = page.locator(".record", has_text="a letter came")
    expect(kept.locator(".rows .feeling")).to_have_text("Note", timeout=20_000)
    made = record(hub, "a letter came")
    assert hub.get(f"/api/moments/{made['moments'][0]}")["emotion"] is None
    kept.get_by_role("button", name="Erase").click()
    kept.get_by_role("button", name="Erase", exact=True).click()
    expect(kept).to_have_count(0)
    assert hub.get(f"/api/moments/{made['moments'][0]}") == {}


def test_erasing_that_fails_is_told_and_can_be_tried_again(hub, look):
    page = look(hub, "#/record", errors=["ERR_FAILED"])
    page.get_by_label("Your words").fill("hard to erase")
    page.get_by_role("button", name="Keep the words").click()
    kept = page.locator(".record", has_text="hard to erase")
    kept.get_by_role("button", name="Erase").click()
    page.route("**/api/records/*", lambda route: route.abort())
    kept.get_by_role("button", name="Erase", exact=True).click()
    expect(kept.get_by_role("alert")).to_have_text("The hub cannot be reached.")
    page.unroute("**/api/records/*")
    kept.get_by_role("button", name="Erase", exact=True).click()
    expect(kept).to_have_count(0)


def test_what_is_typed_while_another_is_sent_stays(hub, look, heard):
    page = look(hub, "#/record")
    held = []
    page.route(
        "**/api/records", lambda route: held.append(route) if route.request.method == "POST" else route.continue_()
    )
    page.locator("#file").set_input_files(heard)
    page.get_by_label("Your words").fill("about the first")
    page.get_by_role("button", name="Keep", exact=True).click()
    wait_until(lambda: page.wait_for_timeout(50) or held)
    expect(page.get_by_role("button", name="Keep", exact=True)).to_be_disabled()
    page.get_by_label("Your words").fill("about the second")
    held.pop().continue_()
    expect(page.locator(".record", has_text="about the first")).to_be_visible(timeout=20_000)
    expect(page.locator(".recordform .heard")).to_be_empty()
    expect(page.get_by_label("Your words")).to_have_value("about the second")
    page.get_by_role("button", name="Keep the words").click()
    wait_until(lambda: page.wait_for_timeout(50) or held)
    held.pop().continue_()
    expect(page.get_by_label("Your words")).to_have_value("")
    assert record(hub, "about the first")["clip"]
    assert record(hub, "about the second")["clip"] is None


def lost_once(page, taken):
    """Let the first record reach the hub, or not, and lose the answer; give the keys of all tries."""
    keys = []

    def send(route):
        if route.request.method != "POST":
            route.continue_()
            return
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) > 1:
            route.continue_()
            return
        if taken:
            route.fetch()
        route.abort()

    page.route("**/api/records", send)
    return keys


def test_words_that_are_changed_after_a_lost_answer_are_kept(hub, look):
    page = look(hub, "#/record", errors=["ERR_FAILED"])
    lost_once(page, taken=True)
    page.get_by_label("Your words").fill("what I knew")
    page.get_by_role("button", name="Keep the words").click()
    expect(page.locator(".recordform .trouble")).to_have_text("The hub cannot be reached.")
    page.get_by_label("Your words").fill("what I knew, and what I remembered then")
    page.get_by_role("button", name="Keep the words").click()
    expect(page.get_by_label("Your words")).to_have_value("")
    assert record(hub, "what I knew, and what I remembered then")["state"] == "done"


def test_a_sound_is_the_same_thing_on_a_second_try_until_its_words_or_its_place_change(hub, look, heard):
    page = look(hub, "#/record", errors=["ERR_FAILED"], **HERE)
    keys = []
    page.route("**/api/records", lambda route: (keys.append(route.request.headers["idempotency-key"]), route.abort()))
    page.locator("#file").set_input_files(heard)

    def tried(n):
        page.get_by_role("button", name="Keep", exact=True).click()
        wait_until(lambda: page.wait_for_timeout(50) or len(keys) == n)
        expect(page.get_by_role("button", name="Keep", exact=True)).to_be_enabled()

    tried(1)
    tried(2)
    page.get_by_label("Your words").fill("about it")
    tried(3)
    page.get_by_label("Add where I am").check()
    expect(page.locator(".recordform")).to_contain_text("35.1587, 129.1604")
    tried(4)
    page.context.set_geolocation(SEOUL)
    tried(5)
    assert keys[0] == keys[1]
    assert keys[3] == keys[4]
    assert len(set(keys)) == 3


def test_a_microphone_that_opens_after_its_reader_left_is_closed(hub, look):
    page = look(hub, "#/settings", **HERE)
    page.evaluate(
        """() => {
          const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          window.streams = [];
          navigator.mediaDevices.getUserMedia = async (asked) => {
            await new Promise((go) => { window.allow = go; });
            window.streams.push(await open(asked));
            return window.streams[0];
          };
        }"""
    )
    page.evaluate("location.hash = '#/record'")
    page.get_by_role("button", name="Begin to record").click()
    wait_until(lambda: page.evaluate("'allow' in window"))
    page.evaluate("location.hash = '#/today'")
    page.wait_for_selector(".daybar")
    page.evaluate("allow()")
    states = "streams.flatMap((one) => one.getTracks()).map((one) => one.readyState)"
    wait_until(lambda: page.evaluate(states) == ["ended"])


def test_a_microphone_that_is_refused_says_what_to_do(hub, look):
    page = look(hub, "#/settings")
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject({name: 'NotAllowedError'}); }")
    page.evaluate("location.hash = '#/record'")
    page.get_by_role("button", name="Begin to record").click()
    expect(page.locator(".recorder .trouble")).to_contain_text("Allow it for this page")


def test_a_place_that_is_refused_says_so(hub, look):
    page = look(hub, "#/record")
    page.evaluate("() => { navigator.geolocation.getCurrentPosition = (told, refused) => refused({code: 1}); }")
    page.get_by_label("Add where I am").click()
    expect(page.locator(".recordform")).to_contain_text("not allowed to tell where you are")
    expect(page.get_by_label("Add where I am")).not_to_be_checked()


def test_each_record_gets_the_place_where_it_was_made_and_not_where_the_tick_was_set(hub, look, heard):
    page = look(hub, "#/record", **HERE)
    jeju = {"latitude": 33.4996, "longitude": 126.5312}
    made = {"before I left": HERE["geolocation"], "there": SEOUL, "a sound, further": jeju}
    page.get_by_label("Add where I am").check()
    for words, at in made.items():
        page.context.set_geolocation(at)
        if at is jeju:
            page.locator("#file").set_input_files(heard)
        page.get_by_label("Your words").fill(words)
        page.get_by_role("button", name="Keep").click()
        expect(page.get_by_label("Your words")).to_have_value("")
    for words, at in made.items():
        assert record(hub, words)["place"] == {"lat": at["latitude"], "lon": at["longitude"]}


def test_nothing_is_sent_before_its_place_is_known_and_no_place_that_is_not_wanted_any_more(hub, look):
    page = look(hub, "#/record")
    page.evaluate("() => { navigator.geolocation.getCurrentPosition = (told) => { window.told = told; }; }")
    page.get_by_label("Your words").fill("somewhere")
    page.get_by_label("Add where I am").check()
    keep = page.get_by_role("button", name="Keep the words")
    expect(keep).to_be_disabled()
    page.get_by_label("Add where I am").uncheck()
    page.evaluate("told({coords: {latitude: 35.1, longitude: 129.1, accuracy: 9}})")
    keep.click()
    expect(page.get_by_label("Your words")).to_have_value("")
    assert record(hub, "somewhere")["place"] is None
