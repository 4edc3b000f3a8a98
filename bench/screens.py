"""Pictures of each view of the page, phone and desktop, light and dark, and of hubs that are unlike the usual one."""

import base64
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from moments import Moment, Place
from moments.errors import WorkError
from tests.e2e.page.running import CHROMIUM, Hub, demo_wav, start_hub
from tests.e2e.page.walking import calm, watch
from tests.e2e.page.year import SEOUL, day, year
from tests.hub.moments import make
from tests.parts import program, wait_until

FOLDER = Path(__file__).parent.parent / "docs" / "screens"
NOW = datetime(2026, 5, 22, 21, 40, tzinfo=SEOUL)
SIZES = {"phone": (390, 844), "desktop": (1280, 860)}
QUALITY = 80
PATIENCE_MS = 120_000  # a busy machine is slow
SETTLED_MS = 700  # for what is drawn after the last answer


@dataclass(frozen=True)
class View:
    """A view: its name, where it is, and what is pressed before the picture."""

    name: str
    address: str
    press: str | None = None


VIEWS = (
    View("today", "#/today"),
    View("recall", "#/recall"),
    View("feelings", "#/recall?basis=speech", "[data-pane=plane]"),
    View("map", "#/recall?from=2026-04-01", "[data-pane=map]"),
    View("moment", "#/today?moment={moment}"),
    View("sound", "#/record?moment={recorded}"),
    View("record", "#/record"),
    View("insights", "#/insights"),
    View("settings", "#/settings"),
    View("rest", "#/settings?part=schedule"),
)


def _fill(hub: Hub, context: BrowserContext, sound: Path) -> dict[str, str]:
    """Give the day its devices, a moment with a note, a recording, hours of rest; gives the ids to show."""
    hub.say("pocket-1", "status", b'{"state": "listening", "since": "2026-05-22T06:30:00+09:00"}')
    hub.say("pocket-1", "health", b'{"battery_percent": 81, "outbox": {"depth": 0}}')
    hub.say("kitchen", "status", b'{"state": "paused", "since": "2026-05-22T20:40:00+09:00"}')
    last = make(start=NOW - timedelta(seconds=20), emotion="happiness")
    hub.publish(last)
    wait_until(lambda: hub.get(f"/api/moments/{last.id}"))
    hub.put(f"/api/moments/{last.id}/note", {"text": "Mina told the story of the lost umbrella again."})
    settings = hub.get("/api/settings")
    del settings["version"]
    hub.put("/api/settings", settings | {"schedule": [{"days": ["mon", "tue", "wed"], "from": "23:00", "to": "06:30"}]})
    hub.put("/api/places", {"name": "Home", "lat": 35.1341, "lon": 129.1032, "radius_m": 300})
    asked = {
        "audio": {"name": "garden.wav", "mimeType": "audio/wav", "buffer": sound.read_bytes()},
        "note": "The garden behind the temple",
        "start": (NOW - timedelta(hours=3)).isoformat(),
        "lat": "35.1587",
        "lon": "129.1604",
    }
    made = context.request.post(f"{hub.url}/api/records", multipart=asked, headers={"Idempotency-Key": "garden"}).json()
    read = wait_until(lambda: (one := hub.get(f"/api/records/{made['id']}"))["state"] == "done" and one, 60)
    return {"moment": last.id, "recorded": read["moments"][-1]}


def _context(browser: Browser, size: str, theme: str, locale: str) -> BrowserContext:
    width, height = SIZES[size]
    return browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=theme,  # type: ignore[arg-type]
        locale=locale,
        timezone_id="Asia/Seoul",
        reduced_motion="reduce",
        service_workers="block",
    )


def _open(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    watch(page)
    page.clock.set_fixed_time(NOW)
    page.goto(url)
    page.wait_for_selector("h1")
    calm(page, 60)
    return page


def _take(page: Page, name: str) -> None:
    page.wait_for_timeout(SETTLED_MS)
    asked = {"format": "webp", "quality": QUALITY}
    taken = page.context.new_cdp_session(page).send("Page.captureScreenshot", asked)
    (FOLDER / f"{name}.webp").write_bytes(base64.b64decode(taken["data"]))
    sys.stdout.write(f"docs/screens/{name}.webp\n")


def _views(browser: Browser, hub: Hub, ids: dict[str, str]) -> None:
    """Take each view in both sizes and both themes; English in the light, Korean in the dark."""
    for size in SIZES:
        for theme, locale in (("light", "en-GB"), ("dark", "ko-KR")):
            context = _context(browser, size, theme, locale)
            for view in VIEWS:
                page = _open(context, f"{hub.url}/{view.address.format(**ids)}")
                if view.press:
                    page.click(view.press)
                    calm(page, 60)
                _take(page, f"{view.name}-{size}-{theme}")
                page.close()
            context.close()


READING = {
    "id": "0196f3c2-8f0e-7c1a-9a52-6d0f4f1e2b33", "owner": None, "device": "upload", "origin": "upload",
    "state": "reading", "progress": 0.42, "error": None, "start": "2026-05-22T21:15:00+09:00", "seconds": None,
    "note": "공원에서 돌아오는 길", "place": None, "clip": None, "moments": [], "made": "2026-05-22T21:16:00+09:00",
}  # fmt: skip


def _still_reading(route: Route) -> None:
    route.fulfill(json=READING if READING["id"] in route.request.url else {"items": [READING], "next": None})


def _states(browser: Browser, folder: Path) -> None:
    """Take what is unlike the usual, on a phone."""
    for name, moments, fill, address in _unusual():
        place = folder / name
        place.mkdir()
        hub = start_hub(place, moments)
        context = _context(browser, "phone", "light", "ko-KR" if name == "korean" else "en-GB")
        try:
            fill(hub)
            if name == "reading":
                context.route("**/api/records**", _still_reading)
            page = _open(context, f"{hub.url}/{address}")
            _take(page, f"state-{name}")
        finally:
            context.close()
            hub.stop()


def _unusual() -> Iterator[tuple[str, list[Moment], Callable[[Hub], None], str]]:
    def nothing(_hub: Hub) -> None:
        return

    def deaf(hub: Hub) -> None:
        hub.say("pocket-1", "status", b'{"state": "deaf", "since": "2026-05-22T21:31:00+09:00"}')
        hub.say("pocket-1", "health", b'{"capture": {"reason": "the microphone was unplugged"}, "battery_percent": 7}')
        wait_until(lambda: hub.get("/api/devices")["items"])

    def many(hub: Hub) -> None:
        for n in range(50):
            state = ("deaf", "offline", "listening")[min(n, 2)]
            hub.say(f"room-{n:02}", "status", f'{{"state": "{state}", "since": "2026-05-22T21:10:00+09:00"}}'.encode())
        wait_until(lambda: len(hub.get("/api/devices")["items"]) == 50)

    def noted(hub: Hub) -> None:
        hub.put(f"/api/moments/{written.id}/note", {"text": "할머니 댁 마당에서 들은 매미 소리. 오래 앉아 있었다."})

    at = NOW - timedelta(seconds=30)
    written = make(start=at - timedelta(minutes=12), emotion="calm", place=Place(lat=37.5666, lon=126.9784))
    unclear = make(start=at, emotion="unclear", place=None, scene=None)
    yield "empty", [], nothing, "#/today"
    yield "one", [make(start=at, emotion="calm")], nothing, "#/today"
    yield "deaf", [make(start=at - timedelta(minutes=9))], deaf, "#/today"
    yield "fifty", [make(start=at, device="room-07")], many, "#/today"
    yield "korean", [written, make(start=at)], noted, "#/today"
    yield "unclear", [unclear], nothing, f"#/today?moment={unclear.id}"
    yield "reading", [], nothing, "#/record"


def main() -> int:
    """Make them all."""
    chromium = program("chromium")
    if chromium is None:
        raise WorkError("pictures need Chromium: install the Debian package chromium")
    FOLDER.mkdir(parents=True, exist_ok=True)
    moments = [*year(NOW - timedelta(days=1), 300, 5), *day(NOW, 60, until=NOW - timedelta(minutes=1))]
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        full = folder / "full"
        full.mkdir()
        hub = start_hub(full, moments)
        try:
            context = browser.new_context()
            ids = _fill(hub, context, demo_wav(folder / "garden.wav", 24))
            context.close()
            _views(browser, hub, ids)
            _states(browser, folder)
        finally:
            hub.stop()
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
