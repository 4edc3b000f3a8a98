"""Buckets of a real InfluxDB, and the feed of one step by step."""

import itertools

from hub.config import Influx
from hub.influx.feeder import Feeder
from hub.influx.server import Server
from hub.metrics import Metrics

_numbers = itertools.count()


def new_bucket(influx):
    made = Server(Influx(url=influx.url, bucket=f"b{next(_numbers)}"))
    made.make()
    return made


def feeder(store, server, **settings):
    """One whose steps the test takes."""
    made = Feeder(store, server, Metrics(), **({"allow_undeletable": False} | settings))
    assert made.prepare()
    return made


def feed(feeding):
    while feeding.step():
        pass


def ids(server):
    found = server.ask('SELECT id FROM "moment"')
    return sorted(value for series in found for _, value in series["values"])


def short(moment):
    return moment.id.replace("-", "")
