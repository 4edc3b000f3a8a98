"""A real hub with a year of moments behind a real broker, and a real Chromium before it."""

from datetime import datetime, timedelta

import pytest

from tests.e2e.page.running import CHROMIUM, Hub, demo_wav, start_hub
from tests.e2e.page.walking import watch
from tests.e2e.page.year import year
from tests.parts import program

LAST_DAY = datetime.now().astimezone().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
"""Yesterday: the year ends there, so that what is of today is what a test says."""


@pytest.fixture(scope="session")
def hub(tmp_path_factory):
    """A hub with a year of moments; tests that change one take one of their own day."""
    running = start_hub(tmp_path_factory.mktemp("hub"), list(year(LAST_DAY.replace(hour=23), 365, 2)))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def empty_hub(tmp_path_factory):
    """A hub that has never heard of anything."""
    running = start_hub(tmp_path_factory.mktemp("empty"), [])
    yield running
    running.stop()


@pytest.fixture(scope="session")
def heard(tmp_path_factory):
    """A recording of a few seconds, which the browser's microphone hears again and again."""
    return demo_wav(tmp_path_factory.mktemp("heard") / "heard.wav", 8)


@pytest.fixture(scope="session")
def chromium(heard):
    """Debian's Chromium, with a microphone that hears a file."""
    from playwright.sync_api import sync_playwright

    microphone = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={heard}",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=[*CHROMIUM, *microphone])
        yield browser
        browser.close()


@pytest.fixture
def look(chromium):
    """Open the page; at the end no error may have been logged and no other host may have been asked."""
    contexts, wrong = [], []

    def open_page(hub: Hub, address: str = "#/today", *, width: int = 1280, height: int = 900, errors=(), **more):
        more = {"locale": "en-GB", "reduced_motion": "reduce", "service_workers": "block"} | more
        context = chromium.new_context(viewport={"width": width, "height": height}, **more)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        watch(page)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console",
            lambda said: (
                wrong.append(said.text)
                if said.type == "error" and not any(known in said.text for known in errors)
                else None
            ),
        )
        own = (hub.url, f"blob:{hub.url}")
        page.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith(own) else None)
        page.goto(f"{hub.url}/{address}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []
