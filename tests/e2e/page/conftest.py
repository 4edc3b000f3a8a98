"""A real hub with a year of moments behind a real broker, and a real Chromium before it."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from moments import Moment
from moments.topics import topic
from tests.e2e.page.year import year
from tests.parts import Broker, answers, free_port, program, wait_until

CHROMIUM = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Hub:
    """A hub that runs, and what a device would do to it."""

    url: str
    broker: Broker
    process: subprocess.Popen

    def publish(self, *moments: Moment) -> None:
        """Publish moments as their devices and wait until the broker has them."""
        for moment in moments:
            self.say(moment.device, "moment", moment.to_json())

    def say(self, device: str, kind: str, payload: bytes) -> None:
        """Publish one message as a device."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.connect(self.broker.host, self.broker.port)
        client.loop_start()
        client.publish(topic(device, kind), payload, qos=1, retain=kind != "moment").wait_for_publish(5)
        client.disconnect()
        client.loop_stop()

    def get(self, path: str) -> dict:
        """Ask the API; an answer that is no success gives {}."""
        try:
            with urllib.request.urlopen(self.url + path) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            error.close()
            return {}

    def newest(self, query: str = "") -> dict:
        """The newest moment that a filter matches."""
        return self.get(f"/api/moments?limit=1&{query}")["items"][0]

    def stop(self) -> None:
        """End hub and broker."""
        self.process.terminate()
        self.process.wait(20)
        self.broker.kill()


def start_hub(folder: Path, moments: list[Moment]) -> Hub:
    """Start a broker and a hub whose store holds these moments."""
    from hub.stores.store import Store

    path = folder / "hub.db"
    store = Store(path)
    for at in range(0, len(moments), 5000):
        store.take(moments[at : at + 5000])
    store.close()
    broker = Broker(folder).start()
    port = free_port()
    command = [str(Path(sys.executable).with_name("moodscape")), "hub", "run"]
    for setting in (f"http.port={port}", f"broker.port={broker.port}", f"store.path={path}"):
        command += ["--set", setting]
    with (folder / "hub.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    hub = Hub(f"http://127.0.0.1:{port}", broker, process)
    wait_until(lambda: answers(port) and hub.get("/readyz"), 30)
    return hub


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
def chromium():
    """Debian's Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=CHROMIUM)
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
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console",
            lambda said: (
                wrong.append(said.text)
                if said.type == "error" and not any(known in said.text for known in errors)
                else None
            ),
        )
        page.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith(hub.url) else None)
        page.goto(f"{hub.url}/{address}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []
