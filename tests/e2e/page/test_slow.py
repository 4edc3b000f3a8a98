"""The page over a line so slow that an answer takes longer to come than the hub to begin with it."""

import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from tests.e2e.page.conftest import LAST_DAY
from tests.e2e.page.running import Hub
from tests.parts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]

LONGER_S = 6
"""More than the page's worker waits for an answer to begin."""


@pytest.fixture
def slowly(hub):
    """The hub behind a line on which the end of a list of moments comes late."""

    class Line(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/api/stream"):
                self.send_error(503)
                return
            with urllib.request.urlopen(hub.url + self.path) as answer:
                body, kind = answer.read(), answer.headers["Content-Type"]
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:100])
            if self.path.startswith("/api/moments?"):
                self.wfile.flush()
                time.sleep(LONGER_S)
            self.wfile.write(body[100:])

        def log_message(self, *_: object) -> None:
            pass

    line = ThreadingHTTPServer(("127.0.0.1", 0), Line)
    serving = threading.Thread(target=line.serve_forever)
    serving.start()
    yield Hub(f"http://127.0.0.1:{line.server_port}", hub.broker, hub.process)
    line.shutdown()
    line.server_close()
    serving.join()


def test_a_day_that_comes_slowly_is_shown(slowly, look):
    page = look(slowly, "#/settings", service_workers="allow", errors=["503"])
    wait_until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"))
    page.evaluate(f"location.hash = '#/today?day={LAST_DAY:%Y-%m-%d}'")
    expect(page.locator(".rows li").first).to_be_visible(timeout=30_000)
