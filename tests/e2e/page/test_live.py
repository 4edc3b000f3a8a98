"""A device that runs, before the page: what it hears arrives, and it does what the page asks."""

import subprocess
import threading
import time

import pytest
from playwright.sync_api import expect

from tests.e2e.page.running import demo_wav
from tests.e2e.processes import moodscape, settings
from tests.parts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]


@pytest.fixture
def device(hub, tmp_path):
    """A device whose microphone is a pipe, through which a recording runs as fast as sound does."""
    sound = demo_wav(tmp_path / "heard.wav", 60).read_bytes()[44:]
    running = moodscape(
        "edge",
        "run",
        *settings(source="pipe:-", device="alive", broker__host="127.0.0.1", broker__port=hub.broker.port),
        *settings(outbox__path=tmp_path / "outbox.sqlite"),
        log=tmp_path / "edge.log",
        stdin=subprocess.PIPE,
    )
    over = threading.Event()

    def speak() -> None:
        for at in range(0, len(sound), 3200):
            if over.wait(0.1):
                return
            try:
                running.stdin.write(sound[at : at + 3200])
            except OSError:
                return

    speaking = threading.Thread(target=speak)
    speaking.start()
    yield running
    over.set()
    speaking.join()
    running.stdin.close()
    running.terminate()
    running.wait(20)


def test_what_a_device_hears_is_seen_and_the_device_does_what_it_is_asked(hub, look, device):
    page = look(hub)
    line = page.locator(".device", has_text="alive")
    expect(line).to_contain_text("listening", timeout=30_000)
    first = wait_until(lambda: hub.get("/api/moments?device=alive&limit=1").get("items"), 40)[0]
    expect(page.locator(f'.rows li[data-id="{first["id"]}"]')).to_be_visible()

    line.get_by_role("button", name="Mark").click()
    expect(page.locator(".sound [role=status]")).to_have_text("This moment is marked.")
    marked = wait_until(lambda: hub.get("/api/moments?device=alive&origin=mark&limit=1")["items"], 30)[0]
    page.wait_for_selector(f'.rows li[data-id="{marked["id"]}"]')

    line.get_by_role("button", name="Pause").click()
    expect(line).to_contain_text("paused", timeout=15_000)
    expect(page.locator(".sound [role=status]")).to_have_text("It is paused.")
    line.get_by_role("button", name="Listen").click()
    expect(line).to_contain_text("listening", timeout=15_000)


def test_a_device_that_goes_away_is_offline_and_does_not_answer(hub, look, device):
    page = look(hub, "#/settings?part=devices")
    line = page.locator(".device", has_text="alive")
    expect(line).to_contain_text("listening", timeout=30_000)
    device.kill()
    begin = time.monotonic()
    line.get_by_role("button", name="Mark").click()
    expect(page.locator(".sound [role=status]")).to_have_text("The device has not answered yet.", timeout=15_000)
    assert time.monotonic() - begin < 15
    expect(line).to_contain_text("offline", timeout=20_000)
