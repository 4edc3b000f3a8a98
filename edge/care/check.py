"""The doctor: tries each thing that the device needs and says what to do where one is not as it should be."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from edge.config import Config
from moments.errors import UserError, WorkError

_LISTEN_S: Final = 1.5
_OPEN_S: Final = 6.0
_CONNECT_S: Final = 5.0
_LOW_DISK_MB: Final = 200
_QUIET_DBFS: Final = -90.0
_LOUD_DBFS: Final = -3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence on one thing. `bad` makes the device useless, `note` does not."""

    what: str
    verdict: Literal["good", "note", "bad"]
    sentence: str


def findings(config: Config) -> Iterator[Finding]:
    """Give one finding a thing, in the order of the way through the device, each as soon as it is known."""
    checks: tuple[tuple[str, Callable[[Config], tuple[Literal["good", "note", "bad"], str]]], ...] = (
        ("sound", _sound),
        ("models", _models),
        ("clock", _clock),
        ("place", _place),
        ("outbox", _outbox),
        ("clips", _clips),
        ("pins", _pins),
        ("pause", _pause),
        ("broker", _broker),
    )
    for what, check in checks:
        try:
            verdict, sentence = check(config)
        except (UserError, WorkError) as error:
            verdict, sentence = "bad", str(error)
        yield Finding(what, verdict, sentence)


def _sound(config: Config) -> tuple[Literal["good", "note", "bad"], str]:
    kind, _, name = config.source.partition(":")
    if kind == "file":
        from pathlib import Path

        from edge.capture.recording import Recording

        recording = Recording(Path(name))
        recording.close()
        return "good", f"{name}: {recording.seconds:.1f} s of sound"
    if kind == "pipe":
        return "note", "sound comes on a pipe: start the program that writes it"
    return _microphone(config)


def _microphone(config: Config) -> tuple[Literal["good", "note", "bad"], str]:
    from edge.capture.ears import opened_in_time
    from edge.capture.identity import stable_name
    from edge.capture.microphone import Microphone
    from edge.sound import level_dbfs

    microphone = opened_in_time(lambda: Microphone(config.capture.microphone))
    late = threading.Timer(_OPEN_S, microphone.close)
    late.start()
    heard: list[np.ndarray] = []
    try:
        begun = None
        for block in microphone.blocks():
            begun = begun or time.monotonic()
            heard.append(block.samples)
            if time.monotonic() - begun > _LISTEN_S:
                break
    finally:
        late.cancel()
        microphone.close()
    name = stable_name(microphone.device.name)
    if not heard:
        return "bad", f"“{name}” gives no sound; unplug it and plug it in again"
    level = level_dbfs(np.concatenate(heard))
    if level <= _QUIET_DBFS:
        return "bad", f"“{name}” is silent ({level:.0f} dBFS): is it muted, or another one meant (see `edge devices`)?"
    if level >= _LOUD_DBFS:
        return "note", f"“{name}” is too loud ({level:.0f} dBFS): turn its gain down, as with alsamixer"
    return "good", f"“{name}” hears {level:.0f} dBFS"


def _models(config: Config) -> tuple[Literal["good", "note", "bad"], str]:
    from edge.pipeline import Pipeline

    begun = time.monotonic()
    models = config.models
    pipeline = Pipeline.load(models.rules, speech=models.speech, silence_dbfs=config.gate.silence_dbfs)
    return "good", f"gate, speech, scenes loaded in {time.monotonic() - begun:.1f} s; rules {pipeline.rules.version}"


def _clock(config: Config) -> tuple[Literal["good", "note", "bad"], str]:
    from edge.clock import Clock

    now = Clock().now()
    if now.clock == "free":
        wait = f"moments wait for it up to {config.clock.max_wait_h:g} h"
        return "note", f"the time is not known yet ({wait}): is NTP on? `timedatectl set-ntp true`"
    return "good", f"{now.start.isoformat(timespec='seconds')}, known"


def _place(config: Config) -> tuple[Literal["good", "note", "bad"], str]:
    from edge.place import Places

    if config.gps.fixed is not None:
        return "good", "a fixed place is set"
    if config.gps.owntracks is not None:
        return "note", f"places come from the phone at {config.gps.owntracks}, and are seen while the device runs"
    places = Places(config.gps)
    places.start()
    end = time.monotonic() + 4
    while places.fix is None and time.monotonic() < end and "does not answer" not in places.state:
        time.sleep(0.1)
    places.close()
    if places.fix is not None:
        return "good", f"gpsd has a {places.state}"
    return "note", f"moments get no place: {places.state}; start gpsd, or set gps.fixed"


def _outbox(config: Config) -> tuple[Literal["good", "note", "bad"], str]:
    from edge.outbox.queue import Outbox

    path = config.outbox_path
    outbox = Outbox(path, max_mb=config.outbox.max_mb, max_days=config.outbox.max_days)
    try:
        outbox.tick(None)
        depth, trouble, takes_over = outbox.depth, outbox.trouble, outbox.takes_over
    finally:
        outbox.close()
    if trouble is not None and takes_over:
        return "note", f"{trouble}; that goes on while the device runs"
    if trouble is not None:
        who = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
        return "bad", f"{trouble}; give {who} a folder that it may write to with outbox.path"
    free = shutil.disk_usage(path.parent).free / 1e6
    words = f"{path}: {depth} moments wait, {free:.0f} MB free"
    if free < max(_LOW_DISK_MB, config.outbox.max_mb):
        return "note", f"{words}, less than outbox.max_mb may need: make room, or lower it"
    return "good", words


def _clips(config: Config) -> tuple[Literal["good", "note", "bad"], str]:
    from edge.records.clip import Safe
    from edge.records.upload import Hub, try_hub

    clips = config.clips
    if not clips.enabled:
        return "good", "no sound is kept, unless the owner switches it on on the page"
    Safe(clips.key_file)
    folder = config.clips_folder
    if not os.access(next(there for there in (folder, *folder.parents) if os.access(there, os.F_OK)), os.W_OK):
        return "bad", f"clips cannot be kept in {folder}; give another folder with clips.folder"
    lying = "encrypted" if clips.key_file else "in the clear: set clips.key_file to encrypt them"
    if clips.hub is None:
        return "note", f"clips lie in {folder}, {lying}; they stay there until clips.hub is set"
    refused = try_hub(Hub(config.device, clips.hub, clips.token_file, clips.ca_file))
    if refused is not None:
        return "bad", f"clips do not reach {clips.hub} ({refused}); look at clips.hub, token_file and ca_file"
    return "good", f"a mark's sound goes to {clips.hub}; until then it lies in {folder}, {lying}"


def _pins(config: Config) -> tuple[Literal["good", "note", "bad"], str]:
    from edge.owner.gpio import Pins

    if config.gpio.button is None and config.gpio.light is None:
        return "good", "no button and no light are set"
    Pins(config.gpio, mark=lambda: None, toggle=lambda: None).close()
    return "good", "button and light can be used"


def _pause(config: Config) -> tuple[Literal["good", "note", "bad"], str]:
    from edge.clock import Clock
    from edge.owner.pause import Pauses
    from edge.owner.settings import Owner

    folder = config.outbox_path.parent
    pauses = Pauses(folder)
    pauses.spans = (*config.schedule, *Owner(folder / "owner.json").schedule)
    why = pauses.why(Clock().known_now())
    return ("good", "it may listen now") if why is None else ("note", f"it does not listen now: {why}")


def _broker(config: Config) -> tuple[Literal["good", "note", "bad"], str]:
    """Log in as the device would, under another client id, so that a running device is not thrown out."""
    from edge.delivery.connection import try_login

    where = f"{config.broker.host}:{config.broker.port}"
    try:
        with socket.create_connection((config.broker.host, config.broker.port), _CONNECT_S):
            pass
    except (OSError, ValueError) as error:  # a name that cannot be one is a ValueError
        reason = getattr(error, "strerror", None) or str(error)
        return "bad", f"no broker at {where} ({reason}): start it, or set broker.host and broker.port"
    refused = try_login(config.device, config.broker, _CONNECT_S)
    if refused is not None:
        return "bad", f"the broker at {where} refuses {config.device}: {refused}; look at broker.user and password_file"
    return "good", f"{where} lets {config.device} in"
