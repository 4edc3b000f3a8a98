"""InfluxDB beside the store: fed from committed rows, asked for buckets of time."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.config import Influx
    from hub.influx.feeder import Feeder
    from hub.metrics import Metrics
    from hub.stores.store import Store


def beside(store: "Store", settings: "Influx", metrics: "Metrics") -> "Feeder | None":
    """Give the feeder of the InfluxDB that the settings name, and let it answer summaries; None without one.

    Raises WorkError when it cannot erase and that is not allowed.
    """
    if settings.url is None:
        return None
    from hub.influx.buckets import Series
    from hub.influx.feeder import Feeder, check
    from hub.influx.server import Server

    server = Server(settings)
    check(server, allow_undeletable=settings.allow_undeletable)
    store.series = Series(server)
    return Feeder(store, server, metrics, allow_undeletable=settings.allow_undeletable)
