"""`moodscape hub run`: ingest in its own threads, the API in the main one, until SIGTERM."""

import asyncio
import logging
import signal
import socket
import ssl
import sys
from asyncio.sslproto import SSLProtocol
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import uvicorn

from hub import influx
from hub.api.app import create_app
from hub.api.feed import Feed
from hub.api.patience import Patience
from hub.callers import LISTENING, Listening, most_callers
from hub.config import HomeAssistant, Http, Settings
from hub.enrolling import Enrolling
from hub.every import Every
from hub.home_assistant import discovery, discovery_topic
from hub.ingest.subscriber import Announce, Subscriber
from hub.metrics import Metrics
from hub.retention import Retainer
from hub.stores.lock import only_one
from hub.stores.store import Store
from hub.stores.watch import Watcher
from moments.errors import UserError

_log = logging.getLogger(__name__)

_SOON: Final = timedelta(days=30)


_GRACE_S: Final = 2
_INTERRUPT_S: Final = 0.2
_HANDSHAKE_S: Final = 15.0
_TLS_READ: Final = 16_384
"""What one record of TLS carries. asyncio takes sixteen times that for each connection; so many strangers' would be a
gigabyte before Python clears away those of them that left."""


class _Loop(asyncio.SelectorEventLoop):
    """Waits less long for who does not agree on keys than asyncio by itself does, a minute, and keeps less for each."""

    async def create_server(self, *args: Any, **kwargs: Any) -> asyncio.Server:
        timeout_s = _HANDSHAKE_S if kwargs.get("ssl") else None
        SSLProtocol.max_size = _TLS_READ
        return await super().create_server(*args, **kwargs, ssl_handshake_timeout=timeout_s)


class Server(uvicorn.Server):
    """Ends the event streams before it waits for connections to end, and breaks off what would take too long."""

    def __init__(self, config: uvicorn.Config, feed: Feed, store: Store) -> None:
        config.timeout_graceful_shutdown = _GRACE_S
        super().__init__(config)
        self._feed = feed
        self._interrupting = Every(_INTERRUPT_S, store.interrupt, "interrupting")

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to end."""
        try:
            with asyncio.Runner(loop_factory=_Loop) as runner:
                runner.run(self.serve(sockets))
        finally:
            self._interrupting.close()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        if sockets is not None:
            self.lifespan.state[LISTENING] = sockets[0]
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End."""
        self._feed.close()
        # Again and again: one question may follow the other. What asks them is a thread that nothing else ends.
        asyncio.get_running_loop().call_later(_GRACE_S / 2, self._interrupting.start)
        await super().shutdown(sockets)


def listen(http: Http) -> Listening:
    """Give the socket that is listened on. Raises UserError where that address is not to be had."""
    try:
        family, *_, address = socket.getaddrinfo(http.host, http.port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(address[:2], family=family, backlog=512)
    except OSError as error:
        why = f"cannot listen on {http.host} port {http.port}: {error.strerror}; choose with --set http.port=N"
        raise UserError(why) from None
    # Accepted connections take it over. Without it the body of an answer waits 40 ms for the acknowledgement of its
    # head.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Listening(listening, most_callers())


def _leave(_signal: int, _frame: Any) -> None:
    """Stand in for the default, which would end the process before it has tidied up; uvicorn raises it at its end."""


def _announcer(settings: HomeAssistant) -> Announce | None:
    if not settings.enabled:
        return None
    return lambda device: (discovery_topic(device, settings.prefix), discovery(device))


def _check_certificate(http: Http) -> None:
    """Raise UserError for a certificate that cannot be served with; tell of one that ends soon."""
    if http.cert_file is None and http.key_file is None:
        return
    if http.cert_file is None or http.key_file is None:
        raise UserError("http.cert_file and http.key_file go together: set both or none")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(http.cert_file, http.key_file)
    except (OSError, ssl.SSLError) as error:
        why = f"HTTPS with http.cert_file {http.cert_file} and http.key_file {http.key_file} does not work: {error}"
        raise UserError(why) from None
    from hub.ca import ends

    left = ends(http.cert_file) - datetime.now(UTC)
    if left < _SOON:
        _log.warning(
            "the certificate ends soon: renew it with `moodscape hub ca` (`sudo moodscape hub ca` on an installed hub) "
            "and start the hub again",
            extra={"days_left": left.days},
        )


def run(settings: Settings) -> int:
    """Serve until SIGTERM or Ctrl+C. Raises UserError, WorkError."""
    http = settings.http
    if http.open_on_loopback and not http.loopback:
        raise UserError(
            f"http.host {http.host} is reached by other machines, so calls need tokens: "
            "set http.open_on_loopback to false, and make one with `moodscape hub token`"
        )
    _check_certificate(http)
    metrics = Metrics()
    with only_one(settings.store.place), listen(http) as listening:
        store = Store(settings.store.place)
        store.be_ready()
        feeder = influx.beside(store, settings.influx, metrics)
        subscriber = Subscriber(settings.broker, store, metrics, _announcer(settings.home_assistant))
        app = create_app(
            store,
            tokenless=http.open,
            metrics=metrics,
            send=subscriber.send,
            ca_file=http.ca_file,
            folder=settings.store.sounds,
            calls_per_minute=None if http.open else http.calls_per_minute,
            enrolling=Enrolling(store, settings) if http.ca_file else None,
        )
        config = uvicorn.Config(
            app,
            http=Patience,
            log_config=None,
            access_log=False,
            server_header=False,
            ssl_certfile=http.cert_file,
            ssl_keyfile=http.key_file,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave)
        retainer = Retainer(store, app.state.parts.forgetting, settings.retention)
        telling = app.state.parts.telling
        subscriber.on_connected.append(telling.connected)
        subscriber.on_report.append(telling.reported)
        subscriber.start()
        retainer.start()
        beside = [part for part in (feeder, Watcher(store) if store.shared else None) if part]
        for part in beside:
            part.start()
        sys.stdout.write(f"The hub: {'https' if http.cert_file else 'http'}://{http.host}:{http.port}\n")
        sys.stdout.flush()
        try:
            Server(config, app.state.parts.feed, store).run(sockets=[listening])
        finally:
            subscriber.close()
            store.interrupt()  # where nobody called, nothing has
            retainer.close()
            for part in beside:
                part.close()
            store.close()
    return 0
