"""Reads a YAML file into a pydantic model, with errors that name file, line and field."""

from collections.abc import Sequence
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from moments import yaml_text
from moments.errors import UserError

_M = TypeVar("_M", bound=BaseModel)


class WrongRules(UserError):  # noqa: N818 - reads as the sentence it is for
    """A file of rules cannot be used; the message names file, line, field and what is wrong."""


def validated(model: type[_M], text: str, name: str) -> _M:
    """Read YAML text as `model`. Raises WrongRules for the first thing that is wrong, and how many more there are."""
    try:
        raw = yaml_text.load(text)
    except yaml_text.Refused as error:
        raise WrongRules(f"{name} line {error.line}: {error}") from error
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise WrongRules(f"{name}{line}: is not YAML: {getattr(error, 'problem', None) or error}") from error
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        node = yaml.compose(text, Loader=yaml.SafeLoader)  # where a mistake is, at the price of reading it all again
        first, more = error.errors()[0], error.error_count() - 1
        location = [part for part in first["loc"] if part != "[key]"]
        field = ".".join(str(part) for part in location) or "the file"
        what = first["msg"].removeprefix("Value error, ")
        others = f" (and {more} more)" if more else ""
        raise WrongRules(f"{name} line {_line(node, location)}: {field}: {what}{others}") from error


def _line(node: Any, location: Sequence[int | str]) -> int:
    """Give the line of the deepest node on the way to `location`, counted from 1."""
    line: int = node.start_mark.line + 1 if node is not None else 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = (node.value[part], node.value[part])
        else:
            found = None
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line
