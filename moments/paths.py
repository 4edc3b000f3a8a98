"""Paths that a person wrote."""

from pathlib import Path


def at_home(value: object) -> object:
    """Give a path with its leading `~` expanded, which no shell does inside KEY=VALUE or a YAML file.

    What is no path stays as it is. Raises ValueError where nobody knows whose home is meant.
    """
    if not isinstance(value, Path):
        return value
    try:
        return value.expanduser()
    except RuntimeError as error:
        raise ValueError(f"{value} cannot be found: {error}") from error
