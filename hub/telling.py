"""What devices are told: their owner's settings, commands, and again what they did not answer.

Settings are retained by the broker. They are published when they change, when a device changes its owner, when a
device is first heard, and to all after every connection, since the broker may have lost them. A command to erase
stays due until the device has done it, however long it is away: it is published again whenever the device says that
it is there. What a device did not erase it is told again under another id, since it does nothing twice for one id.
"""

import json
import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import select, update
from sqlalchemy.exc import DatabaseError

from hub import commanded
from hub.settings.keep import configs
from hub.stores.beside import commands
from hub.stores.store import Ending, Report, Store, now_ms
from hub.stores.tables import devices
from moments import uuid7

_log = logging.getLogger(__name__)

_LOOK_S: Final = 5.0
_SLACK_MS: Final = 60_000
"""How late another process' order may be seen after it was given: a store may be busy."""
_LONGEST_S: Final = 2**32 - 1
"""What MQTT can say of an expiry."""
_AT_ONCE: Final = 100
_ASKED: Final = 500
"""Devices in one question."""
_TOGETHER: Final = 1000
"""Ids in one command: a message stays far below the broker's limit."""

_AGAIN_S: Final = 600.0
"""After so long a device that could not erase is told again, if it does not come anew before."""

_SETTLED_S: Final = 30.0
"""After so long another hub over the same store has stored what it had when a device's reply came here."""

_SENT_S: Final = 120.0
"""After so long a device that replied has sent what it kept of a day, of which it was told instants."""

_DONE: Final = json.dumps({"ok": True, "error": None})


class Send(Protocol):
    """Publishes to a device; False when the broker is not reached or cannot carry it."""

    def __call__(
        self, device: str, kind: str, body: dict[str, Any], *, retain: bool = False, expires_s: int | None = None
    ) -> bool:
        """Publish; the broker drops what it could not deliver within `expires_s`."""


def nobody_to_tell(*_: object, **__: object) -> bool:
    """Stand for a broker that is not reached."""
    return False


class Telling:
    """Publishes in a thread of its own, so that neither a call nor the broker's client waits for the store."""

    def __init__(self, store: Store, send: Send) -> None:
        self._store = store
        self._send = send
        self._due: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._heard: set[str] = set()
        self._whose: dict[str, str | None] = {}
        """The owner whose settings each device was told last."""
        self._awake: set[str] = set()
        self._looked_ms = now_ms()
        self._look_at = time.monotonic() + _LOOK_S
        self._sent: dict[str, int] = {}
        """The orders that this process sent lately, and when."""
        self._again: dict[str, float] = {}
        """When devices that could not erase are told again, in monotonic seconds."""
        self._late: dict[str, float] = {}
        """When what came of a span is erased here for the last time, by the order's id, in monotonic seconds."""
        self.on_span_erased: list[Callable[[str, dict[str, Any], int], object]] = []
        """Called in the thread of this when a device has erased a span: with the device, the args that it was told,
        and the Unix time in ms when that was. What the device sent before it heard of it is here by then, but for what
        another hub over the same store has in hand, and for what it keeps of a wearer's day that is beyond the instants
        that it was told: where there may be such, it is called a second time, later."""
        self._thread = threading.Thread(target=self._run, name="telling")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End after what is due."""
        self._due.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def connected(self) -> None:
        """Hear that the broker is reached (again): everything is due."""
        self._heard.clear()
        self._due.put(self._tell_all)

    def settings_changed(self, *, owner: str | None = None, device: str | None = None) -> None:
        """Hear that an owner's settings, or a device's owner, changed."""
        self._due.put(lambda: self._tell_settings(owner=owner, device=device))

    def reported(self, report: Report) -> None:
        """Hear what a device said of itself: a reply is kept, a sign of life brings what is due."""
        if report.kind == "reply":
            self._keep_reply(report)
            return
        if report.device not in self._heard:
            self._heard.add(report.device)
            self._due.put(lambda: self._tell_settings(device=report.device))
        if report.kind == "status":
            there = json.loads(report.body).get("state") != "offline"
        else:
            there = self._again.get(report.device, math.inf) <= time.monotonic()
        if there:
            self._again.pop(report.device, None)
            self._awake.add(report.device)
            self._due.put(self._tell_awake)

    def command(self, device: str, order: dict[str, Any]) -> bool:
        """Send one command and keep it, so that its reply can be read; False: the broker does not take it."""
        commanded.keep(self._store, device, order)
        return self._send_order(device, order)

    def erase(self, device: str, args: dict[str, Any]) -> None:
        """Have a device erase, sooner or later: `args` are the command's."""
        order = {"id": uuid7(), "do": "erase", "until": None, "args": args}
        commanded.keep(self._store, device, order)
        self._send_order(device, order)

    def erase_ids(self, device: str, ids: Sequence[str]) -> None:
        """Have a device erase moments, in its queue and with their sound."""
        for at in range(0, len(ids), _TOGETHER):
            self.erase(device, {"ids": list(ids[at : at + _TOGETHER])})

    def _keep_reply(self, report: Report) -> None:
        """Keep what a device says to a command; what the hub wants erased and the device did not erase stays due."""
        said = json.loads(report.body)
        named, ok = said.get("id"), said.get("ok") is True
        if not isinstance(named, str):
            return
        this = (commands.c.id == named) & (commands.c.device == report.device) & commands.c.reply.is_(None)
        reply = json.dumps({"ok": ok, "error": str(said["error"])[:1000] if said.get("error") else None})
        with self._store.writing() as connection:
            body = connection.execute(select(commands.c.body).where(this)).scalar()
            if body is None:
                return
            order = json.loads(body)
            changed = {"reply": reply}
            if commanded.is_the_hubs(order) and not ok:
                order["id"] = uuid7()
                self._sent[order["id"]] = now_ms()  # not by another process, and not due at once
                changed = {"id": order["id"], "body": commanded.written(order)}
                self._again[report.device] = time.monotonic() + _AGAIN_S
                _log.warning("a device did not erase; it is told again", extra={"device": report.device})
            elif commanded.is_the_hubs(order) and "ids" not in order["args"]:
                changed = {"reply": commanded.LATE}
            connection.execute(update(commands).where(this).values(changed))
        if commanded.LATE in changed.values():
            self._due.put(self._erase_late)

    def _erase_late(self) -> None:
        """Have erased here what devices sent of a span before they heard that it was to be erased."""
        asked = select(commands).where(commands.c.reply == commanded.LATE)
        with self._store.reading() as connection:
            found = connection.execute(asked).all()
        now, late = time.monotonic(), dict[str, float]()
        for row in found:
            last = self._late.get(row.id)
            if last is not None and last > now:  # done once, and not due again: each reply of another device comes here
                late[row.id] = last
                continue
            args = json.loads(row.body)["args"]
            for call in self.on_span_erased:
                call(row.device, args, row.sent_ms)
            settled_s = _SENT_S if "days" in args else _SETTLED_S if self._store.shared else 0.0
            if last is None and settled_s:
                late[row.id] = now + settled_s
                continue
            with self._store.writing() as connection:
                connection.execute(update(commands).where(commands.c.id == row.id).values(reply=_DONE))
        self._late = late

    def _run(self) -> None:
        while (due := self._next()) is not None:
            try:
                due()
            except Ending:  # what is left is noted, and the next connection does it
                continue
            except (DatabaseError, OSError) as error:
                why = {"reason": str(getattr(error, "orig", error))}
                _log.error("what is due to devices cannot be done; the next connection does it", extra=why)
            except Exception:  # noqa: BLE001 (whatever it was, the other devices are told)
                _log.exception("what is due to devices failed")

    def _next(self) -> Callable[[], object] | None:
        """Give what is due, None at the end; every few seconds that is to look, however much else is due."""
        left_s = self._look_at - time.monotonic()
        if left_s > 0:
            with suppress(queue.Empty):
                return self._due.get(timeout=left_s)
        return self._look

    def _look(self) -> None:
        """Do what no call tells of: what other processes have ordered, what other hubs have stored meanwhile."""
        try:
            self._tell_others()
            self._tell_moved()
            if min(self._late.values(), default=math.inf) <= time.monotonic():
                self._erase_late()
        finally:
            self._look_at = time.monotonic() + _LOOK_S

    def _tell_others(self) -> None:
        """Publish what another process has ordered lately, as `moodscape hub erase` does beside a hub."""
        since, self._looked_ms = self._looked_ms - _SLACK_MS, now_ms()
        with self._store.reading() as connection:
            asked = select(commands.c.id).where(*commanded.due(), commands.c.sent_ms >= since)
            new = [name for name in connection.execute(asked).scalars() if name not in self._sent]
        for device, order in commanded.orders(self._store, new):
            self._send_order(device, order)
        for name, at in list(self._sent.items()):
            if at < since:
                del self._sent[name]

    def _tell_moved(self) -> None:
        """Publish what is set to devices whose owner another process changed, as one that erases an owner does."""
        for device, owner in self._owners().items():
            if self._whose.get(device, owner) != owner:
                self._tell_settings(device=device)

    def _owners(self, device: str | None = None) -> dict[str, str | None]:
        """Give the owner of each device, or of one."""
        asked = select(devices.c.id, devices.c.owner)
        with self._store.reading() as connection:
            found = connection.execute(asked if device is None else asked.where(devices.c.id == device)).all()
        return {row.id: row.owner for row in found}

    def _tell_all(self) -> None:
        self._heard |= self._tell_settings()
        self._tell_orders(None)
        self._erase_late()

    def _tell_settings(self, *, owner: str | None = None, device: str | None = None) -> set[str]:
        """Publish what is set; gives the devices that were told."""
        owners = self._owners(device)  # first: who gets another one meanwhile is told again
        told = configs(self._store, owner=owner, device=device)
        for name, config in told.items():
            self._send(name, "config", config, retain=True)
            self._whose[name] = owners.get(name)
        return set(told)

    def _tell_awake(self) -> None:
        """Publish what is due to the devices that came meanwhile, all of them together: thousands come at once."""
        came: list[str] = []
        while self._awake:
            came.append(self._awake.pop())
        for at in range(0, len(came), _ASKED):
            self._tell_orders(came[at : at + _ASKED])

    def _tell_orders(self, devices: Sequence[str] | None) -> None:
        """Publish all that is due to devices; where none are named a part: a device says itself that it is there."""
        c = commands.c
        asked = select(c.id).where(*commanded.due()).order_by(commanded.NAMES_MOMENTS, c.sent_ms, c.id)
        asked = asked.limit(_AT_ONCE) if devices is None else asked.where(c.device.in_(devices))
        with self._store.reading() as connection:
            names = connection.execute(asked).scalars().all()
        for device, order in commanded.orders(self._store, names):
            self._send_order(device, order)

    def _send_order(self, device: str, order: dict[str, Any]) -> bool:
        """Send an order; the broker drops it after its `until`, which a device without the time cannot tell."""
        self._sent[order["id"]] = now_ms()
        if order["until"] is None:
            return self._send(device, "command", order)
        left_s = math.ceil(datetime.fromisoformat(order["until"]).timestamp() - time.time())
        return self._send(device, "command", order, expires_s=min(max(1, left_s), _LONGEST_S))
