"""Sets values in a file of settings, and leaves comments and all other values as they are.

python -m configs.edit FILE key.path=value…
python -m configs.edit FILE key.path          prints the value instead: nothing where there is none
"""

import os
import re
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from moments import yaml_text

_VALUE = r"(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|[^\s#{\[&*|>'\"](?:[^#\n]|(?<=\S)#)*?)?"
"""A value that stands on one line."""


def with_values(text: str, values: Mapping[str, Any]) -> str:
    """Give YAML of settings with others: `values` by `name` or `section.name`. Raises ValueError for what is none.

    Lines are changed where the text says it in lines; what is written otherwise is written anew, without its comments.
    """
    wanted = _settings(text)
    for key, value in values.items():
        section, _, name = key.rpartition(".")
        inside = wanted
        if section:
            there = wanted.get(section) or {}
            if not isinstance(there, dict):
                raise ValueError(f"{section} holds no settings")
            inside = wanted[section] = dict(there)
        inside[name] = value
        text = _with_line(text, section, name, value)
    try:
        right = _settings(text) == wanted
    except ValueError:
        right = False
    return text if right else yaml.safe_dump(wanted, sort_keys=False, allow_unicode=True)


def _yaml(read: Callable[[str], Any], text: str) -> Any:
    """Read YAML. Raises ValueError with a sentence for what is none."""
    try:
        return read(text)
    except yaml_text.Refused as error:
        raise ValueError(str(error)) from None
    except yaml.YAMLError as error:
        raise ValueError(f"is not YAML: {' '.join(str(error).split())}") from None


def _read(key: str, value: str) -> Any:
    try:
        return _yaml(yaml_text.value, value)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _settings(text: str) -> dict[str, Any]:
    values = _yaml(yaml_text.load, text)
    if values is not None and not isinstance(values, dict):
        raise ValueError("must hold settings as `key: value`")
    return values or {}


def _with_line(text: str, section: str, name: str, value: Any) -> str:
    said = yaml.safe_dump({name: value}, allow_unicode=True, width=10_000).rstrip("\n")
    if not section:
        line = re.compile(rf"^{re.escape(name)}:[ \t]*{_VALUE}(?=[ \t]*(?:#.*)?$)", re.MULTILINE)
        return line.sub(lambda _: said, text, count=1) if line.search(text) else f"{said}\n{text}"
    text = _in_lines(text, section)
    block = re.search(rf"^{re.escape(section)}:[ \t]*(?:#.*)?\n(?:(?:[ \t].*|#.*|[ \t]*)\n)*", text, re.MULTILINE)
    if block is None:
        return f"{text.rstrip()}\n\n{section}:\n  {said}\n"
    line = re.compile(rf"^([ ]+){re.escape(name)}:[ \t]*{_VALUE}(?=[ \t]*(?:#.*)?$)", re.MULTILINE)
    old = block[0]
    if line.search(old):
        new = line.sub(lambda found: found[1] + said, old, count=1)
    else:
        indent = re.search(r"^([ ]+)[^\s#]", old, re.MULTILINE)
        head, _, rest = old.partition("\n")
        new = f"{head}\n{indent[1] if indent else '  '}{said}\n{rest}"
    return text[: block.start()] + new + text[block.end() :]


def _in_lines(text: str, section: str) -> str:
    """Write a section that stands on one line (`broker: {host: a}`) in lines, so that others may be put beside it."""
    line = re.search(rf"^{re.escape(section)}:[ \t]+(?!#)\S.*$", text, re.MULTILINE)
    try:
        inside = yaml.safe_load(line[0])[section] if line else None
    except yaml.YAMLError:
        return text
    if line is None or not isinstance(inside, dict | None):
        return text
    lines = yaml.safe_dump(inside, sort_keys=False, allow_unicode=True, width=10_000).splitlines() if inside else []
    return text[: line.start()] + "\n".join([f"{section}:", *(f"  {each}" for each in lines)]) + text[line.end() :]


def _value(text: str, key: str) -> str:
    section, _, name = key.rpartition(".")
    values = _settings(text)
    inside = values.get(section) if section else values
    value = inside.get(name) if isinstance(inside, dict) else None
    return "" if value is None else str(value)


def _replace(file: Path, text: str) -> None:
    """Write a file anew, as a whole or not at all; its owner, group and mode stay."""
    there = file.stat()
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fchown(out.fileno(), there.st_uid, there.st_gid)
        os.fchmod(out.fileno(), stat.S_IMODE(there.st_mode))
        os.fsync(out.fileno())
    new.replace(file)


def main(words: list[str]) -> None:
    """Edit a file, or print a value of it; leaves with 2 and a sentence where that cannot be done."""
    path, *asked = words
    file = Path(path).resolve()  # a link to the settings stays one
    try:
        text = file.read_text(encoding="utf-8")
        if "=" not in asked[0]:
            sys.stdout.write(f"{_value(text, asked[0])}\n")
            return
        pairs = (pair.partition("=") for pair in asked)
        _replace(file, with_values(text, {key: _read(key, value) for key, _, value in pairs}))
    except OSError as error:
        sys.stderr.write(f"moodscape: {path} cannot be edited: {error.strerror}\n")
        sys.exit(2)
    except ValueError as error:
        sys.stderr.write(f"moodscape: {path}: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
