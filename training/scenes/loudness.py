"""How much a decibel counts: pleasantness and eventfulness against level in the International Soundscape Database.

Mitchell et al. (2022, doi 10.5281/zenodo.6331810): people in squares and parks of several countries filled in the
questionnaire of ISO/TS 12913-2 while the sound was recorded. `data/ISD v1.0 Data.csv` of PyPI's `soundscapy` 0.8.5
holds it. Run as `python -m training.scenes.loudness FILE`.
"""

import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

_AXES: Final = ("pleasant", "vibrant", "eventful", "chaotic", "annoying", "monotonous", "uneventful", "calm")
"""The eight scales of the questionnaire, each 45 degrees from the one before; pleasantness is the first's direction."""

_LEVEL: Final = "LAeq_L(A)_Max"
_SOURCES: Final = ("sss01", "sss02", "sss03", "sss04")
"""How much traffic, other noise, people and nature were heard: 1 (not at all) to 5 (dominates completely)."""

_MOST: Final = 4 + 32**0.5
"""What the projection of answers from 1 to 5 reaches; by it ISO/TS 12913-3 scales both axes to [-1, 1]."""


@dataclass(frozen=True)
class Answers:
    """The complete questionnaires. `level_db`: dB(A) [n]; `sources`: [n, 4]; `pleasant`, `eventful`: [n] in [-1, 1]."""

    place: NDArray[np.str_]
    level_db: NDArray[np.float64]
    sources: NDArray[np.float64]
    pleasant: NDArray[np.float64]
    eventful: NDArray[np.float64]


def read(path: Path) -> Answers:
    """Read the database; a questionnaire that lacks an answer or the level is left out."""
    names = (*_AXES, _LEVEL, *_SOURCES)
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if all(row[name] for name in names)]
    values = np.array([[float(row[name]) for name in names] for row in rows])
    angles = np.arange(8) * np.pi / 4
    return Answers(
        place=np.array([row["LocationID"] for row in rows]),
        level_db=values[:, 8],
        sources=values[:, 9:],
        pleasant=values[:, :8] @ np.cos(angles) / _MOST,
        eventful=values[:, :8] @ np.sin(angles) / _MOST,
    )


def slope(answers: Answers, value: NDArray[np.float64], *, equal_sources: bool) -> tuple[float, float]:
    """Give the change of a value a dB by least squares, and its standard error, for the answers of a place are alike.

    `equal_sources`: among answers that heard as much of each of the four kinds of sound.
    """
    columns = [answers.level_db[:, None], np.ones((len(value), 1))]
    if equal_sources:
        columns += [(answers.sources[:, [kind]] == much).astype(float) for kind in range(4) for much in range(2, 6)]
    inputs = np.concatenate(columns, axis=1)
    inverse = np.linalg.pinv(inputs.T @ inputs)
    weights = inverse @ inputs.T @ value
    rest = value - inputs @ weights
    by_place = [inputs[own].T @ rest[own] for own in (answers.place == place for place in np.unique(answers.place))]
    variance = inverse @ sum(np.outer(each, each) for each in by_place) @ inverse
    return float(weights[0]), float(np.sqrt(variance[0, 0]))


def main() -> None:
    """Print the slopes of the file that is named."""
    answers = read(Path(sys.argv[1]))
    print(f"{len(answers.place)} answers at {len(np.unique(answers.place))} places")
    for name, value in (("pleasantness", answers.pleasant), ("eventfulness", answers.eventful)):
        for equal, text in ((False, "all"), (True, "equal sources")):
            by_db, error = slope(answers, value, equal_sources=equal)
            print(f"{name}, {text}: {by_db:+.4f} ± {error:.4f} a dB")


if __name__ == "__main__":
    main()
