"""Pictures of each view of the page, phone and desktop, light and dark, for docs/screens."""

import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from moments.errors import WorkError
from tests.e2e.page.running import CHROMIUM, Hub, start_hub
from tests.e2e.page.year import SEOUL, day, year
from tests.hub.moments import make
from tests.parts import program, wait_until

FOLDER = Path(__file__).parent.parent / "docs" / "screens"
NOW = datetime(2026, 5, 22, 21, 40, tzinfo=SEOUL)
PHONE, DESKTOP = (390, 844), (1280, 860)


@dataclass(frozen=True)
class Picture:
    """One picture: where, how large, in which theme and language, and what is pressed before it."""

    name: str
    address: str
    size: tuple[int, int] = PHONE
    theme: str = "light"
    locale: str = "en-GB"
    press: str | None = None


PICTURES = (
    Picture("today-phone", "#/today"),
    Picture("today-desktop", "#/today", DESKTOP, "dark"),
    Picture("day-phone", "#/today?day=2026-05-21", theme="dark", locale="ko-KR"),
    Picture("moment-phone", "#/today?moment={id}", theme="dark"),
    Picture("moment-desktop", "#/today?moment={id}", DESKTOP, locale="ko-KR"),
    Picture("recall-phone", "#/recall?emotion=happiness", locale="ko-KR"),
    Picture("recall-desktop", "#/recall", DESKTOP),
    Picture("plane-phone", "#/recall", theme="dark", press="[data-pane=plane]"),
    Picture("plane-desktop", "#/recall?basis=speech", DESKTOP, press="[data-pane=plane]"),
    Picture("map-desktop", "#/recall?from=2026-05-20", DESKTOP, "dark", press="[data-pane=map]"),
    Picture("settings-phone", "#/settings"),
)
EMPTY = Picture("empty-phone", "#/today")


def _fill(hub: Hub) -> str:
    """Give the day its last moment, with a note, and its devices; gives the id of that moment."""
    hub.say("pocket-1", "status", b'{"state": "listening", "since": "2026-05-22T06:30:00+09:00"}')
    hub.say("pocket-1", "health", b'{"battery_percent": 81, "outbox": {"depth": 0}}')
    hub.say("kitchen", "status", b'{"state": "paused", "since": "2026-05-22T20:40:00+09:00"}')
    last = make(start=NOW - timedelta(seconds=20), emotion="happiness")
    hub.publish(last)
    wait_until(lambda: hub.get(f"/api/moments/{last.id}"))
    hub.put(f"/api/moments/{last.id}/note", {"text": "Mina told the story of the lost umbrella again."})
    return last.id


def _open(browser: Browser, hub: Hub, picture: Picture, moment: str) -> Page:
    width, height = picture.size
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme=picture.theme,
        locale=picture.locale,
        timezone_id="Asia/Seoul",
        reduced_motion="reduce",
        service_workers="block",
    )
    page.clock.set_fixed_time(NOW)
    page.goto(f"{hub.url}/{picture.address.format(id=moment)}")
    page.wait_for_selector("h1")
    if picture.press:
        page.click(picture.press)
    page.wait_for_timeout(1500)
    return page


def _take(browser: Browser, hub: Hub, picture: Picture, moment: str = "") -> None:
    page = _open(browser, hub, picture, moment)
    page.screenshot(path=FOLDER / f"{picture.name}.png")
    page.close()
    sys.stdout.write(f"docs/screens/{picture.name}.png\n")


def main() -> int:
    """Make them all."""
    chromium = program("chromium")
    if chromium is None:
        raise WorkError("pictures need Chromium: install the Debian package chromium")
    FOLDER.mkdir(parents=True, exist_ok=True)
    moments = [*year(NOW - timedelta(days=1), 300, 5), *day(NOW, 60, until=NOW - timedelta(minutes=1))]
    with tempfile.TemporaryDirectory() as full, tempfile.TemporaryDirectory() as none, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        hub = start_hub(Path(full), moments)
        empty = start_hub(Path(none), [])
        try:
            moment = _fill(hub)
            for picture in PICTURES:
                _take(browser, hub, picture, moment)
            _take(browser, empty, EMPTY)
        finally:
            hub.stop()
            empty.stop()
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
