"""The hub's settings: what may be set, its bounds and its defaults."""

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from configs import shipped
from moments import settings
from moments.encryption import Encryption
from moments.enrolment import Address
from moments.errors import UserError

Port = Annotated[int, Field(ge=1, le=65_535)]


class Http(settings.Settings):
    """Where the page and the API are served."""

    host: str = "127.0.0.1"
    port: Port = 8080
    open_on_loopback: bool = Field(
        default=True, description="serve without a token; only where nothing but this machine reaches the address"
    )
    calls_per_minute: Annotated[int, Field(ge=60)] | None = Field(
        default=6000, description="by one token or, without one, one address; null: any number"
    )
    cert_file: Path | None = Field(default=None, description="serve HTTPS with this certificate; `moodscape hub ca`")
    key_file: Path | None = Field(default=None, description="the key of cert_file")

    @property
    def ca_file(self) -> Path | None:
        """The certificate of the authority that signed `cert_file`, where `moodscape hub ca` made both."""
        beside = self.cert_file.with_name("ca.crt") if self.cert_file else None
        return beside if beside is not None and beside.exists() else None

    @property
    def loopback(self) -> bool:
        """Tell whether only this machine reaches the address."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def open(self) -> bool:
        """Tell whether calls need no token."""
        return self.open_on_loopback and self.loopback


class Broker(settings.Settings, Encryption):
    """The MQTT broker that devices publish to."""

    host: str = "127.0.0.1"
    port: Port = Field(default=1883, description="TCP port; 8883 is usual with tls")
    user: str | None = None
    password_file: Path | None = Field(default=None, description="a file whose first line is the password of `user`")
    client_id: str = Field(default="moodscape-hub", min_length=1, description="names the hub's session at the broker")
    share_group: str | None = Field(
        default=None,
        pattern=r"^[^#+/]+$",
        description="what hubs over one PostgreSQL share; each has its own client_id",
    )

    @model_validator(mode="after")
    def _has_a_user_for_its_password(self) -> Self:
        if self.password_file is not None and self.user is None:
            raise ValueError("password_file needs user, whose password it holds")
        return self

    def password(self) -> str | None:
        """Read the password. Raises UserError when its file cannot be read."""
        return _first_line("broker.password_file", self.password_file)


def _first_line(setting: str, path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text().partition("\n")[0]
    except OSError as error:
        raise UserError(f"{setting} {path} cannot be read: {error.strerror}") from None


class StoreSettings(settings.Settings):
    """Where moments are kept."""

    url: str | None = Field(
        default=None, description="postgresql+psycopg://USER:PASSWORD@HOST/DATABASE; null: the SQLite file `path`"
    )
    path: Path | None = Field(default=None, description="the database file; null: hub.db in the data folder")

    @property
    def file(self) -> Path:
        """The database file."""
        return self.path or settings.data_folder() / "hub.db"

    @property
    def place(self) -> Path | str:
        """The file, or the database's URL."""
        return self.url or self.file

    @property
    def sounds(self) -> Path:
        """The folder of uploads and clips."""
        return self.file.parent / "sounds"


class Influx(settings.Settings):
    """The InfluxDB that is fed beside the store; `url` null: none."""

    url: str | None = Field(default=None, pattern="^https?://", description="where it answers")
    token_file: Path | None = Field(default=None, description="its first line is the token (1.x: user:password)")
    org: str = "-"
    bucket: str = Field(default="moodscape", pattern=r"^[^\"\\\n]+$", description="the bucket (1.x: the database)")
    allow_undeletable: bool = Field(default=False, description="feed a server that cannot erase all the same")

    def token(self) -> str | None:
        """Read the token. Raises UserError when its file cannot be read."""
        return _first_line("influx.token_file", self.token_file)


Days = Annotated[int, Field(ge=1)]


class Retention(settings.Settings):
    """After how many days moments that were heard in passing, and the sound of clips, are erased; null: never.

    Marks, uploads, notes, and moments with a note or a correction stay. What an owner sets on the page comes before.
    """

    speech_days: Days | None = None
    scene_days: Days | None = None
    clip_days: Days | None = None


class HomeAssistant(settings.Settings):
    """Whether devices are announced to a Home Assistant at the same broker."""

    enabled: bool = False
    prefix: str = Field(
        default="homeassistant", pattern=r"^[^#+/]+(/[^#+/]+)*$", description="its MQTT integration's discovery prefix"
    )


class Enrol(settings.Settings):
    """How enrolled devices reach this hub and its broker, each NAME:PORT, over TLS."""

    hub: Address | None = Field(default=None, description="null: the certificate's first full name, and http.port")
    broker: Address | None = Field(
        default=None, description="null: the broker's, where the hub uses TLS there; else the hub's name, port 8883"
    )


class Settings(settings.Settings):
    """All of `hub.yaml`."""

    http: Http = Http()
    broker: Broker = Broker()
    store: StoreSettings = StoreSettings()
    influx: Influx = Influx()
    retention: Retention = Retention()
    home_assistant: HomeAssistant = HomeAssistant()
    enrol: Enrol = Enrol()


def _sentence(source: str, error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        model: Any = Settings
        for part in first["loc"][:-1]:
            model = model.model_fields[str(part)].annotation
        return f"{source}: there is no setting {key}; there are {', '.join(model.model_fields)}"
    reason = first["msg"].removeprefix("Value error, ")
    reason = f"{source}: {key}: {reason[:1].lower()}{reason[1:]}"
    return reason if isinstance(first["input"], dict) else f"{reason}, but it is {first['input']!r}"


def load(path: Path | None = None, overrides: Sequence[str] = ()) -> Settings:
    """Read the settings of a YAML file (the shipped one by default) with `key.path=value` overrides.

    Raises UserError, naming the setting, when something is wrong.
    """
    values = settings.mapping(path or shipped("hub.yaml"))
    for said in overrides:
        settings.override(values, said)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise UserError(_sentence("hub.yaml" if path is None else str(path), error)) from None
