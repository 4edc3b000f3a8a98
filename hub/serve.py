"""`moodscape hub run`: ingest in its own threads, the API in the main one, until SIGTERM."""

import signal
import socket
import sys
from typing import Any

import uvicorn

from hub.api.app import create_app
from hub.api.feed import Feed
from hub.config import HomeAssistant, Http, Settings
from hub.home_assistant import discovery, discovery_topic
from hub.ingest.subscriber import Announce, Subscriber
from hub.metrics import Metrics
from hub.retention import Retainer
from hub.stores.store import Store
from moments.errors import UserError


class Server(uvicorn.Server):
    """Ends the event streams before it waits for connections to end."""

    def __init__(self, config: uvicorn.Config, feed: Feed) -> None:
        super().__init__(config)
        self._feed = feed

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End."""
        self._feed.close()
        await super().shutdown(sockets)


def _listen(http: Http) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(http.host, http.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=512)
    except OSError as error:
        why = f"cannot listen on {http.host} port {http.port}: {error.strerror}; choose with --set http.port=N"
        raise UserError(why) from None


def _leave(_signal: int, _frame: Any) -> None:
    """Stand in for the default, which would end the process before it has tidied up; uvicorn raises it at its end."""


def _announcer(settings: HomeAssistant) -> Announce | None:
    if not settings.enabled:
        return None
    return lambda device: (discovery_topic(device, settings.prefix), discovery(device))


def run(settings: Settings) -> int:
    """Serve until SIGTERM or Ctrl+C. Raises UserError, WorkError."""
    http = settings.http
    if http.open_on_loopback and not http.loopback:
        raise UserError(
            f"http.host {http.host} is reached by other machines, so calls need tokens: "
            "set http.open_on_loopback to false, and make one with `moodscape hub token`"
        )
    metrics = Metrics()
    with _listen(http) as listening:
        store = Store(settings.store.file)
        subscriber = Subscriber(settings.broker, store, metrics, _announcer(settings.home_assistant))
        app = create_app(store, tokenless=http.open, metrics=metrics, send=subscriber.send)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, timeout_graceful_shutdown=2, server_header=False
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave)
        retainer = Retainer(store, settings.retention)
        telling = app.state.parts.telling
        subscriber.on_connected.append(telling.connected)
        subscriber.on_report.append(telling.reported)
        subscriber.start()
        retainer.start()
        sys.stdout.write(f"The hub: http://{http.host}:{http.port}\n")
        sys.stdout.flush()
        try:
            Server(config, app.state.parts.feed).run(sockets=[listening])
        finally:
            subscriber.close()
            retainer.close()
            store.close()
    return 0
