"""From a real broker into committed SQLite and `stored` back, one hub process."""

import time
from pathlib import Path

from sqlalchemy import func, select

from bench.hub.load import Load
from bench.hub.running import Hub
from bench.table import Figure
from hub.stores import checking
from hub.stores.store import Store
from hub.stores.tables import moments
from tests.parts import Broker


def figures(folder: Path, seconds: float) -> dict[str, Figure]:
    """Publish for so many seconds as fast as it is answered."""
    broker = Broker(folder).start()
    hub = Hub(folder, {"broker.port": broker.port}).start()
    load = Load(broker.port)
    before = load.run(min(10.0, seconds / 4))  # until it is warm
    warm, cpu, begun = hub.rss_mb(), hub.cpu_s(), time.monotonic()
    during = load.run(seconds)
    took, spent, grown = time.monotonic() - begun, hub.cpu_s() - cpu, hub.rss_mb() - warm
    after = load.run(120, publish=False)
    load.close()
    hub.stop()
    broker.kill()
    done = during["answered"] - before["answered"]
    store = Store(folder / "hub.db")
    with store.reading() as connection:
        there, different = connection.execute(select(func.count(), func.count(moments.c.id.distinct()))).one()
    wrong = checking.faults(store)
    store.close()
    assert not wrong, wrong
    return {
        "ingest: moments a second": Figure(done / took, "1/s", 5000, "at least"),
        "ingest: moments per CPU second of the hub": Figure(done / spent, "1/s", 5000, "at least"),
        "ingest: CPU of what publishes, of a core": Figure(100 * (during["cpu_s"] - before["cpu_s"]) / took, "%"),
        "ingest: seconds of it": Figure(took, "s"),
        "ingest: lost": Figure(after["sent"] - different + after["unanswered"], "moments", 0),
        "ingest: double": Figure(there - different, "moments", 0),
        "ingest: growth of memory": Figure(grown, "MB", 16),
    }
