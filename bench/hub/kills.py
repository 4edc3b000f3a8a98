"""SIGKILL of hub, PostgreSQL, InfluxDB and broker while moments arrive: nothing lost, nothing double, all caught up."""

import random
import threading
import time
from pathlib import Path

from sqlalchemy import func, select

from bench.hub.running import Devices, Hub
from bench.table import Figure
from hub.config import Influx
from hub.influx.feeder import caught_up
from hub.influx.server import Server
from hub.stores import checking
from hub.stores.store import Store
from hub.stores.tables import moments
from tests.influx import InfluxDB
from tests.parts import Broker, wait_until
from tests.postgres import Cluster


def figures(folder: Path, times: int) -> dict[str, Figure]:
    """End one of them so often, each in turn at a random moment, and start it again."""
    rng = random.Random(11)
    broker, postgres, influx = Broker(folder).start(), Cluster(durable=True).start(), InfluxDB().start()
    settings = {"broker.port": broker.port, "store.url": postgres.new(), "influx.url": influx.url}
    hub = Hub(folder, settings).start()
    devices = Devices(broker.port, window=500, again_s=2.0)
    ending = threading.Event()

    def publish() -> None:
        while not ending.is_set():
            devices.run(1.0, 200)

    publishing = threading.Thread(target=publish)
    publishing.start()
    parts = [hub, postgres, influx, broker]
    for n in range(times):
        time.sleep(rng.uniform(0.3, 2.0))
        part = parts[n % len(parts)]
        part.kill()
        time.sleep(rng.uniform(0.0, 0.5))
        part.start()
        hub.revived()
    ending.set()
    publishing.join()
    end = time.monotonic() + 180
    while (unanswered := devices.settle(5)) and time.monotonic() < end:
        hub.revived()
    devices.close()
    store = Store(settings["store.url"])
    wait_until(lambda: _caught_up(store), 180, 0.2)
    hub.stop()
    with store.reading() as connection:
        ids = {bytes(id_).hex() for id_ in connection.execute(select(moments.c.id)).scalars()}
        there = connection.execute(select(func.count()).select_from(moments)).scalar_one()
    faults = checking.faults(store)
    server = Server(Influx(url=influx.url))
    fed = [value for series in server.ask('SELECT id FROM "moment"') for _, value in series["values"]]
    server.close()
    store.close()
    broker.kill()
    influx.stop()
    postgres.stop()
    published = {id_.replace("-", "") for id_ in devices.ids}
    return {
        "killed: times": Figure(times, "times"),
        "killed: moments published meanwhile": Figure(len(published), "moments"),
        "killed: lost": Figure(len(published - ids) + unanswered, "moments", 0),
        "killed: double": Figure(there - len(ids), "moments", 0),
        "killed: faults of the integrity check": Figure(len(faults), "faults", 0),
        "killed: missing or double in InfluxDB": Figure(len(ids ^ set(fed)) + len(fed) - len(set(fed)), "points", 0),
    }


def _caught_up(store: Store) -> bool:
    with store.reading() as connection:
        return caught_up(connection)
