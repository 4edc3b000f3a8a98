"""The hub's app: the page, the calls, the door."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

from hub.api import devices, moments, operation, problems
from hub.api.asked import Parts
from hub.api.feed import Feed
from hub.api.guard import Guard
from hub.metrics import Metrics
from hub.stores.store import Store

WEB: Final = Path(__file__).parent.parent / "web"

Send = Callable[[str, str, dict[str, Any]], bool]


def nobody_to_tell(_device: str, _kind: str, _body: dict[str, Any]) -> bool:
    """Stand for a broker that is not reached."""
    return False


def create_app(
    store: Store,
    *,
    tokenless: bool = True,
    metrics: Metrics | None = None,
    send: Send = nobody_to_tell,
) -> FastAPI:
    """Make the app over a store.

    `tokenless`: calls need no token. `send(device, kind, body)` publishes to a device.
    `app.state.parts.feed.close()` ends the streams, which is due before the server waits for its connections.
    """
    counted = metrics or Metrics()
    feed = Feed(store, counted)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        feed.attach()
        yield
        feed.close()

    app = FastAPI(
        title="Moodscape", version=metadata.version("moodscape"), docs_url=None, redoc_url=None, lifespan=lifespan
    )
    app.state.parts = Parts(store, counted, feed, send)
    problems.install(app)
    for part in (moments, devices, operation):
        app.include_router(part.router)
    app.mount("/", StaticFiles(directory=WEB, html=True))
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(Guard, store=store, tokenless=tokenless)
    return app
