import pytest

from tests.e2e.processes import Hub


@pytest.fixture
def hub(tmp_path, mosquitto):
    """A real hub on a real broker."""
    running = Hub(tmp_path, mosquitto.port).start().ready()
    yield running
    running.kill()
