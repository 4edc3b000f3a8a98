"""The scenes of a person's day: what `scenes.tsv` says each is made of.

`esc50` and `audioset` name labels of the scene model, `;` between labels of which one is enough, `+` between groups
of which each must be heard (a café is voices and crockery). `sudden`: comes through at once, however short.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

UNCLEAR: Final = "unclear"
"""The label and the group of surroundings in which no scene is likely."""

_TABLE: Final = Path(__file__).with_name("scenes.tsv")


@dataclass(frozen=True, slots=True)
class SceneRow:
    """One scene. `audioset`: groups of labels; one label of each group must be heard."""

    label: str
    group: str
    sudden: bool
    esc50: tuple[str, ...]
    audioset: tuple[tuple[str, ...], ...]


@cache
def table() -> tuple[SceneRow, ...]:
    """Give all scenes in the order of the file."""
    with _TABLE.open(encoding="utf-8", newline="") as lines:
        return tuple(
            SceneRow(
                label=row["scene"],
                group=row["group"],
                sudden=row["sudden"] == "yes",
                esc50=_labels(row["esc50"]),
                audioset=tuple(_labels(group) for group in row["audioset"].split(" + ")),
            )
            for row in csv.DictReader(lines, delimiter="\t")
        )


def audioset_labels() -> tuple[str, ...]:
    """Name every AudioSet label that a scene is made of, once, in the order of the table."""
    return tuple(dict.fromkeys(label for row in table() for group in row.audioset for label in group))


def _labels(cell: str) -> tuple[str, ...]:
    return tuple(label for label in cell.split("; ") if label)
