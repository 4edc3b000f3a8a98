"""How fast the page is in Chromium before a hub with a year of moments: first view, filter, arrival, frames.

A moment arrives in the browser as it does in life: published to the broker, stored, streamed.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from bench.table import Figure, report
from moments.errors import WorkError
from tests.e2e.page.running import CHROMIUM, Hub, start_hub
from tests.e2e.page.year import year
from tests.hub.moments import make
from tests.parts import program

A_STRETCH = 8.5  # moments on average
FILTERS = ("emotion=sadness", "emotion=happiness&emotion=calm", "basis=speech", "scene=rain", "has=place", "text=rain")
SCROLL = """(ms) => new Promise((done) => {
  const end = performance.now() + ms;
  let way = 4;
  const step = (now) => {
    if (scrollY + innerHeight + way > document.body.scrollHeight || scrollY + way < 0) way = -way;
    scrollBy(0, way);
    if (now < end) requestAnimationFrame(step); else done();
  };
  requestAnimationFrame(step);
})"""
FRAMES = "disabled-by-default-devtools.timeline.frame"  # the trace's name for what each frame went through
SCROLL_MS = 6000
SENT = """() => performance.getEntriesByType("resource").reduce((sum, one) => sum + one.transferSize, 0)
  + performance.getEntriesByType("navigation")[0].transferSize"""


def _open(browser: Browser, hub: Hub, address: str) -> Page:
    page = browser.new_page(viewport={"width": 390, "height": 844}, service_workers="block")
    page.goto(f"{hub.url}/{address}", wait_until="commit")
    return page


def first_view(browser: Browser, hub: Hub) -> tuple[float, float]:
    """Give ms from the request until list and calendar are filled, and the kB that were sent."""
    times, sent = [], 0.0
    for _ in range(5):
        page = _open(browser, hub, "#/recall")
        page.wait_for_selector(".rows li")
        page.wait_for_selector(".daycell[data-emotion]")
        times.append(page.evaluate("performance.now()"))
        sent = page.evaluate(SENT) / 1000
        page.close()
    return statistics.median(times), sent


def filter_to_result(browser: Browser, hub: Hub) -> float:
    """Give the median ms from the new address until the list has changed."""
    page = _open(browser, hub, "#/recall")
    page.wait_for_selector(".rows li")
    times = [
        page.evaluate(
            """(query) => new Promise((done) => {
              const begin = performance.now();
              const watch = new MutationObserver(() => { watch.disconnect(); done(performance.now() - begin); });
              watch.observe(document.querySelector("h1"), {childList: true, characterData: true, subtree: true});
              location.hash = "#/recall?" + query;
            })""",
            query,
        )
        for query in FILTERS
    ]
    page.close()
    return statistics.median(times)


def arrival(browser: Browser, hub: Hub) -> float:
    """Give the largest ms of ten moments from publishing until the row is there."""
    page = _open(browser, hub, "#/today")
    page.wait_for_selector("h1")
    page.wait_for_timeout(1000)
    times = []
    for _ in range(10):
        moment = make(start=datetime.now().astimezone(), device="bench")
        begin = time.monotonic()
        hub.publish(moment)
        page.wait_for_selector(f'li[data-id="{moment.id}"]')
        times.append(1000 * (time.monotonic() - begin))
    page.close()
    return max(times)


def filled(browser: Browser, hub: Hub, address: str, press: str | None, sign: str) -> float:
    """Give the ms until a view that has to count the whole year is filled: its `sign` is there."""
    page = _open(browser, hub, address)
    page.wait_for_selector("h1")
    if press:
        page.wait_for_selector(".rows li")
    begin = time.monotonic()
    if press:
        page.click(press)
    page.wait_for_selector(sign, timeout=60_000)
    took = 1000 * (time.monotonic() - begin)
    page.close()
    return took


def _drawn(trace: bytes) -> list[float]:
    """The ms between the frames that were drawn, from the browser's own trace."""
    events = [one for one in json.loads(trace)["traceEvents"] if one["name"] == "DrawFrame" and FRAMES in one["cat"]]
    of = Counter(one["pid"] for one in events).most_common(1)[0][0]  # the page's process, which draws most
    times = sorted(one["ts"] / 1000 for one in events if one["pid"] == of)
    return [later - earlier for earlier, later in pairwise(times)]


def frames(browser: Browser, hub: Hub) -> list[float]:
    """Give the ms between drawn frames while sixty moments a second arrive and the page is scrolled all the time."""
    page = _open(browser, hub, "#/today")
    page.wait_for_selector("h1")
    over = threading.Event()

    def pour() -> None:
        while not over.wait(0.25):
            start = datetime.now().astimezone()
            hub.publish(*(make(start=start + timedelta(milliseconds=n), device="bench") for n in range(15)))

    pouring = threading.Thread(target=pour)
    pouring.start()
    try:
        page.wait_for_selector(".rows li")
        browser.start_tracing(page=page, categories=[FRAMES])
        page.evaluate(SCROLL, SCROLL_MS)
        trace = browser.stop_tracing()
    finally:
        over.set()
        pouring.join()
    page.close()
    return _drawn(trace)


def main() -> int:
    """Measure, print the table, write bench/results/page.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=500_000, help="how many the hub holds, over a year")
    count = parser.parse_args().moments
    chromium = program("chromium")
    if chromium is None:
        raise WorkError("this needs Chromium: install the Debian package chromium")
    last = datetime.now().astimezone().replace(hour=23, minute=0, second=0, microsecond=0) - timedelta(days=1)
    many = list(islice(year(last, 365, round(count / 365 / A_STRETCH * 1.1)), count))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        hub = start_hub(Path(folder), many)
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        try:
            shown, sent = first_view(browser, hub)
            gaps = statistics.quantiles(frames(browser, hub), n=100)
            figures = {
                "moments in the hub": Figure(len(many), ""),
                "first view of the year, median of 5": Figure(shown, "ms", 1000),
                "sent for it, compressed": Figure(sent, "kB", 300),
                "filter to result, median of 6": Figure(filter_to_result(browser, hub), "ms", 150),
                "arrival, slowest of 10": Figure(arrival(browser, hub), "ms", 1000),
                "between drawn frames at 60 moments a second, 95 % (trace)": Figure(gaps[94], "ms", 34),
                "between drawn frames at 60 moments a second, 99 % (trace)": Figure(gaps[98], "ms"),
                "map of the year, all places counted": Figure(
                    filled(browser, hub, "#/recall", "[data-pane=map]", ".pinbox"), "ms"
                ),
                "insights of the year, first chart": Figure(
                    filled(browser, hub, "#/insights", None, ".chart svg"), "ms"
                ),
            }
            report("page", figures)
        finally:
            browser.close()
            hub.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
