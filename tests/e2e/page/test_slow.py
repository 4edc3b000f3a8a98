"""The page over a line on which answers come slowly, stop in the middle, or are another's than the hub's."""

import json
import threading
import time
import urllib.request
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from tests.e2e.page.conftest import LAST_DAY
from tests.e2e.page.running import Hub
from tests.parts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]

BEGINNING = 100
"""Bytes of a list of moments that come at once."""
LONGER_S = 6
"""More than the page's worker waits for the next byte."""


class Line:
    """A line to a hub; what comes after the beginning of a list of moments comes as `pace` says.

    `instead` is what the line answers in the hub's place, whatever is asked: a status, a media type and a body.
    """

    def __init__(self, hub: Hub) -> None:
        self.pace = "at once"
        self.instead: tuple[int, str, bytes] | None = None
        self.ended = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(hub))
        self.hub = Hub(f"http://127.0.0.1:{self.server.server_port}", hub.broker, hub.process)

    def _handler(self, hub: Hub) -> type[BaseHTTPRequestHandler]:
        line = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/api/stream"):
                    self.send_error(503)
                    return
                if line.instead is not None:
                    status, kind, body = line.instead
                else:
                    with urllib.request.urlopen(hub.url + self.path) as answer:
                        status, kind, body = 200, answer.headers["Content-Type"], answer.read()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                sent = 0
                if line.pace != "at once" and self.path.startswith("/api/moments?"):
                    self.wfile.write(body[:BEGINNING])
                    sent = BEGINNING
                    if line.pace == "stopped":
                        line.ended.wait()
                        return
                    while sent < BEGINNING + LONGER_S:
                        time.sleep(1)
                        self.wfile.write(body[sent : sent + 1])
                        sent += 1
                self.wfile.write(body[sent:])

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def line(hub):
    """A line to the hub."""
    made = Line(hub)
    serving = threading.Thread(target=made.server.serve_forever)
    serving.start()
    yield made
    made.ended.set()
    made.server.shutdown()
    made.server.server_close()
    serving.join()


def with_a_worker(look, line):
    """Open the page with its worker at work."""
    page = look(line.hub, "#/settings", service_workers="allow", errors=["502", "503", "504"])
    wait_until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"))
    return page


def go(page, address):
    page.evaluate("address => { location.hash = address; }", address)


def test_a_day_that_comes_slowly_is_shown(line, look):
    line.pace = "slowly"
    page = with_a_worker(look, line)
    go(page, f"#/today?day={LAST_DAY:%Y-%m-%d}")
    expect(page.locator(".rows li").first).to_be_visible(timeout=30_000)
    expect(page.locator(".banner")).to_be_hidden()


def test_a_day_that_stops_coming_is_shown_as_it_was_kept_or_told_as_out_of_reach(line, look):
    page = with_a_worker(look, line)
    go(page, f"#/today?day={LAST_DAY:%Y-%m-%d}")
    expect(page.locator(".rows li").first).to_be_visible()
    go(page, "#/settings")
    line.pace = "stopped"
    go(page, f"#/today?day={LAST_DAY:%Y-%m-%d}")
    expect(page.locator(".banner")).to_contain_text("cannot be reached", timeout=15_000)
    expect(page.locator(".rows li").first).to_be_visible()
    go(page, f"#/today?day={LAST_DAY - timedelta(days=1):%Y-%m-%d}")
    expect(page.locator(".trouble")).to_have_text("The hub cannot be reached.", timeout=15_000)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_hub_that_a_proxy_does_not_reach_is_away_like_any_other(line, look, status):
    page = with_a_worker(look, line)
    go(page, f"#/today?day={LAST_DAY:%Y-%m-%d}")
    expect(page.locator(".rows li").first).to_be_visible()
    line.instead = (status, "text/html", b"<h1>Bad Gateway</h1>")
    page.reload()
    expect(page.locator(".banner")).to_contain_text("cannot be reached")
    expect(page.locator(".rows li").first).to_be_visible()
    go(page, f"#/today?day={LAST_DAY - timedelta(days=1):%Y-%m-%d}")
    expect(page.locator(".trouble")).to_have_text("The hub cannot be reached.")
    go(page, "#/settings?part=rules")
    expect(page.locator(".part")).to_contain_text("The hub cannot be reached.")
    expect(page.locator(".banner")).to_be_visible()


def test_what_a_hub_that_is_there_says_of_itself_is_told(line, look):
    page = with_a_worker(look, line)
    go(page, f"#/today?day={LAST_DAY:%Y-%m-%d}")
    expect(page.locator(".rows li").first).to_be_visible()
    go(page, "#/settings")
    line.instead = (503, "application/problem+json", json.dumps({"detail": "The hub is about to end."}).encode())
    go(page, f"#/today?day={LAST_DAY:%Y-%m-%d}")
    expect(page.locator(".trouble")).to_have_text("The hub is about to end.")
    expect(page.locator(".banner")).to_be_hidden()


def test_words_that_a_proxy_cannot_hand_on_are_told_so_and_stay(hub, look):
    page = look(hub, "#/record", errors=["502"])
    page.route("**/api/records", lambda route: route.fulfill(status=502, content_type="text/html", body="<h1>"))
    page.get_by_label("Your words").fill("at the sea")
    page.get_by_role("button", name="Keep the words").click()
    expect(page.locator(".recordform .trouble")).to_have_text("The hub cannot be reached.")
    expect(page.get_by_label("Your words")).to_have_value("at the sea")
