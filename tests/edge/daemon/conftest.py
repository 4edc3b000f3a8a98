import pytest

from tests.edge.daemon.device import Device
from tests.edge.delivery.conftest import FakeHub


@pytest.fixture
def hub(mosquitto):
    hub = FakeHub(mosquitto)
    yield hub
    hub.close()


@pytest.fixture
def device(tmp_path, mosquitto):
    devices = []

    def go(**settings):
        devices.append(Device(tmp_path, settings.pop("port", mosquitto.port), **settings))
        return devices[-1]

    yield go
    for each in devices:
        each.process.kill()
        each.process.wait()
        each.process.stdin.close()
