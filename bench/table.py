"""A bench's figures: printed as a table, written to `bench/results/NAME.json`."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """A measured value and the bar that it should hold; `sense` tells which side of the bar is good."""

    value: float
    unit: str
    bar: float | None = None
    sense: Literal["at most", "at least"] = "at most"

    @property
    def holds(self) -> bool | None:
        """Whether the bar is held; None where there is none."""
        if self.bar is None:
            return None
        return self.value <= self.bar if self.sense == "at most" else self.value >= self.bar


def report(name: str, figures: dict[str, Figure], *, write: bool = True, beside: bool = False) -> None:
    """Print the figures and, unless the run was a short one, write them where the README's table is made from.

    `beside`: figures of the same name that other benches wrote stay there.
    """
    for what, figure in figures.items():
        bar = "" if figure.bar is None else f"{figure.sense} {figure.bar:g}: {'holds' if figure.holds else 'missed'}"
        sys.stdout.write(f"{what:<52} {figure.value:>12.4g} {figure.unit:<10} {bar}\n")
    if not write:
        return
    RESULTS.mkdir(exist_ok=True)
    written = {
        what: {"value": round(f.value, 4), "unit": f.unit, "bar": f.bar, "holds": f.holds}
        for what, f in figures.items()
    }
    path = RESULTS / f"{name}.json"
    others = json.loads(path.read_text()) if beside and path.exists() else {}
    path.write_text(json.dumps(others | written, indent=1) + "\n")
