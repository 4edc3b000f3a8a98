"""InfluxDB beside the store: fed from committed rows, asked for buckets of time."""

from typing import TYPE_CHECKING

from hub.stores.leaving import forget_feed

if TYPE_CHECKING:
    from hub.config import Influx
    from hub.influx.feeder import Feeder
    from hub.metrics import Metrics
    from hub.stores.store import Store


def beside(store: "Store", settings: "Influx", metrics: "Metrics") -> "Feeder | None":
    """Give the feeder of the InfluxDB that the settings name, and let it answer summaries; None without one.

    Without one the store forgets a feed that it had, which would begin anew. One that other hubs may write to keeps
    it: another of them may be the one that feeds.

    Raises WorkError when the server cannot erase and that is not allowed.
    """
    if settings.url is None:
        if not store.shared:
            with store.writing() as connection:
                forget_feed(connection)
        return None
    from hub.influx.buckets import Series
    from hub.influx.feeder import Feeder, check
    from hub.influx.server import Server

    server = Server(settings)
    check(server, allow_undeletable=settings.allow_undeletable)
    store.series = Series(server)
    return Feeder(store, server, metrics, allow_undeletable=settings.allow_undeletable)
