"""A real InfluxDB."""

import shutil

import pytest

from tests.hub.influx.feeding import new_bucket
from tests.influx import InfluxDB


@pytest.fixture(scope="module")
def influx():
    made = InfluxDB().start()
    yield made
    made.stop()
    shutil.rmtree(made.folder)


@pytest.fixture
def server(influx):
    made = new_bucket(influx)
    yield made
    made.close()
