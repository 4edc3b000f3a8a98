"""Sound into drafts: one thread that feeds the pipeline from the source, pauses it, and knows whether it is stuck."""

import logging
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from configs import shipped
from edge.capture import dates
from edge.capture.ears import DriverHangs, Ears
from edge.capture.liveness import NO_SOUND
from edge.capture.source import Source
from edge.clock import Clock, Reading
from edge.config import Config
from edge.models.rules import Rules
from edge.models.rules_watch import WatchedRules
from edge.moment import new_id
from edge.pipeline import Draft, Pipeline
from edge.records.recorder import Recorder
from edge.sound import Block, decibels
from moments.errors import UserError, WorkError

log = logging.getLogger(__name__)

_STUCK_S: Final = 20.0
_CLOSE_S: Final = 2.0
_PIPE_CLOSE_S: Final = 0.3
_FORGET_S: Final = 3.0
_LOOK_S: Final = 0.2
_STALL_S: Final = 2.0
"""A pipe that brings nothing for so long is deaf, as a microphone is."""
_SLEEP_S: Final = 1.0


class Listener:
    """Opens the source, reads it, gives each draft with its time to `keep`.

    While `paused()` a microphone is closed, and what comes from a pipe or a recording is thrown away. `ended` is set
    when the sound is over; `failure` is what ended it, if anything did. `models`: those that have spoken so far.
    `recorder` hears all that is not paused.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        paused: Callable[[], bool],
        keep: Callable[[Draft, Reading], None],
        recorder: Recorder | None = None,
    ) -> None:
        self.ended = threading.Event()
        self.failure: Exception | None = None
        self.models: dict[str, str] = {}
        self._config, self._clock, self._paused, self._give = config, clock, paused, keep
        self._recorder = recorder
        self._live = config.source == "microphone"
        self._piped = config.source.startswith("pipe")
        self._pipeline: Pipeline | None = None
        self._watched: WatchedRules | None = None
        self._owners: Rules | None = None
        self._source: Source | None = None
        self._begins: Reading | None = None  # a recording's own time
        self._turn = threading.Lock()  # held while sound is read, so that the last flush comes after it
        self._closing = threading.Event()
        self._busy_since: float | None = None
        self._sum, self._square, self._samples = 0.0, 0.0, 0
        self._last_block = math.inf
        self._slept_s = self._parted_s = clock.slept_s
        self._flushed = True  # the pipeline holds nothing
        self._thread = threading.Thread(target=self._run, name="listen", daemon=True)

    def load(self) -> None:
        """Load models and rules and open a recording. Raises UserError or WorkError for what cannot be used."""
        config = self._config
        self._pipeline = Pipeline.load(
            config.models.rules,
            speech=config.models.speech,
            silence_dbfs=config.gate.silence_dbfs,
            spl_at_0dbfs=config.capture.spl_at_0dbfs,
            hour_at=self._hour,
            new_id=lambda: new_id(self._clock),
        )
        self._watched = WatchedRules(config.models.rules or shipped("scenes.yaml"), self._pipeline.rules)
        self._source = self._open()

    def start(self) -> None:
        """Begin to listen."""
        log.info("listening", extra={"source": self._config.source, "device": self._config.device})
        self._thread.start()

    def close(self) -> None:
        """Stop, and give what was heard up to now."""
        self._closing.set()
        if self._source is not None:
            self._source.close()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_S if self._live else _PIPE_CLOSE_S)  # nothing ends a read from a pipe
        if not self._turn.acquire(timeout=_PIPE_CLOSE_S):
            log.error("the pipeline hangs: what it was reading is lost")
            return
        try:
            self._flush()
        finally:
            self._turn.release()

    def forget(self, begin: float, end: float) -> None:
        """End what is being heard; of what was heard and is no moment yet, drop what began in [begin, end).

        In Unix seconds. Raises TimeoutError when the pipeline hangs.
        """
        if not self._turn.acquire(timeout=_FORGET_S):
            raise TimeoutError("what was just heard could not be forgotten, since a model hangs; ask again")
        try:
            self._flush(begin, end)
        finally:
            self._turn.release()

    def part_records(self, now: float) -> None:
        """Part the records of before a suspend from what is heard from monotonic `now` on, once after each suspend.

        A mark may come before the first sound, and is then of what follows.
        """
        if self._recorder is None:
            return
        with self._recorder.lock:
            slept_s = self._clock.slept_s
            if slept_s - max(self._slept_s, self._parted_s) > _SLEEP_S:
                self._parted_s = slept_s
                self._recorder.hush(now)

    def use_rules(self, rules: Rules | None) -> None:
        """Read scenes by other rules from now on; None: by those of the device's own settings again."""
        self._owners = rules
        if self._pipeline is not None and self._watched is not None:
            self._pipeline.rules = rules or self._watched.rules

    # How it is.

    @property
    def hangs(self) -> bool:
        """Tell whether listening ended because the microphone's driver hangs."""
        return isinstance(self.failure, DriverHangs)

    @property
    def deaf(self) -> bool:
        """Tell whether a microphone or a pipe gives nothing."""
        if isinstance(self._source, Ears):
            return self._source.liveness.deaf
        stalled = self._piped and self._busy_since is None and time.monotonic() - self._last_block > _STALL_S
        return stalled and not self.ended.is_set()

    def stuck(self, now: float) -> bool:
        """Tell whether one block has been in the pipeline for too long, as in a model that hangs."""
        since = self._busy_since
        return since is not None and now - since > _STUCK_S

    def tick(self, now: float) -> None:
        """Let the liveness of a microphone see that time goes by; take up rules whose file has changed.

        What was heard before microphone or pipe fell silent, or a pause closed it, is given now.
        """
        if self._watched is not None and self._watched.look():
            self.use_rules(self._owners)
        if isinstance(self._source, Ears):
            self._source.liveness.tick(now)
        if not self._flushed and (self.deaf or (self._live and self._paused())) and self._turn.acquire(blocking=False):
            try:  # no block comes that would end what was heard before
                self._flush()
                if self._piped:
                    log.error("no sound comes through the pipe")
            finally:
                self._turn.release()

    def ears_health(self) -> dict[str, Any]:
        """Give state and reason of a microphone, how often it was opened anew, and the seconds of sound that it lost.

        Of other sources only the reason why nothing is heard.
        """
        ears = self._source
        if not isinstance(ears, Ears):
            return {"reason": NO_SOUND.reason} if self.deaf else {}
        told = {"state": ears.liveness.state.value, "reason": ears.liveness.reason}
        return told | {"reopened": ears.reopened, "lost_s": round(ears.lost_s, 1)}

    def take_level(self) -> float | None:
        """Give the level in dBFS of what was heard since the last call, an offset left out; None where nothing was."""
        total, square, samples = self._sum, self._square, self._samples
        self._sum, self._square, self._samples = 0.0, 0.0, 0
        return round(decibels(square / samples - (total / samples) ** 2), 1) if samples else None

    # The thread.

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                if self._live and self._paused():
                    self._closing.wait(_LOOK_S)
                    continue
                self._source = self._source or self._open()
                self._feed(self._source)
                self._source.close()
                self._source = None
                if not self._live:
                    break
        except Exception as error:
            self.failure = error
            if not isinstance(error, UserError | WorkError):
                log.exception("listening failed")
                self.failure = WorkError(f"listening failed: {type(error).__name__}: {error}")
        finally:
            self.ended.set()

    def _feed(self, source: Source) -> None:
        self._last_block = time.monotonic()
        for block in source.blocks():
            self._last_block = time.monotonic()
            with self._turn:
                if self._closing.is_set():
                    return
                if not self._paused():
                    self._hear(block)
                    continue
                self._flush()
                if self._recorder is not None:
                    self._recorder.hush()
                if self._live:
                    return

    def _hear(self, block: Block) -> None:
        assert self._pipeline is not None  # noqa: S101 (`load` came before)
        self._busy_since = time.monotonic()
        slept_s = self._clock.slept_s
        if self._begins is None and slept_s - self._slept_s > _SLEEP_S:
            self._flush()  # block times stood still: what comes is not what was heard before
            self._clock.woke(block.at)
            self.part_records(block.at)
        self._slept_s = slept_s
        self._flushed = False
        self._sum += float(np.add.reduce(block.samples))
        self._square += float(np.dot(block.samples, block.samples))
        self._samples += len(block.samples)
        if self._recorder is not None:
            self._recorder.hear(block)
        for draft in self._pipeline.feed(block):
            self._keep(draft)
        self._busy_since = None

    def _flush(self, begin: float = math.inf, end: float = math.inf) -> None:
        """End what is being heard; give what did not begin in [begin, end), in Unix seconds."""
        self._flushed = True
        begun, self._busy_since = self._busy_since, time.monotonic()
        drafts = self._pipeline.flush() if self._pipeline is not None else []
        self._busy_since = begun
        for draft in drafts:
            if not begin <= self._when(draft.at).start.timestamp() < end:
                self._keep(draft)

    def _keep(self, draft: Draft) -> None:
        self.models |= {part: name for part, name in draft.models.model_dump().items() if name}
        self._give(draft, self._when(draft.at))

    def _when(self, at: float) -> Reading:
        if self._begins is None:
            return self._clock.at(at)
        return Reading(dates.after(self._begins.start, at), self._begins.clock, 0.0)

    def _hour(self, at: float) -> float | None:
        when = self._when(at)
        return None if when.clock == "free" else dates.hour(when.start)

    def _open(self) -> Source:
        kind, _, name = self._config.source.partition(":")
        if kind == "file":
            from edge.capture.recording import Recording

            recording = Recording(Path(name))
            begins = recording.begins() or dates.of_change(Path(name), recording.seconds)
            self._begins = Reading(begins, "synced", 0.0)
            return recording
        if kind == "pipe":
            from edge.capture.pipe import Pipe

            return Pipe(os.fdopen(sys.stdin.fileno(), "rb", buffering=0, closefd=False))
        from edge.capture.microphone import Microphone, need_pyaudio

        need_pyaudio()
        return Ears(lambda: Microphone(self._config.capture.microphone))
