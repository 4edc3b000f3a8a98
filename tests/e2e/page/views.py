"""The views of the page, as addresses, and what is asked of each of them."""

from importlib import resources
from pathlib import Path

from playwright.sync_api import Page

from tests.e2e.page.conftest import LAST_DAY
from tests.e2e.page.running import Hub

PARTS = ("browser", "devices", "schedule", "zones", "keeping", "rules", "places", "access", "data")
VIEWS = (
    "#/today",
    f"#/today?day={LAST_DAY:%Y-%m-%d}",
    "#/recall",
    "#/recall?emotion=sadness&valence=-1,0",
    "#/record",
    "#/insights",
    "#/insights?span=month&of=arousal",
    "#/settings",
    *(f"#/settings?part={part}" for part in PARTS),
)


def web() -> Path:
    """The folder of the page's files."""
    return Path(str(resources.files("hub"))) / "web"


def addresses(hub: Hub) -> list[str]:
    """All views, and the panel of a moment over one."""
    day = f"{LAST_DAY:%Y-%m-%d}"
    moment = hub.newest(f"from={day}")["id"]
    return [*VIEWS, f"#/recall?from={day}&moment={moment}"]


def wide(page: Page) -> bool:
    """Tell whether the page is wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))
