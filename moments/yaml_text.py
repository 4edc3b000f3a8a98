"""YAML that a person wrote.

Its readers take too much of it: a key that stands twice, of which they keep the last without a word, aliases that make
much of little, lists in lists until Python gives up, and kinds that it fails at.
"""

from typing import Any, Final

import yaml

_MERGE: Final = "tag:yaml.org,2002:merge"
"""The key `<<`, which may stand once for each mapping that it brings in."""

_NOT_PLAIN: Final = ("[", "{", '"', "'", "|", ">", "&", "*", "!")

MOST: Final = 50_000
"""So many values a text may stand for: thirty times what the rules that ship do."""

DEEPEST: Final = 50
"""So many lists and mappings may stand in each other: ten times what the rules that ship have."""


class Refused(yaml.YAMLError):
    """A text is YAML, and not taken; `line` says where, counted from 1."""

    def __init__(self, why: str, line: int) -> None:
        super().__init__(why)
        self.line = line


class StandsTwice(Refused):
    """A key stands twice in one mapping; `line` is that of the second."""

    def __init__(self, key: str, line: int) -> None:
        super().__init__(f"{' '.join(key.split())} stands twice; put both into one", line)


class TooMuch(Refused):
    """A text stands for more than `MOST` values; `line` is the one that goes beyond."""

    def __init__(self, line: int) -> None:
        super().__init__(f"with what aliases bring in again it has more than {MOST} values; write a shorter one", line)


class TooDeep(Refused):
    """More than `DEEPEST` lists and mappings stand in each other; `line` is that of the one beyond."""

    def __init__(self, line: int) -> None:
        super().__init__(f"more than {DEEPEST} lists and mappings stand in each other; write a flatter one", line)


class NotOne(Refused):
    """A value is not of the kind that its tag or its form says."""

    def __init__(self, kind: str, line: int) -> None:
        super().__init__(f"a {kind} that is none; write one, or words in quotes", line)


class _Loader(yaml.SafeLoader):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._count = 0
        self._counts: dict[yaml.Node | None, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        line: int = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]
        again = self.check_event(yaml.AliasEvent)
        before = self._count
        self._depth += 1
        if self._depth > DEEPEST and self.check_event(yaml.CollectionStartEvent):
            raise TooDeep(line)
        node = super().compose_node(parent, index)
        self._depth -= 1
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

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError) as error:  # of `!!timestamp x`, `!!bool x` …
            raise NotOne(node.tag.rpartition(":")[2], node.start_mark.line + 1) from error


def load(text: str) -> Any:
    """Read YAML as `yaml.safe_load` does. Raises Refused, and else what that raises."""
    return yaml.load(text, _Loader)  # noqa: S506 (a safe loader)


def value(text: str) -> Any:
    """Read the value of `--set key=value`: as YAML, but ` #` and `: ` in plain words are part of them, as in paths.

    Raises Refused, and else what `yaml.safe_load` raises.
    """
    plain = not text.lstrip().startswith(_NOT_PLAIN)
    return text if plain and (" #" in text or ": " in text) else load(text)
