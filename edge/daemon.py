"""The device: wires sound to the broker. One thread listens, one publishes, one asks gpsd, this one keeps house."""

import fcntl
import logging
import signal
import threading
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import IO, Any, Final

from edge.care.health import Machine
from edge.care.systemd import notify
from edge.clock import Clock, Reading
from edge.config import Config
from edge.delivery.publisher import Publisher
from edge.listener import Listener
from edge.moment import stamp
from edge.outbox.queue import Outbox
from edge.owner.commands import Commands, Pause
from edge.owner.control import Control, path_beside
from edge.owner.settings import Owner
from edge.pipeline import Draft
from edge.place import Places
from moments import Models, Moment, uuid7
from moments.errors import UserError, WorkError

log = logging.getLogger(__name__)

RELOAD: Final = -1
"""What `run` gives when it left because its settings have changed: start again with the new ones."""

_TICK_S: Final = 1.0
_OUTBOX_S: Final = 5.0
_HEALTH_S: Final = 60.0
_RECORD_S: Final = 15.0
_LAST_WORDS_S: Final = 1.5
_NO_PROGRESS_S: Final = 60.0


class Device:
    """Everything that runs. `again` reads the settings anew for SIGHUP and raises UserError when they are wrong."""

    def __init__(self, config: Config, again: Callable[[], Config] | None = None) -> None:
        folder = config.outbox_path.parent
        self.config, self._again = config, again
        self.places = Places(config.gps)
        self.clock = Clock(satellites=self.places.satellite_time)
        self.outbox = Outbox(config.outbox_path, max_mb=config.outbox.max_mb, max_days=config.outbox.max_days)
        self.pause = Pause(folder / "paused.json")
        self.owner = Owner(folder / "owner.json")
        self.commands = Commands(self.clock, self.outbox, self.pause, self.mark)
        self.publisher = Publisher(
            config.device, config.broker, self.outbox, on_command=self._on_command, on_config=self._on_config
        )
        self.control = Control(path_beside(config.outbox_path), self.commands.answer)
        self.machine = Machine()
        self.listener = Listener(config, self.clock, self.paused, self._keep)
        self._stop = threading.Event()
        self._code = 0
        self._record: tuple[str, float] | None = None
        self._state = ""

    def run(self) -> int:
        """Listen until a signal or the end of the sound; gives the exit code, or `RELOAD`.

        Raises WorkError when the sound breaks off, or when the hub does not take what was heard before its end.
        """
        self._on_signals()
        lock = only_one(self.config.outbox_path)
        self.publisher.start()
        self.places.start()
        self.control.start()
        try:
            self.listener.load()
            self._apply_owner()
            self.listener.start()
            self._tell_state()
            notify("READY=1")
            self._keep_house()
            self.listener.close()
            if not self._stop.is_set():
                self._wait_for_the_hub()
        finally:
            self._leave()
            if lock is not None:
                lock.close()
        if self.listener.failure is not None:
            raise self.listener.failure
        return self._code

    def paused(self) -> bool:
        """Tell whether the owner wants the device not to listen now."""
        return self.pause.active(self.clock.now().start)

    def mark(self, note: str | None) -> str:
        """Begin a record: what is heard now and in the next 15 s belongs to it. Gives its id."""
        now, record = self.clock.now(), uuid7()
        self._record = (record, time.monotonic())
        moment = Moment.model_validate(
            {"id": uuid7(), "device": self.config.device, "start": now.start, "seconds": 0.0, "clock": now.clock}
            | {"origin": "mark", "basis": "none", "emotion": None, "confidence": None, "emotions": None}
            | {"valence": None, "arousal": None, "place": self.places.place(), "record": record, "models": Models()}
            | ({"note": note} if note else {})
        )
        self._put(moment, now)
        return record

    # Moments.

    def _keep(self, draft: Draft, when: Reading) -> None:
        record = None
        if self._record is not None:
            name, marked = self._record
            record = name if draft.at < marked + _RECORD_S and draft.at + draft.seconds > marked else None
        told = draft.basis != "speech" or self.config.gps.with_speech
        place = self.places.place() if told else None
        self._put(stamp(draft, self.config.device, when.start, when.clock, place, record=record), when)

    def _put(self, moment: Moment, when: Reading) -> None:
        waits = when.clock == "free" and self.config.clock.max_wait_h > 0
        self.outbox.put(moment, heard=when.boot_s if waits else None, boot=self.clock.boot if waits else None)
        log.info("moment kept", extra={"basis": moment.basis, "seconds": moment.seconds, "id": moment.id})
        self.publisher.wake()

    # The house.

    def _keep_house(self) -> None:
        outbox_at = health_at = float("-inf")
        told = ("", 0)
        self._settle()
        while not self._stop.wait(_TICK_S) and not self.listener.ended.is_set():
            now = time.monotonic()
            before = self.clock.state
            if self.clock.look() != before and before == "free":
                self._settle()
            self.listener.tick(now)
            self._tell_state()
            if not self.listener.stuck(now):
                notify("WATCHDOG=1")
            if now - outbox_at > _OUTBOX_S:
                outbox_at = now
                self.outbox.tick(self.clock.now().start.timestamp() if self.clock.state != "free" else None)
                self._settle()
            news = (self._state, self.publisher.counts["connections"])
            if now - health_at > _HEALTH_S or news != told:
                health_at, told = now, news
                self.publisher.say("health", self.health(), retain=True)

    def _settle(self) -> None:
        """Stamp what waited for the time, or let it go when it waited too long."""
        if self.clock.state != "free":
            changed = self.outbox.settle(self.clock.at_boot, self.clock.boot)
        else:
            since = self.clock.now().boot_s - 3600 * self.config.clock.max_wait_h
            changed = self.outbox.release(self.clock.boot, since)
        if changed:
            log.info("moments that waited for the time may go", extra={"moments": changed, "clock": self.clock.state})
            self.publisher.look_again()

    def _tell_state(self) -> None:
        state = "paused" if self.paused() else "deaf" if self.listener.deaf else "listening"
        if state != self._state:
            self._state = state
            notify(f"STATUS={state}")
            self.publisher.status(state, self._now_text())

    def _now_text(self) -> str:
        return self.clock.now().start.isoformat(timespec="milliseconds")

    def health(self) -> dict[str, Any]:
        """Give what `health` tells; `level_dbfs` is that of what was heard since the last time."""
        now = self.clock.now()
        return {
            "at": self._now_text(),
            "capture": {"state": self._state, "reason": None, **self.listener.ears_health()},
            "level_dbfs": self.listener.take_level(),
            "outbox": {
                "depth": self.outbox.depth,
                "oldest_s": self.outbox.oldest_age_s(now.start.timestamp()),
                "in_memory": self.outbox.held_in_memory,
                "unanswered": self.publisher.unanswered,
                "trouble": self.outbox.trouble,
            },
            "dropped": dict(self.outbox.dropped),
            "publish": dict(self.publisher.counts) | {"trouble": self.publisher.trouble},
            "clock": now.clock,
            "place": {"state": self.places.state, "age_s": self.places.age_s},
            "config_version": self.owner.version,
            "version": metadata.version("moodscape"),
            "models": self.listener.models,
            **self.machine.look(self.config.outbox_path.parent),
        }

    def _on_command(self, payload: bytes) -> None:
        reply = self.commands.answer(payload)
        if reply is not None:
            self.publisher.say("reply", reply)

    def _on_config(self, payload: bytes) -> None:
        if self.owner.take(payload):
            self._apply_owner()

    def _apply_owner(self) -> None:
        self.places.zones = (*self.config.gps.home_zones, *self.owner.zones)
        if self.owner.rules is not None:
            self.listener.use_rules(self.owner.rules)

    # The end.

    def _on_signals(self) -> None:
        def leave(*_: int | FrameType | None) -> None:
            self._stop.set()

        def anew(*_: int | FrameType | None) -> None:
            if self._again is None:
                return
            try:
                self._again()
            except UserError as error:
                log.error("the settings are wrong; the device goes on with the old ones: %s", error)
                return
            self._code = RELOAD
            self._stop.set()

        def mark(*_: int | FrameType | None) -> None:
            threading.Thread(target=self.mark, args=(None,), name="mark", daemon=True).start()

        for number, handler in {
            signal.SIGTERM: leave,
            signal.SIGINT: leave,
            signal.SIGHUP: anew,
            signal.SIGUSR1: mark,
        }.items():
            signal.signal(number, handler)

    def _wait_for_the_hub(self) -> None:
        """The sound has ended: leave when the hub has stored all that may be sent."""
        waiting, moved = self.outbox.depth, time.monotonic()
        while self.outbox.after(0, 1) and not self._stop.wait(0.1):
            if self.outbox.depth < waiting:
                waiting, moved = self.outbox.depth, time.monotonic()
            if time.monotonic() - moved > _NO_PROGRESS_S:
                why = self.publisher.trouble or "no hub answers"
                raise WorkError(f"{waiting} moments wait in {self.outbox.path} and are sent next time: {why}")

    def _leave(self) -> None:
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}" if self._code == RELOAD else "STOPPING=1")
        if self.publisher.connected:
            end = time.monotonic() + _LAST_WORDS_S
            while self.outbox.after(0, 1) and time.monotonic() < end:
                time.sleep(0.05)
        self.control.close()
        self.places.close()
        self.publisher.close(self._now_text(), seconds=1.5)
        self.outbox.close()
        log.info("left")


def only_one(outbox: Path) -> IO[str] | None:
    """Hold a lock beside the outbox until it is closed; None where the disk takes none.

    Raises WorkError when another device holds it: two would throw each other off the broker and send all twice.
    """
    try:
        outbox.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = outbox.with_name(f"{outbox.name}.lock").open("w", encoding="utf-8")
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise WorkError(f"another device runs with {outbox}: end it, or set another outbox.path") from None
    return lock
