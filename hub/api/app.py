"""The hub's app: the page, the calls, the door."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib import metadata
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from hub.api import clips, devices, enrol, explore, moments, operation, places, problems, records, settings
from hub.api.asked import Parts
from hub.api.breaking_off import BreakingOff
from hub.api.documented import ERRORS, DocumentedApp
from hub.api.feed import Feed
from hub.api.guard import Guard
from hub.api.page import Page
from hub.enrolling import Enrolling
from hub.explore.place_days import PlaceDays
from hub.forgetting import Forgetting
from hub.metrics import Metrics
from hub.records.reader import Reader
from hub.records.sounds import Sounds
from hub.stores.store import Store
from hub.telling import Send, Telling, nobody_to_tell
from moments.settings import data_folder


def create_app(
    store: Store,
    *,
    tokenless: bool = True,
    metrics: Metrics | None = None,
    send: Send = nobody_to_tell,
    folder: Path | None = None,
    calls_per_minute: int | None = None,
    ca_file: Path | None = None,
    enrolling: Enrolling | None = None,
) -> FastAPI:
    """Make the app over a store.

    `tokenless`: calls need no token. `send` publishes to a device. `folder` keeps sound; without it,
    `sounds` beside the database does. `calls_per_minute` is what one token or address may make; None: any number.
    `enrolling` lets devices in; None: this hub lets none in.
    `app.state.parts.feed.close()` ends the streams, which is due before the server waits for its connections.
    """
    counted = metrics or Metrics()
    store.on_letters_dropped.append(partial(counted.add, "moodscape_dead_letters_dropped_total"))
    feed = Feed(store, counted)
    telling = Telling(store, send)
    sounds = Sounds(folder or (data_folder() if store.shared else store.path.parent) / "sounds")
    reader = Reader(store, sounds)
    place_days = PlaceDays(store)
    forgetting = Forgetting(store, sounds, telling, place_days)
    telling.on_span_erased.append(forgetting.erase_late)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        feed.attach()
        telling.start()
        reader.start()
        yield
        feed.close()
        await asyncio.to_thread(reader.close)
        await asyncio.to_thread(telling.close)

    app = DocumentedApp(
        title="Moodscape",
        version=metadata.version("moodscape"),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=ERRORS,
    )
    app.state.parts = Parts(store, counted, feed, telling, sounds, reader, forgetting, place_days)
    problems.install(app)
    for part in (moments, records, clips, settings, places, explore, devices, enrol, operation):
        app.include_router(part.router)
    app.state.ca_file = ca_file
    app.state.enrolling = enrolling
    app.mount("/", Page(app.routes))
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(BreakingOff)
    app.add_middleware(Guard, store=store, tokenless=tokenless, calls_per_minute=calls_per_minute)
    return app
