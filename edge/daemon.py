"""The device: wires sound to the broker. One thread listens, one publishes, one asks gpsd, this one keeps house."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from edge.care.health import Machine
from edge.care.memory import give_back
from edge.care.report import report
from edge.care.systemd import notify
from edge.care.usable import need_usable
from edge.clock import Clock, Reading
from edge.config import Config
from edge.delivery.publisher import Publisher
from edge.listener import Listener
from edge.moment import new_id, stamp
from edge.outbox.lock import only_one
from edge.outbox.queue import Outbox
from edge.owner.answered import Answered
from edge.owner.commands import Commands
from edge.owner.control import Control, path_beside
from edge.owner.gpio import Pins
from edge.owner.pause import Pauses
from edge.owner.settings import Owner
from edge.owner.signals import on_signals
from edge.pipeline import Draft
from edge.place import Places
from edge.records.clip import Safe
from edge.records.recorder import Belongs, Recorder, Span
from edge.records.shelf import Shelf
from moments import Clip, Models, Moment, Place
from moments.errors import UserError, WorkError

if TYPE_CHECKING:
    from edge.records.upload import Uploader

log = logging.getLogger(__name__)

RELOAD: Final = -1
"""What `run` gives when only a new start helps: for new settings, or to get rid of the microphone's driver."""

_TICK_S: Final = 1.0
_OUTBOX_S: Final = 5.0
_HEALTH_S: Final = 60.0
_LAST_WORDS_S: Final = 1.5
_NO_PROGRESS_S: Final = 60.0


class Device:
    """Everything that runs. `again` reads the settings anew for SIGHUP and raises UserError when they are wrong."""

    def __init__(self, config: Config, again: Callable[[], Config] | None = None) -> None:
        folder, clips = config.outbox_path.parent, config.clips
        self.config, self._again = config, again
        self.places = Places(config.gps)
        self.clock = Clock(satellites=self.places.satellite_time)
        self.outbox = Outbox(config.outbox_path, max_mb=config.outbox.max_mb, max_days=config.outbox.max_days)
        self.pauses = Pauses(folder)
        self.owner = Owner(folder / "owner.json")
        safe = Safe(clips.key_file)
        self.shelf = Shelf(config.clips_folder, safe, max_days=clips.max_days, max_disk_share=clips.max_disk_share)
        self.recorder = Recorder(self.span(), self.shelf, safe, attach=self._attach, unix=self._unix)
        self.uploader = self._uploader(clips.hub) if clips.hub else None
        self._live = not config.source.startswith("file:")
        self.listener = Listener(config, self.clock, self.paused, self._keep, self.recorder if self._live else None)
        self.commands = Commands(
            self.clock,
            self.outbox,
            self.pauses.said,
            self.mark,
            shelf=self.shelf,
            recorder=self.recorder,
            forget=self.listener.forget,
            answered=Answered(folder / "commands.json"),
        )
        self.publisher = Publisher(
            config.device,
            config.broker,
            self.outbox,
            on_command=self._on_command,
            on_config=self._on_config,
            on_others={config.gps.owntracks: self._on_phone} if config.gps.owntracks else {},
        )
        self.control = Control(path_beside(config.outbox_path), self.commands.answer)
        self.machine = Machine()
        self.pins = Pins(config.gpio, mark=self.mark, toggle=self.pauses.said.toggle)
        self._stop = threading.Event()
        self._code = 0
        self.state = ""

    def run(self) -> int:
        """Listen until a signal or the end of the sound; gives the exit code, or `RELOAD`.

        Raises WorkError when the sound breaks off, or when the hub does not take what was heard before its end.
        """
        on_signals(leave=self._end, reload=self._reload, mark=self.mark)
        lock = only_one(self.config.outbox_path)
        try:
            self.outbox.rename(self.config.device)
            self.publisher.start()
            self.places.start()
            self.control.start()
            self.recorder.start()
            if self.uploader is not None:
                self.uploader.start()
            self.listener.load()
            self._apply_owner()
            self.listener.start()
            self._tell_state()
            notify("READY=1")
            self._keep_house()
            if self.listener.hangs:
                log.error("the device starts anew", extra={"reason": str(self.listener.failure)})
                self._code = RELOAD
                self._stop.set()
            self.listener.close()
            self.recorder.close(_LAST_WORDS_S)
            if not self._stop.is_set():
                self._wait_for_the_hub()
        finally:
            self._leave()
            if lock is not None:
                lock.close()
        if self.listener.failure is not None and not self.listener.hangs:
            raise self.listener.failure
        return self._code

    def paused(self) -> bool:
        """Tell whether the device must not listen now."""
        return self.pauses.why(self.clock.known_now()) is not None

    def mark(self, note: str | None = None) -> str:
        """Begin a record: what is heard around now belongs to it. Gives its id."""
        now, name = self.clock.now(), new_id(self.clock)
        with self.recorder.lock:
            at = time.monotonic()
            self.listener.part_records(at)
            belongs = self.recorder.mark(at, name)
            moment = Moment.model_validate(
                {"id": name, "device": self.config.device, "start": now.start, "seconds": 0.0, "clock": now.clock}
                | {"origin": "mark", "basis": "none", "emotion": None, "confidence": None, "emotions": None}
                | {"valence": None, "arousal": None, "place": self.places.place(), "record": belongs.record}
                | {"models": Models()}
                | ({"note": note} if note else {})
            )
            self._put(moment, now, belongs.hold)
        return belongs.record or name

    # Moments.

    def _keep(self, draft: Draft, when: Reading) -> None:
        place = self._place(draft, when)
        with self.recorder.lock:
            end = draft.at + draft.seconds
            belongs = self.recorder.belongs(draft.id, draft.at, end) if self._live else Belongs()
            moment = stamp(
                draft,
                self.config.device,
                when.start,
                when.clock,
                place,
                origin="ambient" if belongs.record is None else "mark",
                record=belongs.record,
                clip=belongs.clip,
            )
            self._put(moment, when, belongs.hold)

    def _place(self, draft: Draft, when: Reading) -> Place | None:
        gps = self.config.gps
        if draft.basis == "speech" and not gps.with_speech:
            return None
        if not self._live and gps.fixed is None:
            return None  # a recording was made elsewhere, at another time
        return self.places.place_of(when.boot_s, draft.seconds)

    def _put(self, moment: Moment, when: Reading, hold: str | None) -> None:
        waits = when.clock == "free" and self.config.clock.max_wait_h > 0
        heard, boot = (when.boot_s, self.clock.boot) if waits else (None, None)
        self.outbox.put(moment, heard=heard, boot=boot, hold=hold)
        log.info("moment kept", extra={"basis": moment.basis, "seconds": moment.seconds, "id": moment.id})
        self.publisher.wake()

    def _uploader(self, url: str) -> "Uploader":
        from edge.records.upload import Hub, Uploader  # and with them HTTP, where there is a hub to send to

        clips = self.config.clips
        return Uploader(self.shelf, Hub(self.config.device, url, clips.token_file, clips.ca_file))

    def _attach(self, hold: str, clip: Clip | None) -> None:
        self.outbox.attach(hold, clip)
        self.publisher.look_again()
        if clip is not None and self.uploader is not None:
            self.uploader.wake()

    def _unix(self, at: float) -> float | None:
        when = self.clock.at(at)
        return None if when.clock == "free" else when.start.timestamp()

    # The house.

    def _keep_house(self) -> None:
        outbox_at = health_at = float("-inf")
        told = ("", 0)
        readable = self.outbox.all_readable
        self._settle()
        while not self._stop.wait(_TICK_S) and not self.listener.ended.is_set():
            now = time.monotonic()
            before = self.clock.state
            if self.clock.look() != before and before == "free":
                self._settle()
            self.pauses.zone(self.places.silent())
            self.listener.tick(now)
            self.recorder.tick(now)
            self._tell_state()
            if not self.listener.stuck(now):
                notify("WATCHDOG=1")
            if now - outbox_at > _OUTBOX_S:
                outbox_at = now
                unix = self._unix(now)
                self.outbox.tick(unix)
                was_readable, readable = readable, self.outbox.all_readable
                if readable and not was_readable:
                    self.publisher.look_again()  # for what was heard before, and could not be sent until now
                self.shelf.tick(unix)
                self._settle()
            news = (self.state, self.publisher.counts["connections"])
            if now - health_at > _HEALTH_S or news != told:
                if self.uploader is not None and news[1] != told[1]:
                    self.uploader.wake()
                health_at, told = now, news
                give_back()
                self.publisher.say("health", report(self), retain=True)

    def _settle(self) -> None:
        """Stamp and hear what waited for the time, or let go what waited too long."""
        if self.clock.state != "free":
            changed = self.outbox.settle(self.clock.at_boot, self.clock.boot)
            self.places.hear_early(self.clock.now().start.timestamp())
        else:
            since = self.clock.now().boot_s - 3600 * self.config.clock.max_wait_h
            changed = self.outbox.release(self.clock.boot, since)
        if changed:
            log.info("moments that waited for the time may go", extra={"moments": changed, "clock": self.clock.state})
            self.publisher.look_again()

    def _tell_state(self) -> None:
        state = "paused" if self.paused() else "deaf" if self.listener.deaf else "listening"
        if state == self.state:
            return
        self.state = state
        if state == "paused":
            self.recorder.hush()
        self.pins.show(listening=state == "listening")
        notify(f"STATUS={state}")
        self.publisher.status(state, self._now_text())

    def _now_text(self) -> str:
        return self.clock.now().start.isoformat(timespec="milliseconds")

    def _on_command(self, payload: bytes) -> None:
        reply = self.commands.answer(payload)
        if reply is not None:
            self.publisher.say("reply", reply)

    def _on_phone(self, payload: bytes) -> None:
        now = self.clock.known_now()
        self.places.hear_phone(payload, None if now is None else now.timestamp())

    def _on_config(self, payload: bytes) -> None:
        if self.owner.take(payload):
            self._apply_owner()

    def _apply_owner(self) -> None:
        self.places.zones = (*self.config.gps.home_zones, *self.owner.zones)
        self.pauses.spans = (*self.config.schedule, *self.owner.schedule)
        self.recorder.use(self.span())
        self.listener.use_rules(self.owner.rules)

    def span(self) -> Span:
        """Say what of sound is kept: as the owner set it on the page, or else as the device's own settings do."""
        clips, page = self.config.clips, self.owner.clips or self.config.clips
        return Span(page.enabled, clips.ordinary, page.before_s, page.after_s)

    # The end.

    def _end(self) -> None:
        self._code = 0  # also where it was about to start anew
        self._stop.set()

    def _reload(self) -> None:
        if self._again is None:
            return
        try:
            need_usable(self._again())
        except (UserError, WorkError) as error:
            # As one text: a message that repeats is written once a minute, and this one answers whoever just asked.
            log.error("the settings are wrong; the device goes on with the old ones: " + str(error))  # noqa: G003
            return
        if not self._stop.is_set():  # an end that came meanwhile goes first
            self._code = RELOAD
            self._stop.set()

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
        self.pins.close()
        self.control.close()
        self.places.close()
        if self.uploader is not None:
            self.uploader.close(0.5)
        self.publisher.close(self._now_text(), seconds=1.5)
        self.outbox.close()
        log.info("left")
