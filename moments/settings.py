"""Settings as a person gives them: YAML, with `key.path=value` overrides of the command line."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, field_validator

from moments import yaml_text
from moments.errors import UserError
from moments.paths import at_home


class Settings(BaseModel):
    """Some that belong together; one that is not declared is refused, and so is a number that is infinite or none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    _paths = field_validator("*")(at_home)


def data_folder() -> Path:
    """Give the folder for state: `moodscape` in the XDG data folder, which is no relative one by its specification."""
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "share") / "moodscape"


def mapping(path: Path) -> dict[str, Any]:
    """Read a file of settings, without those that are null at its top. Raises UserError, which names the file."""
    try:
        values = yaml_text.load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; give another file with --config") from error
    except yaml_text.Refused as error:
        raise UserError(f"{path} line {error.line}: {error}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{path}: is not YAML: {_line(error)}") from error
    if values is None:
        return {}
    if not isinstance(values, Mapping) or not all(isinstance(key, str) for key in values):
        raise UserError(f"{path}: must hold settings as `key: value`")
    return {key: value for key, value in values.items() if value is not None}


def override(values: dict[str, Any], said: str) -> None:
    """Put what `--set` said, as `key.path=value`, into settings; a section of null begins empty. Raises UserError."""
    path, equals, text = said.partition("=")
    if not equals or not path:
        raise UserError(f"--set {said}: write --set key.path=value")
    *above, last = path.split(".")
    for name in above:
        inner = values.get(name)
        if not isinstance(inner, dict | None):
            raise UserError(f"--set {said}: {name} holds no settings")
        values[name] = dict(inner or {})  # its own: by an anchor of YAML, two sections may be one
        values = values[name]
    try:
        values[last] = yaml_text.value(text)
    except yaml_text.Refused as error:
        raise UserError(f"--set {said}: {error}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"--set {said}: the value is not YAML: {_line(error)}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
