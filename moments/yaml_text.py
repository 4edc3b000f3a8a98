"""YAML that a person wrote: a key that stands twice is refused, where its readers keep the last without a word."""

from typing import Any, Final

import yaml

_MERGE: Final = "tag:yaml.org,2002:merge"
"""The key `<<`, which may stand once for each mapping that it brings in."""

_NOT_PLAIN: Final = ("[", "{", '"', "'", "|", ">", "&", "*", "!")


class StandsTwice(yaml.YAMLError):
    """A key stands twice in one mapping; `line` is that of the second, counted from 1."""

    def __init__(self, key: str, line: int) -> None:
        super().__init__(f"{' '.join(key.split())} stands twice; put both into one")
        self.line = line


class _Loader(yaml.SafeLoader):
    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)  # before `<<` adds keys, which those of the mapping itself override
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                if (key.tag, key.value) in seen:
                    raise StandsTwice(key.value, key.start_mark.line + 1)
                seen.add((key.tag, key.value))
        return node


def load(text: str) -> Any:
    """Read YAML as `yaml.safe_load` does. Raises StandsTwice, and else what that raises."""
    return yaml.load(text, _Loader)  # noqa: S506 (a safe loader)


def value(text: str) -> Any:
    """Read the value of `--set key=value`: as YAML, but ` #` and `: ` in plain words are part of them, as in paths.

    Raises StandsTwice, and else what `yaml.safe_load` raises.
    """
    plain = not text.lstrip().startswith(_NOT_PLAIN)
    return text if plain and (" #" in text or ": " in text) else load(text)
