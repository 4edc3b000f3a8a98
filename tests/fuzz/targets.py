"""Every parser of foreign bytes, with inputs that are right and a call that refuses the wrong ones in its own way."""

import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

import gpsd
import numpy as np
import soundfile
import yaml

import edge.config
import hub.config
from configs import shipped
from configs.edit import with_values
from edge.capture.quiet import c_libraries_quiet
from edge.capture.recording import Recording, UnreadableRecording
from edge.clock import Clock
from edge.config import Gps
from edge.daemon import Device
from edge.models.rules import Rules
from edge.place import Places
from hub.ingest import judge
from hub.query import pages, say
from hub.query.filter import BadQuery, parse
from hub.stores.store import Store
from moments import Moment, uuid7
from moments.enrolment import Code, Credentials
from moments.errors import UserError
from tests.hub.moments import clip, make

TOPIC = "moodscape/v1/pocket-1/moment"
_BATCH = 50


@dataclass(frozen=True)
class Target:
    """A parser. `share` of all inputs go to it; `refuses`: what it may raise, as its caller expects."""

    name: str
    share: float
    seeds: tuple[bytes, ...]
    take: Callable[[bytes], object]
    refuses: tuple[type[Exception], ...] = ()


class AtTheHub:
    """A moment's way into the hub: judged, stored if it is one, answered if not."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "hub.db")
        self._waiting: list[Moment] = []

    def moment(self, payload: bytes) -> None:
        """Judge; what is a moment is stored with others."""
        found = judge.moment(TOPIC, payload)
        if not isinstance(found, Moment):
            json.dumps({"ids": [judge.readable_id(payload)]})
            self.store.take([], [found]) if len(self._waiting) % _BATCH == 1 else None
            return
        self._waiting.append(found)
        if len(self._waiting) >= _BATCH:
            batch, self._waiting = self._waiting, []
            self.store.take(batch)

    def report(self, payload: bytes) -> None:
        """Judge a status."""
        judge.report("moodscape/v1/pocket-1/health", payload)

    def query(self, payload: bytes) -> None:
        """Ask as a request would, of a store that is nearly empty."""
        pairs = parse_qsl(payload.decode("utf-8", "replace"), keep_blank_values=True)
        filter_, rest = parse(pairs, pages.PARAMETERS)
        paging = pages.read_paging(rest)
        say.describes(filter_)
        with self.store.reading() as connection:
            pages.page(connection, filter_, paging)


class OnTheDevice:
    """A device that is not started; what would come over the network is handed to it."""

    def __init__(self, folder: Path) -> None:
        (folder / "device").mkdir()
        settings = [f"outbox.path={folder / 'device' / 'outbox.db'}", "device=pocket-1", "source=pipe:-"]
        self.device = Device(edge.config.load(shipped("edge.yaml"), settings))
        self._moment = make()

    def command(self, payload: bytes) -> None:
        """Answer a command; the answer goes onto the wire."""
        json.dumps(self.device.commands.answer(payload), allow_nan=False)

    def stored(self, payload: bytes) -> None:
        """Take the hub's word, and keep another moment after it."""
        with suppress(ValueError, KeyError, TypeError, RecursionError):  # caught and counted where messages arrive
            self.device.publisher._on_stored(payload)
        moment = self._moment.model_copy(update={"id": uuid7()})
        self.device.outbox.put(moment)
        self.device.outbox.stored([moment.id])

    def config(self, payload: bytes) -> None:
        """Take the owner's settings."""
        self.device.owner.take(payload)

    def phone(self, payload: bytes) -> None:
        """Take a phone's place."""
        self.device.places.hear_phone(payload, 1_779_440_000.0)
        self.device.places.place()


class Receiver:
    """What comes from gpsd: an answer, then what is made of it."""

    def __init__(self) -> None:
        self.places = Places(Gps())
        self.clock = Clock(known=lambda: False, satellites=self.places.satellite_time)

    def answer(self, payload: bytes) -> None:
        """Take an answer; whatever is wrong with it, place and time must go on."""
        gpsd.gpsd_stream = io.TextIOWrapper(io.BytesIO(payload), encoding="utf-8", errors="strict")
        gpsd.gpsd_stream.write = len  # type: ignore[method-assign]
        with suppress(Exception):  # caught where gpsd is asked, which then connects anew
            self.places._poll()
        self.places.place()
        self.clock.look()
        self.clock.now()
        self.clock.state = "free"


def _sounds() -> tuple[bytes, ...]:
    samples = (0.1 * np.sin(np.arange(800) / 5)).astype(np.float32)
    found = []
    for kind, part in (
        ("WAV", "PCM_16"),
        ("WAV", "FLOAT"),
        ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"),
        ("MP3", "MPEG_LAYER_III"),
    ):
        for rate in (16_000, 44_100):
            file = io.BytesIO()
            soundfile.write(file, samples, rate, format=kind, subtype=part)
            found.append(file.getvalue())
    wave = found[0]
    date = b"bext" + (602).to_bytes(4, "little") + bytes(320) + b"2026-05-2209:32:10" + bytes(264)
    return (*found, wave[:12] + date + wave[12:])


def _heard(path: Path) -> Callable[[bytes], None]:
    def take(payload: bytes) -> None:
        path.write_bytes(payload)
        with c_libraries_quiet():
            recording = Recording(path)
            try:
                recording.begins()
                for n, _ in enumerate(recording.blocks()):
                    if n > 20:
                        break
            finally:
                recording.close()

    return take


def _loaded(path: Path, load: Callable[[Path], object]) -> Callable[[bytes], None]:
    def take(payload: bytes) -> None:
        path.write_bytes(payload)
        load(path)

    return take


def _edited(payload: bytes) -> None:
    text = payload.decode("utf-8", "replace")
    edited = with_values(text, {"device": "pocket-1", "broker.host": "hub"})
    assert yaml.safe_load(edited)["broker"]["host"] == "hub"


def _json(*values: object) -> tuple[bytes, ...]:
    return tuple(json.dumps(value).encode() for value in values)


def _commands() -> tuple[bytes, ...]:
    return _json(
        {"id": "c1", "do": "pause", "until": "2036-05-22T09:00:00+09:00", "args": {"until": "2026-05-22T09:00:00Z"}},
        {"id": "c2", "do": "resume"},
        {"id": "c3", "do": "mark", "args": {"note": "the rain stopped"}},
        {"id": "c4", "do": "erase", "args": {"ids": [uuid7()], "records": [uuid7()], "clips": ["ab" * 32]}},
        {"id": "c5", "do": "erase", "args": {"from": "2026-05-22T09:00:00Z", "to": "2026-05-23T09:00:00Z"}},
        {"id": "c6", "do": "erase", "args": {"from": "2026-05-22T00:00:00Z", "days": {"from": "2026-05-22"}}},
        {"id": "c7", "do": "ping"},
    )


ANSWER = {
    "class": "POLL",
    "time": "2026-05-22T00:00:00.000Z",
    "active": 1,
    "tpv": [{"class": "TPV", "mode": 3, "time": "2026-05-22T00:00:00.000Z", "lat": 35.1, "lon": 129.1, "alt": 21.0}
            | {"epx": 4.1, "epy": 5.2, "epv": 9.0, "track": 10.0, "speed": 0.1, "climb": 0.0, "ept": 0.005}],
    "sky": [{"class": "SKY", "satellites": [{"PRN": 1, "el": 60, "az": 100, "ss": 40, "used": True}]}],
}  # fmt: skip
_OWNER = {
    "version": 3,
    "zones": [{"name": "home", "lat": 35.1, "lon": 129.1, "radius_m": 300}],
    "schedule": [{"days": ["mon", "sun"], "from": "22:00", "to": "07:00"}],
    "clips": {"enabled": True, "before_s": 20, "after_s": 10},
    "rules": None,
}
_CODE = Code("hub.local:8443", bytes(32), bytes(16)).text().encode()
_CREDENTIALS = {"device": "pocket-1", "broker": "hub.local:8883", "client_id": "pocket-1-00", "password": "p" * 43}
_CREDENTIALS |= {"hub": "hub.local:8443", "token": "mood_" + "t" * 43}
_PHONE = {"_type": "location", "lat": 35.1, "lon": 129.1, "tst": 1_779_439_990, "acc": 12, "alt": 20, "tid": "a"}
_QUERIES = (
    b"emotion=calm&emotion=anger&basis=speech&from=2026-05-01&to=2026-05-22T10:00:00%2B09:00&order=oldest&limit=10",
    b"near=35.1,129.1&radius_m=500&min_confidence=0.5&valence=-1,0.5&arousal=0,1&text=rain&has=note,clip,place",
    b"bbox=170,-10,-170,10&scene=rain&scene=cafe&device=pocket-1&owner=ann&tz=Asia/Seoul&cursor=WzE3Nzk0MzkzMzAsIDFd",
)


@contextmanager
def all_targets() -> Iterator[list[Target]]:
    """Give every target, with its files in memory where there is a disk of that kind."""
    fast = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=fast if os.access(fast, os.W_OK) else None) as name:
        folder = Path(name)
        at_hub, device, receiver = AtTheHub(folder), OnTheDevice(folder), Receiver()
        note = make(basis="none", origin="note", clip=clip(), record=uuid7(), continues=uuid7())
        scene = make(basis="scene", place=None, scene={"label": "rain", "group": "weather", "confidence": 0.8})
        moments = tuple(each.to_json() for each in (make(), note, scene))
        files = {kind: shipped(f"{kind}.yaml").read_bytes() for kind in ("edge", "hub", "scenes")}
        user, value = (UserError,), (ValueError,)
        yield [
            Target("moments at the hub", 0.35, moments, at_hub.moment),
            Target(
                "status and health at the hub", 0.15, _json({"state": "deaf", "since": None}, _OWNER), at_hub.report
            ),
            Target("filters of the hub", 0.083, _QUERIES, at_hub.query, (BadQuery,)),
            Target("commands to the device", 0.15, _commands(), device.command),
            Target("the hub's `stored`", 0.05, _json({"ids": [uuid7(), uuid7()]}), device.stored),
            Target("the owner's settings", 0.04, _json(_OWNER), device.config),
            Target("a phone's place", 0.05, _json(_PHONE), device.phone),
            Target("gpsd's answers", 0.06, _json(ANSWER), receiver.answer),
            Target("recordings", 0.03, _sounds(), _heard(folder / "sound"), (UnreadableRecording,)),
            Target("enrolment codes", 0.01, (_CODE,), lambda text: Code.parse(text.decode("utf-8", "replace")), value),
            Target("credentials from a hub", 0.01, _json(_CREDENTIALS), Credentials.model_validate_json, value),
            Target(
                "settings that are edited", 0.001, (b"broker: {host: a}\nclips:\n  hub: null # none\n",), _edited, value
            ),
            Target("edge.yaml", 0.003, (files["edge"],), _loaded(folder / "e.yaml", edge.config.load), user),
            Target("hub.yaml", 0.003, (files["hub"],), _loaded(folder / "h.yaml", hub.config.load), user),
            Target(
                "rules", 0.001, (files["scenes"],), lambda text: Rules.parse(text.decode("utf-8", "replace"), "r"), user
            ),
        ]
        at_hub.store.close()
        device.device.outbox.close()
