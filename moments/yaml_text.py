"""YAML that a person wrote.

Its readers take too much of it: a key that stands twice, of which they keep the last without a word, and aliases that
make much of little.
"""

from typing import Any, Final

import yaml

_MERGE: Final = "tag:yaml.org,2002:merge"
"""The key `<<`, which may stand once for each mapping that it brings in."""

_NOT_PLAIN: Final = ("[", "{", '"', "'", "|", ">", "&", "*", "!")


MOST: Final = 50_000
"""So many values a text may stand for: thirty times what the rules that ship do."""


class StandsTwice(yaml.YAMLError):
    """A key stands twice in one mapping; `line` is that of the second, counted from 1."""

    def __init__(self, key: str, line: int) -> None:
        super().__init__(f"{' '.join(key.split())} stands twice; put both into one")
        self.line = line


class TooMuch(yaml.YAMLError):
    """A text stands for more than `MOST` values; `line` is the one that goes beyond, counted from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"with what aliases bring in again it has more than {MOST} values; write a shorter one")
        self.line = line


class _Loader(yaml.SafeLoader):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._count = 0
        self._counts: dict[yaml.Node | None, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        line: int = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]
        again = self.check_event(yaml.AliasEvent)
        before = self._count
        node = super().compose_node(parent, index)
        if again:
            self._count += self._counts.get(node, MOST + 1)  # one that is still open would hold itself
        else:
            self._count += 1
            self._counts[node] = self._count - before
        if self._count > MOST:
            raise TooMuch(line)
        return node

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
    """Read YAML as `yaml.safe_load` does. Raises StandsTwice, TooMuch, and else what that raises."""
    return yaml.load(text, _Loader)  # noqa: S506 (a safe loader)


def value(text: str) -> Any:
    """Read the value of `--set key=value`: as YAML, but ` #` and `: ` in plain words are part of them, as in paths.

    Raises StandsTwice, TooMuch, and else what `yaml.safe_load` raises.
    """
    plain = not text.lstrip().startswith(_NOT_PLAIN)
    return text if plain and (" #" in text or ": " in text) else load(text)
