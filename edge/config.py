"""The device's settings: what `edge.yaml` may say. Each stands once, with its default, unit and description."""

import difflib
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError

from edge.owner.schedule import Span
from edge.sound import QUIET_DBFS
from moments.encryption import Encryption
from moments.errors import UserError
from moments.settings import Settings, data_folder, mapping, override
from moments.topics import valid_device

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, description="degrees north, WGS 84")]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, description="degrees east, WGS 84")]


def _hostname() -> str:
    name = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:64].lstrip("._-")
    return name or "device"


def _source(text: str) -> str:
    if text != "microphone" and not re.fullmatch(r"file:.+|pipe:-", text):
        raise ValueError("must be microphone, file:PATH or pipe:-")
    return text


def _device(name: str) -> str:
    if not valid_device(name):
        raise ValueError("must be 1 to 64 letters, digits, '.', '_' or '-', and begin with a letter or digit")
    return name


class Broker(Settings, Encryption):
    """Where moments go."""

    host: Annotated[str, Field(min_length=1, description="name or address of the MQTT broker")] = "localhost"
    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port; 8883 is usual with tls")] = 1883
    user: Annotated[str | None, Field(description="user name; null: the device's id when there is a password")] = None
    password_file: Annotated[Path | None, Field(description="a file whose first line is the password")] = None
    client_id: Annotated[
        str | None, Field(min_length=1, description="names the session at the broker; null: the device's id")
    ] = None


class OutboxSettings(Settings):
    """The queue of moments that the hub has not stored yet."""

    path: Annotated[Path | None, Field(description="SQLite file; null: outbox.sqlite in the XDG data folder")] = None
    max_mb: Annotated[float, Field(gt=0, description="MB on disk before the least sure moments are dropped")] = 256.0
    max_days: Annotated[float, Field(gt=0, description="days until a moment that is no record is dropped")] = 365.0


class ClockSettings(Settings):
    """What happens while the device does not know the time."""

    max_wait_h: Annotated[float, Field(ge=0, description="hours a moment waits for the time; 0: never waits")] = 72.0


class Zone(Settings):
    """A circle in which no place is recorded, and with `pause` no sound is heard."""

    lat: Latitude
    lon: Longitude
    radius_m: Annotated[float, Field(gt=0, description="metres")]
    pause: Annotated[bool, Field(description="do not listen there at all")] = False


class Point(Settings):
    """A place that never changes."""

    lat: Latitude
    lon: Longitude


class Gps(Settings):
    """Where the device is."""

    host: Annotated[str, Field(min_length=1, description="where gpsd listens")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port of gpsd")] = 2947
    max_age_s: Annotated[Seconds, Field(description="seconds after which a fix is no place any more")] = 60.0
    round_m: Annotated[Seconds, Field(description="metres of the grid that places are moved to; 0: exact")] = 0.0
    home_zones: Annotated[
        tuple[Zone, ...], Field(description="circles {lat, lon, radius_m, pause} without a place")
    ] = ()
    with_speech: Annotated[bool, Field(description="whether moments of speech tell the place too")] = True
    fixed: Annotated[Point | None, Field(description="{lat, lon} of a box on a shelf; gpsd is not asked")] = None
    owntracks: Annotated[
        str | None,
        Field(pattern=r"^[^#+/]+(/[^#+/]+)+$", description="topic of a phone with OwnTracks; gpsd is not asked"),
    ] = None


class GateSettings(Settings):
    """What counts as silence."""

    silence_dbfs: Annotated[float, Field(ge=-120, le=0, description="dBFS below which nothing is read")] = QUIET_DBFS


def _weights(which: Any) -> Any:
    """Put the smaller weights that ship in the place of their name."""
    return Path(__file__).parent / "models" / "weights" / "speech-small.tflite" if which == "small" else which


class ModelSettings(Settings):
    """What reads the sound."""

    rules: Annotated[Path | None, Field(description="rules that turn scenes into emotions; null: the shipped")] = None
    speech: Annotated[
        Path | None,
        BeforeValidator(_weights),
        Field(description="weights of the speech model: null: the shipped; small: the shipped for a Zero 2 W; a file"),
    ] = None


class Capture(Settings):
    """The microphone."""

    microphone: Annotated[
        str | None, Field(description="its name, a part of it or usb:VENDOR:PRODUCT; null: the default")
    ] = None
    spl_at_0dbfs: Annotated[
        float | None, Field(description="dB SPL that full scale stands for; null: not calibrated")
    ] = None


def _hub(url: str | None) -> str | None:
    if url is None:
        return None
    if re.fullmatch(r"https://[^/?#]+/?|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?/?", url):
        with suppress(ValueError):  # of a port or an address that cannot be
            parts = urlsplit(url)
            if parts.hostname and parts.port != 0:
                return url
    raise ValueError("must be https://NAME[:PORT] (http:// only for a hub on this machine)")


class ClipSettings(Settings):
    """Sound that is kept: off unless the owner switches it on."""

    enabled: Annotated[bool, Field(description="a mark keeps the sound around it")] = False
    ordinary: Annotated[bool, Field(description="with enabled: other moments keep their sound too, 15 s at most")] = (
        False
    )
    before_s: Annotated[float, Field(ge=0, le=120, description="seconds before a mark that belong to its record")] = 20
    after_s: Annotated[float, Field(ge=0, le=120, description="seconds after a mark that belong to its record")] = 10
    folder: Annotated[Path | None, Field(description="where clips wait; null: clips beside the outbox")] = None
    key_file: Annotated[
        Path | None,
        Field(description="32 bytes in base64 that encrypt clips at rest; null: they lie there in the clear"),
    ] = None
    max_days: Annotated[float, Field(gt=0, description="days until a clip that nobody fetched is dropped")] = 30.0
    max_disk_share: Annotated[
        float, Field(gt=0, le=0.9, description="share of the disk beyond which the oldest go, marks last")
    ] = 0.1
    hub: Annotated[
        str | None, AfterValidator(_hub), Field(description="https://NAME:PORT of the hub; null: clips stay here")
    ] = None
    token_file: Annotated[Path | None, Field(description="a file whose first line is a token that may write")] = None
    ca_file: Annotated[Path | None, Field(description="who signs the hub's certificate; null: the system's")] = None


class Gpio(Settings):
    """Button and light on the pins of a Raspberry Pi, by BCM number."""

    button: Annotated[
        int | None, Field(ge=0, le=27, description="pin of a button to ground: a press marks, holding it 2 s pauses")
    ] = None
    light: Annotated[int | None, Field(ge=0, le=27, description="pin of a light that is on while it listens")] = None


class Config(Settings):
    """All settings of a device."""

    source: Annotated[str, AfterValidator(_source), Field(description="microphone, file:PATH or pipe:-")] = "microphone"
    device: Annotated[
        str, AfterValidator(_device), Field(default_factory=_hostname, description="its id; default: the host's name")
    ]
    broker: Broker = Broker()
    outbox: OutboxSettings = OutboxSettings()
    clock: ClockSettings = ClockSettings()
    gps: Gps = Gps()
    schedule: Annotated[
        tuple[Span, ...], Field(description="spans {days, from, to} of local time in which it does not listen")
    ] = ()
    clips: ClipSettings = ClipSettings()
    gpio: Gpio = Gpio()
    gate: GateSettings = GateSettings()
    models: ModelSettings = ModelSettings()
    capture: Capture = Capture()

    @property
    def clips_folder(self) -> Path:
        """Where clips wait."""
        return self.clips.folder or self.outbox_path.with_name("clips")

    @property
    def outbox_path(self) -> Path:
        """The file of the outbox; the device's other state lies beside it."""
        return self.outbox.path or data_folder() / "outbox.sqlite"


_LIST: Final = re.compile(r"\.\d+")


def _keys(model: type[BaseModel], before: str = "") -> Iterator[str]:
    for own_name, field in model.model_fields.items():
        name = field.alias or own_name
        yield f"{before}{name}"
        for part in [field.annotation, *getattr(field.annotation, "__args__", ())]:
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from _keys(part, f"{before}{name}.")


def _nearest(key: str) -> str:
    known = list(_keys(Config))
    last = {name: name.rpartition(".")[2] for name in known}
    near = difflib.get_close_matches(key, known, 1, 0.6)
    leaf = difflib.get_close_matches(key.rpartition(".")[2], last.values(), 1, 0.75)
    near += [name for name in known if last[name] in leaf]
    return f"; did you mean {near[0]}?" if near else ""


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{key} is not a setting{_nearest(_LIST.sub('', key))}"
    reason = first["msg"].removeprefix("Value error, ")
    return f"{key}: {reason[:1].lower()}{reason[1:]}" if key else reason


def load(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read the settings of a file, with `key.path=value` overrides. Raises UserError that names the wrong key."""
    values = mapping(path)
    for said in overrides:
        override(values, said)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{path}: {_explain(error)}") from error
