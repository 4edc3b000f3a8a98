"""Fixtures that several parts share, and the list of tests left out for want of a system part."""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.parts import PARTS, Broker, program
from tests.pulse import Pulse

# The same examples in every run, and none that is late: how busy the machine is says nothing of the code.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("needs"):
            missing = [part for part in mark.args if program(part) is None]
            if missing:
                packages = ", ".join(PARTS.get(part, part) for part in missing)
                item.add_marker(pytest.mark.skip(reason=f"left out: needs the Debian package {packages}"))


def pytest_terminal_summary(terminalreporter) -> None:
    left_out = terminalreporter.stats.get("skipped", [])
    if left_out:
        terminalreporter.section("left out")
        for report in left_out:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            terminalreporter.write_line(f"{report.nodeid}: {reason}")


@pytest.fixture(autouse=True)
def _logs_of_its_own() -> Iterator[None]:
    """Take away the log handlers that a command set up: they write to the capture of a test that is over."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def mosquitto(tmp_path):
    """A real broker on a port of its own."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Broker(folder).start()
    yield broker
    broker.kill()


@pytest.fixture
def pulse():
    """A real PulseAudio with one microphone, which plays what the test writes."""
    folder = Path(tempfile.mkdtemp(prefix="pa"))  # a socket's path must be short
    server = Pulse(folder)
    try:
        yield server.start()
    finally:
        server.kill()
        shutil.rmtree(folder)
