"""The plots of the card: small PNG files that the same answers always draw alike."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from moments import EMOTIONS
from training.speech.scores import Answers, by_speaker, coverage

_INK: Final = "#1f4e79"
_SOFT: Final = "#c9c9c9"


def confusion(answers: Answers, file: Path) -> None:
    """Draw which emotion was named for which, in shares of each row."""
    named = answers.named()
    counts = np.array([[np.sum((answers.truth == e) & (named == o)) for o in range(8)] for e in range(8)], float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = _figure(4.6, 4.2)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(8, 8):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{100 * shares[row, column]:.0f}", ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(8), EMOTIONS, rotation=45, ha="right", fontsize=7)
    axes.set_yticks(range(8), EMOTIONS, fontsize=7)
    axes.set(xlabel="named (%)", ylabel="acted")
    _save(figure, file)


def speakers(parts: Sequence[Answers], file: Path) -> None:
    """Draw the UA of each speaker, a corpus beside the other."""
    figure, axes = _figure(6.4, 2.6)
    begin = 0
    for answers, colour in zip(parts, (_INK, "#c55a11"), strict=True):
        scores = by_speaker(answers)
        axes.bar(range(begin, begin + len(scores)), [ua for ua, _ in scores], color=colour, label=answers.corpus[0])
        begin += len(scores) + 1
    axes.set(ylim=(0, 1), ylabel="UA", xlabel="speakers that were held out")
    axes.set_xticks([])
    axes.legend(fontsize=7)
    _save(figure, file)


def reliability(named: Sequence[tuple[str, NDArray[np.float64], NDArray[np.bool_]]], file: Path) -> None:
    """Draw how often readings of a confidence are right, for (name, confidence, right)."""
    figure, axes = _figure(3.6, 3.4)
    axes.plot([0, 1], [0, 1], color=_SOFT, linewidth=1)
    edges = np.linspace(0, 1, 11)
    for name, confidence, right in named:
        inside = [(confidence >= low) & (confidence < low + 0.1) for low in edges[:-1]]
        points = [(confidence[own].mean(), right[own].mean()) for own in inside if own.sum() >= 10]
        across, up = [point[0] for point in points], [point[1] for point in points]
        axes.plot(across, up, marker="o", markersize=3, linewidth=1, label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share that is right")
    axes.legend(fontsize=7)
    _save(figure, file)


def risk(confidence: NDArray[np.float64], right: NDArray[np.bool_], unclear: float, file: Path) -> None:
    """Draw the share of wrong readings against the share that is kept; a dot where `unclear` withholds."""
    figure, axes = _figure(3.6, 3.4)
    rows = coverage(confidence, right, [float(t) for t in np.arange(0, 0.97, 0.02)])
    axes.plot([share for _, share, _ in rows], [1 - accuracy for *_, accuracy in rows], color=_INK, linewidth=1)
    kept = [(share, 1 - accuracy) for _, share, accuracy in coverage(confidence, right, [unclear])]
    dots = [point[0] for point in kept], [point[1] for point in kept]
    axes.plot(*dots, "o", color="#c55a11", label=f"unclear below {unclear:.2f}")
    axes.set(xlim=(0, 1), ylim=(0, None), xlabel="share of readings kept", ylabel="share of those that is wrong")
    axes.legend(fontsize=7)
    _save(figure, file)


def curve(points: Sequence[tuple[str, float, float, float]], file: Path) -> None:
    """Draw UA against megabytes and against milliseconds, for (size, MB, ms, UA)."""
    import matplotlib.figure

    figure = matplotlib.figure.Figure((6.4, 2.8), layout="constrained")
    for axes, place, label in zip(
        figure.subplots(1, 2, sharey=True), (1, 2), ("MB", "ms a window of 3 s"), strict=True
    ):
        ordered = sorted(points, key=lambda point: float(point[place]))
        axes.plot([point[place] for point in ordered], [point[3] for point in ordered], "o-", color=_INK, linewidth=1)
        for point in ordered:
            axes.annotate(point[0], (point[place], point[3]), fontsize=7, xytext=(3, 3), textcoords="offset points")
        axes.set(xlabel=label, ylabel="UA, RAVDESS folds 1, 3, 5")
    _save(figure, file)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    import matplotlib.figure

    figure = matplotlib.figure.Figure((width, height), layout="constrained")
    return figure, figure.subplots()


def _save(figure: Any, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=90, metadata={"Software": None})
