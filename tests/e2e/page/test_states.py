"""What is unlike the usual: one moment alone, places on a privacy grid, words in Korean, a deaf device."""

import json
import math
from datetime import datetime

import pytest
from playwright.sync_api import expect

from moments import Place, Rule, Scene
from tests.e2e.page.running import start_hub
from tests.e2e.page.walking import calm, go
from tests.hub.moments import make
from tests.parts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]


def publish(hub, *moments):
    hub.publish(*moments)
    wait_until(lambda: all(hub.get(f"/api/moments/{one.id}") for one in moments))


@pytest.fixture(scope="module")
def lone(tmp_path_factory):
    """A hub that has one moment, of today."""
    now = datetime.now().astimezone().replace(microsecond=0)
    running = start_hub(tmp_path_factory.mktemp("lone"), [make(start=now, emotion="unclear", place=None, scene=None)])
    yield running
    running.stop()


def test_one_moment_is_enough_for_every_view(lone, look):
    page = look(lone)
    expect(page.locator(".rows li")).to_have_count(1)
    expect(page.locator(".now strong")).to_have_text("Unclear")
    go(page, "#/recall")
    expect(page.locator("#found + p")).to_have_text("One moment")
    page.click("[data-pane=plane]")
    expect(page.locator(".plane")).to_contain_text("The newest 1 of what matches.")
    page.click("[data-pane=map]")
    expect(page.locator(".mapview")).to_contain_text("None of these moments has a place.")
    go(page, "#/insights")
    expect(page.locator(".empty")).to_contain_text("nothing to compare yet")
    go(page, "#/settings?part=places")
    expect(page.locator(".part")).to_contain_text("None is found yet.")


def test_the_map_counts_all_that_is_found_and_not_the_newest_alone(hub, look):
    page = look(hub, "#/recall?device=pocket-1")
    page.click("[data-pane=map]")
    expect(page.locator(".mapview [role=status]")).to_contain_text("with a place")
    found = hub.get("/api/summary?by=place&has=place&device=pocket-1")["buckets"]
    count = sum(one["count"] for one in found)
    assert count > 500
    expect(page.locator(".mapview [role=status]")).to_contain_text(f"{count:,} moments")
    named = page.locator(".pinbox").evaluate_all("pins => pins.map((pin) => pin.getAttribute('aria-label'))")
    assert sum(int(name.split()[0].replace(",", "").replace("One", "1")) for name in named) == count


def test_what_the_privacy_grid_moved_to_one_place_is_one_circle_there(hub, look):
    grid = Place(lat=37.5666, lon=126.9784, accuracy_m=500)
    moved = [
        make(start=datetime.fromisoformat("2015-03-04T10:00:00+09:00"), device="grid", place=grid) for _ in range(3)
    ]
    publish(hub, *moved)
    page = look(hub, "#/recall?device=grid")
    page.click("[data-pane=map]")
    expect(page.locator(".pinbox")).to_have_attribute("aria-label", "3 moments, Happiness")
    while "bbox" not in page.url and "near" not in page.url:
        page.locator(".pinbox").click()
        page.wait_for_timeout(400)
    page.wait_for_url("**near=37.5666%2C126.9784*")
    expect(page.locator("#found + p")).to_have_text("3 moments")


def test_places_with_a_name_are_found_by_it(hub, look):
    spot = {"lat": 35.0951, "lon": 129.0256, "accuracy_m": 5}
    publish(
        hub,
        *(
            make(start=datetime.fromisoformat(f"2014-03-0{n}T10:00:00+09:00"), device="pier", place=Place(**spot))
            for n in (1, 2, 3)
        ),
    )
    hub.put("/api/places", {"name": "The pier", "lat": 35.0951, "lon": 129.0256, "radius_m": 120})
    page = look(hub, "#/settings?part=places")
    expect(page.locator('input[placeholder="No name yet"]').first).to_be_visible()
    go(page, "#/recall")
    page.get_by_text("More filters").click()
    page.locator("#filter-where").select_option("The pier")
    page.wait_for_url("**near=35.0951*")
    expect(page.locator("#found + p")).to_have_text("3 moments")


def test_a_reason_of_the_shipped_rules_is_in_korean_and_an_own_one_as_it_was_written(hub, look):
    at = datetime.fromisoformat("2021-03-04T22:15:00+09:00")
    rain = Scene(label="rain", group="nature", confidence=0.9)
    known, own = (
        make(start=at, device="panel", basis="scene", emotion="calm", scene=rain, rule=Rule(id="rain", because=words))
        for words in ("light rain at night", "my own rain")
    )
    publish(hub, known, own)
    page = look(hub, f"#/today?day=2021-03-04&moment={known.id}", locale="ko-KR")
    expect(page.locator("q")).to_have_text("밤에 내리는 가는 비")
    go(page, f"#/today?day=2021-03-04&moment={own.id}")
    expect(page.locator("q")).to_have_text("my own rain")
    assert page.locator("q").get_attribute("lang") == "en"


def test_korean_notes_are_shown_and_found(hub, look):
    moment = make(start=datetime.fromisoformat("2013-03-04T10:00:00+09:00"), device="written")
    publish(hub, moment)
    hub.put(f"/api/moments/{moment.id}/note", {"text": "할머니 댁 마당에서 들은 매미 소리"})
    page = look(hub, "#/recall", width=360, locale="ko-KR")
    page.get_by_label("메모와 소리에 담긴 말").fill("매미")
    page.get_by_role("button", name="찾기").click()
    expect(page.locator(".rows .words")).to_have_count(1)
    expect(page.locator(".rows .words")).to_have_text("할머니 댁 마당에서 들은 매미 소리")


def test_the_tone_of_a_sound_is_drawn_at_its_pitch(hub, look):
    row = look(hub, "#/settings").evaluate(
        """async () => {
          const {spectrogram} = await import("/sound/spectrum.js");
          const tone = Float32Array.from({length: 16000}, (_, n) => Math.sin((2 * Math.PI * 1000 * n) / 16000));
          const powers = spectrogram(tone, 16000, 10, 72);
          const column = Array.from({length: 72}, (_, row) => powers[row * 10 + 5]);
          return column.indexOf(Math.max(...column));
        }"""
    )
    # 72 rows from 8 kHz down to 60 Hz in equal steps of pitch
    assert row == pytest.approx(71 * math.log(8000 / 1000) / math.log(8000 / 60), abs=1)


def test_a_deaf_device_says_why(hub, look):
    now = datetime.now().astimezone().isoformat()
    hub.say("broken", "status", f'{{"state": "deaf", "since": "{now}"}}'.encode())
    health = {"capture": {"reason": "the microphone was unplugged"}, "outbox": {"depth": 12}, "battery_percent": 7}
    hub.say("broken", "health", json.dumps(health).encode())
    page = look(hub, "#/settings?part=devices")
    line = page.locator(".device", has_text="broken")
    expect(line).to_contain_text("hears nothing", timeout=15_000)
    expect(line).to_contain_text("the microphone was unplugged")
    expect(line).to_contain_text("battery 7%")
    expect(line).to_contain_text("12 waiting to be sent")
    calm(page)
