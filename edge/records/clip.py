"""A clip as it lies on the device: sound as FLAC, named by its hash, encrypted at rest where a key is set.

The file is one line of JSON, which names the clip, and then its bytes. With a key these are a nonce of 12 bytes and
AES-256-GCM over the FLAC, with the first line as the associated data: neither can be changed without the other.
"""

import base64
import hashlib
import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, ValidationError

from edge.records.ring import Pcm
from edge.sound import RATE
from moments import Clip
from moments.errors import UserError, WorkError

MEDIA_TYPE: Final = "audio/flac"
_NONCE: Final = 12
_KEY: Final = 32


class UnreadableClip(WorkError):  # noqa: N818 - named for what it is
    """A clip that is broken for good."""


class ClosedClip(WorkError):  # noqa: N818 - named for what it is
    """A clip that cannot be opened as things are: its key is not here, or its file cannot be read now."""


class Label(BaseModel):
    """What is written on a clip. `begin`: Unix seconds, null where nobody knew the time; `moments`: those it is of."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    seconds: float
    media_type: str = MEDIA_TYPE
    kind: Literal["mark", "ordinary"]
    record: str | None
    moments: list[str]
    begin: float | None
    encrypted: bool

    def touches(self, begin: float, end: float) -> bool:
        """Tell whether some of it lies in [begin, end), Unix seconds; one of unknown time, where `begin` is open."""
        if self.begin is None:
            return begin == float("-inf")
        return self.begin < end and self.begin + self.seconds > begin

    @property
    def worth(self) -> tuple[bool, float]:
        """The order in which clips go when room runs out: ordinary ones first, then by age."""
        return self.kind == "mark", self.begin or 0.0

    @property
    def clip(self) -> Clip:
        """What a moment tells of it."""
        return Clip(sha256=self.sha256, seconds=self.seconds, media_type=self.media_type)


class Safe:
    """Encrypts and decrypts with the key in a file; without one, bytes stay as they are. Raises UserError."""

    def __init__(self, key_file: Path | None) -> None:
        self.encrypts = key_file is not None
        self._cipher: Any = None if key_file is None else _cipher(key_file)

    def close_up(self, plain: bytes, label: bytes) -> bytes:
        """Give what is written."""
        if self._cipher is None:
            return plain
        nonce = os.urandom(_NONCE)
        sealed: bytes = self._cipher.encrypt(nonce, plain, label)
        return nonce + sealed

    def open_up(self, written: bytes, label: bytes, *, encrypted: bool) -> bytes:
        """Give back what was written. Raises ClosedClip: a wrong key and broken bytes look alike."""
        if not encrypted:
            return written
        if self._cipher is None:
            raise ClosedClip("the clip is encrypted: set clips.key_file to the key that it was kept with")
        try:
            plain: bytes = self._cipher.decrypt(written[:_NONCE], written[_NONCE:], label)
        except Exception as error:  # InvalidTag, or ValueError for what is too short
            raise ClosedClip("the clip cannot be decrypted: it is broken, or was kept with another key") from error
        return plain


def _cipher(key_file: Path) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise UserError("clips.key_file needs cryptography: pip install 'moodscape[clips]'") from error
    try:
        key = base64.b64decode(key_file.read_bytes().strip(), validate=True)
    except OSError as error:
        raise UserError(f"clips.key_file: {key_file} cannot be read: {error.strerror}") from error
    except ValueError:
        key = b""
    if len(key) != _KEY:
        raise UserError(f"clips.key_file: {key_file} holds no key: make one with `openssl rand -base64 {_KEY}`")
    return AESGCM(key)


def encoded(sound: Pcm) -> bytes:
    """Give int16 [n] at 16 kHz as FLAC, without loss."""
    import soundfile

    # In memory, so that no sound touches a disk, but by a descriptor: soundfile reaches a Python object through a
    # callback, for which memory would have to be written and run, and the unit denies that.
    with os.fdopen(os.memfd_create("clip"), "rb") as out:
        soundfile.write(out.fileno(), sound, RATE, format="FLAC", subtype="PCM_16", closefd=False)
        out.seek(0)
        return out.read()


def packed(
    sound: Pcm,
    safe: Safe,
    *,
    kind: Literal["mark", "ordinary"],
    record: str | None,
    moments: list[str],
    begin: float | None,
) -> tuple[Label, bytes]:
    """Make a clip of int16 [n] that began at `begin` (as in Label): its label, and the file's bytes."""
    flac, seconds = encoded(sound), len(sound) / RATE
    label = Label(
        sha256=hashlib.sha256(flac).hexdigest(),
        seconds=round(seconds, 3),
        kind=kind,
        record=record,
        moments=moments,
        begin=begin,
        encrypted=safe.encrypts,
    )
    line = label.model_dump_json().encode()
    return label, line + b"\n" + safe.close_up(flac, line)


def label_of(path: Path) -> Label:
    """Read a clip's label. Raises UnreadableClip, ClosedClip."""
    try:
        with path.open("rb") as file:
            return Label.model_validate_json(file.readline(65_536))
    except OSError as error:
        raise ClosedClip(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise UnreadableClip(f"{path} is no clip of this device") from error


def sound_of(path: Path, safe: Safe) -> bytes:
    """Give a clip's FLAC. Raises UnreadableClip, ClosedClip."""
    try:
        line, _, written = path.read_bytes().partition(b"\n")
        label = Label.model_validate_json(line)
    except OSError as error:
        raise ClosedClip(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise UnreadableClip(f"{path} is no clip of this device") from error
    flac = safe.open_up(written, line, encrypted=label.encrypted)
    if hashlib.sha256(flac).hexdigest() != label.sha256:
        raise UnreadableClip(f"{path} is broken: its sound is not what its hash says")
    return flac
