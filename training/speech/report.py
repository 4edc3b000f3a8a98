"""The model card of a speech student, written from the answers of its holdouts and the file that ships."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge.models.interpreter import Model, Sidecar
from edge.models.speech import SpeechReader
from moments import EMOTIONS
from moments.errors import WorkError
from training.speech import plots
from training.speech.card import LIMITS, about
from training.speech.cost import Cost, cost, milliseconds
from training.speech.scores import (
    COMMON,
    Answers,
    by_fold,
    by_speaker,
    calibration_error,
    confidence,
    coverage,
    mean_recall,
    need_folds,
    recall_of,
    shares,
)
from training.speech.student import SIZES

CURVE: Final = ("1", "3", "5")
"""The folds whose mean makes the curve of score and size."""
_TITLES: Final = {"ravdess": "RAVDESS, 8 emotions, 6 folds of 4 actors", "nemo": "nEMO, 6 emotions, one speaker out"}
_STRANGERS: Final = (("UA above the teacher's head", 0.0), ("recall of neutral", 0.4))
_KINDS: Final = {
    "int8": "UA int8",
    "float": "UA float",
    "teacher": "UA teacher's head",
    "noisy": "UA int8, noise 10 dB",
    "phone": "UA int8, telephone",
}
_MACHINES: Final = """
Times are of the machine that made this card. An x86 processor without VNNI multiplies eight-bit numbers so much slower
that the layers of the standard size took 6.1 ms a second of speech on one without, 1.2 ms on one with it.
"""


def write(reports: Path, folds: Path, curve: Mapping[str, Path], weights: Path, origin: Mapping[str, Any]) -> None:
    """Write the card NAME.md and its plots NAME/*.png, named as the weights.

    `curve`: where the answers of each size are. `origin`: of the answers in `folds`, as `recipe.origin` gives it.
    Raises WorkError where a fold lacks or the weights are of another origin, BrokenWeights without weights.
    """
    need_folds(folds)
    reader = SpeechReader.load(weights)
    meta = Sidecar.model_validate_json(weights.with_suffix(".json").read_bytes()).meta
    keys = ["results"] if "results" in meta else ["which", "distilled", "size"]
    if any(meta.get(key) != origin[key] for key in keys):
        raise WorkError(f"{weights} is of another recipe, teacher or set of recordings; run the step `ship` first")
    spent = cost(weights)
    int8 = Answers.read(folds, "int8")
    pictures = reports / weights.stem
    parts = [
        about(meta),
        _bars(folds, spent, small=meta.get("size") == "small"),
        *(_folds(folds, corpus) for corpus in _TITLES),
        _recalls(int8),
        _strangers(folds),
        _calibration(int8, reader),
        _speakers(int8),
        _curve(curve, pictures),
        _cost(reader, spent),
        LIMITS,
    ]
    sure, right = confidence(int8)
    groups = [(name, int8.corpus == corpus) for corpus, name in (("ravdess", "RAVDESS"), ("nemo", "nEMO"))]
    plots.confusion(int8.of("ravdess"), pictures / "confusion.png")
    plots.speakers([int8.of(corpus) for corpus in _TITLES], pictures / "speakers.png")
    plots.reliability([(name, sure[own], right[own]) for name, own in groups], pictures / "reliability.png")
    plots.risk(sure, right, reader.unclear_below, pictures / "risk.png")
    text = "\n".join(part for part in parts if part)
    (reports / f"{weights.stem}.md").write_text(text.replace("PLOTS/", f"{weights.stem}/"), encoding="utf-8")


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _bars(folds: Path, spent: Cost, *, small: bool) -> str:
    """The figures that were asked for, each beside its bar."""
    int8 = Answers.read(folds, "int8")
    ravdess = mean_recall(int8.of("ravdess"))
    sure, right = confidence(int8)
    ms, size = (1.2, 2.5e6) if small else (2.0, 5e6)
    plain = mean_recall(Answers.read(folds, "float").of("ravdess"))
    rows = [
        _bar("RAVDESS, 8 emotions, UA", ravdess, 0.77, at_least=True),
        _bar("int8 below float, RAVDESS UA", plain - ravdess, 0.005),
    ]
    if Answers.any(folds, "teacher"):
        same = mean_recall(Answers.read(folds, "int8", beside="teacher").of("nemo"))
        behind = mean_recall(Answers.read(folds, "teacher").of("nemo")) - same
        rows.append(_bar("nEMO below the teacher's head, UA", behind, 0.05))
    noisy = mean_recall(Answers.read(folds, "noisy"))
    rows += [
        _bar("RAVDESS lost to ESC-50 noise at 10 dB, UA", ravdess - noisy, 0.06),
        _bar("expected calibration error, strangers of both corpora", calibration_error(sure, right), 0.05),
    ]
    for corpus in _TITLES:
        own = int8.corpus == corpus
        rows.append(_bar(f"the same, {corpus} alone", calibration_error(sure[own], right[own]), 0.05))
    for corpus in ("nemo", "ravdess"):
        try:
            student, other = (Answers.read(folds, kind, [corpus], "teacher").common() for kind in ("int8", "teacher"))
        except WorkError:
            rows += [[f"trained without {corpus}, {what}", "not run", f"≥ {bar:g}", "no"] for what, bar in _STRANGERS]
            continue
        above = mean_recall(student) - mean_recall(other)
        for (what, bar), value in zip(_STRANGERS, (above, recall_of(student, "neutral")), strict=True):
            rows.append(_bar(f"trained without {corpus}, {what}", value, bar, at_least=True))
    rows += [
        _bar("bytes", spent.size, size),
        _bar("CPU ms a second of speech, windows of 3 s", spent.ms / 3, ms),
        _bar("CPU ms a second of speech, 15 s", spent.long_ms, ms),
        _bar("MB of memory that loading adds", spent.mb, 20.0),
    ]
    return "## Bars\n\n" + _table(["measure", "value", "bar", "holds"], rows)


def _bar(name: str, value: float, bar: float, *, at_least: bool = False) -> list[str]:
    digits = 0 if bar > 1000 else 3
    sign, holds = ("≥", value >= bar) if at_least else ("≤", value <= bar)
    return [name, f"{value:.{digits}f}", f"{sign} {bar:g}" if digits else f"{sign} {bar:.0f}", "yes" if holds else "no"]


def _folds(folds: Path, corpus: str) -> str:
    asked = [kind for kind in _KINDS if (kind, corpus) != ("noisy", "nemo") and Answers.any(folds, kind)]
    kinds = {kind: by_fold(Answers.read(folds, kind).of(corpus)) for kind in asked}
    columns = [[score[0] for score in kinds["int8"]], [score[2] for score in kinds["int8"]]]
    recalls = [[score[1] for score in scores] for scores in kinds.values()]
    rows = [
        [str(fold), *(f"{ua[place]:.3f}" for ua in recalls), f"{columns[1][place]:.3f}"]
        for place, fold in enumerate(columns[0])
    ]
    means = [f"{np.mean(ua):.3f}" for ua in recalls]
    rows.append(["**mean**", f"**{means[0]}**", *means[1:], f"{np.mean(np.array(columns[1], float)):.3f}"])
    header = ["fold", *(_KINDS[kind] for kind in kinds)]
    return f"### {_TITLES[corpus]}\n\n" + _table([*header, "WA int8"], rows)


def _recalls(answers: Answers) -> str:
    rows = []
    for corpus in _TITLES:
        own = answers.of(corpus)
        named = own.named()
        recall = [
            f"{np.mean(named[own.truth == e] == e):.2f}" if np.any(own.truth == e) else "" for e in range(len(EMOTIONS))
        ]
        rows.append([corpus, *recall])
    picture = "![Which emotion was named for which, RAVDESS](PLOTS/confusion.png)\n"
    return "### Recall by emotion\n\n" + _table(["corpus", *EMOTIONS], rows) + "\n" + picture


def _strangers(folds: Path) -> str:
    """What is left in a corpus that nothing was learned from: another language, studio and way of acting."""
    rows = []
    for corpus in ("nemo", "ravdess"):
        for kind, who in (("int8", "student, int8"), ("teacher", "teacher's head")):
            try:
                own = Answers.read(folds, kind, [corpus], "teacher").common()
            except WorkError:
                rows.append([f"without {corpus}", who, "not run", *[""] * len(COMMON)])
                continue
            recall = [f"{recall_of(own, EMOTIONS[e]):.2f}" for e in COMMON]
            rows.append([f"without {corpus}", who, f"{mean_recall(own):.3f}", *recall])
    header = ["trained", "who", "UA", *(EMOTIONS[e] for e in COMMON)]
    return "## A corpus that it never heard, the six emotions that RAVDESS and nEMO share\n\n" + _table(header, rows)


def _calibration(answers: Answers, reader: SpeechReader) -> str:
    sure, right = confidence(answers)
    everyone = np.ones(len(right), bool)
    errors = [
        [name, f"{calibration_error(sure[chosen], right[chosen]):.3f}"]
        for name, chosen in (
            ("RAVDESS", answers.corpus == "ravdess"),
            ("nEMO", answers.corpus == "nemo"),
            ("both", everyone),
        )
    ]
    raw = shares(answers.logits, 1.0)
    raw_right = answers.rights()[np.arange(len(raw)), raw.argmax(axis=1)]
    errors.append(["both, without a temperature", f"{calibration_error(raw.max(axis=1), raw_right):.3f}"])
    kept = [
        [f"{threshold:.2f}", f"{share:.3f}", f"{accuracy:.3f}"]
        for threshold, share, accuracy in coverage(sure, right, [0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    ]
    return (
        "## Calibration, on held-out speakers, all eight emotions allowed\n\n"
        + _table(["corpus", "expected calibration error, 15 bins"], errors)
        + "\n![Reliability](PLOTS/reliability.png) ![Risk and coverage](PLOTS/risk.png)\n\n"
        + "Risk and coverage, when readings below a confidence are withheld:\n\n"
        + _table(["withheld below", "share that stays", "right of those"], kept)
        + f"\nThe file that ships has temperature {reader.temperature:.3f} and says `unclear` below "
        + f"{reader.unclear_below:.2f}: of the readings below that at most two in five were right.\n"
    )


def _speakers(answers: Answers) -> str:
    rows = []
    for corpus in _TITLES:
        each = by_speaker(answers.of(corpus))
        middle = float(np.median([score for score, _ in each]))
        rows.append([corpus, str(len(each)), f"{each[0][0]:.2f} ({each[0][1]})", f"{middle:.2f}", f"{each[-1][0]:.2f}"])
    header = ["corpus", "speakers", "UA of the worst", "median", "best"]
    return "## Speakers are not alike\n\n" + _table(header, rows) + "\n![UA of each speaker](PLOTS/speakers.png)\n"


def _curve(curve: Mapping[str, Path], pictures: Path) -> str:
    """What size buys: every size that was trained without the speakers of the same folds."""
    points = []
    for size, folds in curve.items():
        files = [folds / fold / "speech.tflite" for fold in CURVE]
        if all((file.parent / "answers.json").is_file() for file in files):
            own = Answers.read(folds, "int8", CURVE)
            points.append((size, files[0], mean_recall(own.of("ravdess")), mean_recall(own.of("nemo"))))
    if len(points) < 2:
        return ""
    drawn = [
        (size, file.stat().st_size / 1e6, milliseconds(Model(file), 3, 150), ua, other)
        for size, file, ua, other in points
    ]
    plots.curve([point[:4] for point in drawn], pictures / "curve.png")
    rows = [
        [size, " + ".join(map(str, SIZES[size].hidden)), f"{mb:.2f}", f"{ms:.1f}", f"{ua:.3f}", f"{other:.3f}"]
        for size, mb, ms, ua, other in drawn
    ]
    header = ["size", "units of its blocks", "MB", "ms a window of 3 s", "UA RAVDESS", "UA nEMO"]
    return (
        "## What size buys, folds 1, 3 and 5, int8\n\n"
        + _table(header, rows)
        + "\n![Score against size and time](PLOTS/curve.png)\n"
    )


def _cost(reader: SpeechReader, spent: Cost) -> str:
    rows = [
        ["file", reader.name],
        ["bytes", str(spent.size)],
        ["CPU ms for 3 s, front end included, one x86 thread (best of 150)", f"{spent.ms:.1f}"],
        ["MB of memory that loading and reading add", f"{spent.mb:.1f}"],
    ]
    return "## Cost\n\n" + _table(["", ""], rows) + _MACHINES
