"""Walks through the views of an open page, and tells when a view has come to rest."""

import time

from playwright.sync_api import Locator, Page, Request

STREAM = "/api/stream"
QUIET_S = 0.15


def watch(page: Page) -> None:
    """Count what the page asks for and has not got yet; the stream never ends and is left out."""
    asked: set[Request] = set()
    page.asked = asked  # type: ignore[attr-defined]

    def begins(one: Request) -> None:
        if STREAM not in one.url:
            asked.add(one)

    def ends(one: Request) -> None:
        asked.discard(one)

    page.on("request", begins)
    page.on("requestfinished", ends)
    page.on("requestfailed", ends)


def calm(page: Page, seconds: float = 15) -> None:
    """Wait until nothing has been asked for, for a moment; AssertionError after `seconds`."""
    end, since = time.monotonic() + seconds, time.monotonic()
    while time.monotonic() < end:
        page.wait_for_timeout(30)
        if page.asked:  # type: ignore[attr-defined]
            since = time.monotonic()
        elif time.monotonic() - since > QUIET_S:
            return
    raise AssertionError(f"still asking after {seconds} s: {[one.url for one in page.asked]}")  # type: ignore[attr-defined]


def go(page: Page, address: str) -> None:
    """Go to another view of the page that is open, and wait until it is there."""
    page.evaluate("address => { location.hash = address; }", address)
    page.wait_for_selector("main h1")
    calm(page)


def press(page: Page, what: Locator) -> None:
    """Press with the mouse, and let go only once all that the press itself set off has come to rest."""
    what.hover()
    page.mouse.down()
    calm(page)
    page.mouse.up()
