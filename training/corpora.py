"""Recordings to train and measure with: what the manifests of a data folder list, in our own words.

A data folder has one folder a corpus; each has a `manifest.tsv` (tab separated, with a header row) whose `path` is
relative to it. Labels of emotions differ by corpus and are mapped to `moments.EMOTIONS` here and nowhere else.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
import soxr

from edge.sound import RATE, Samples
from moments import EMOTIONS
from moments.errors import UserError

SPEECH: Final = ("ravdess", "nemo", "tess", "turev")
"""Corpora of acted emotional speech. Only the first two tell speakers well enough for a score."""

_OURS: Final = {
    "angry": "anger",
    "fearful": "fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprised": "surprise",
}
"""Labels that a corpus spells in another way than we do."""

_FOLDS: Final = {"ravdess": 6, "esc50": 5}
"""The corpora whose manifests have to say which fold each recording belongs to, and how many there are."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One utterance of acted speech.

    `emotion` is one of `moments.EMOTIONS`. `speaker` is unique over all corpora ("nemo/EB0"). `fold` is the part that
    holds this speaker out: 1 to 6 for RAVDESS as its manifest says, 1 to 9 for nEMO (one speaker each), None for a
    corpus that is only trained on.
    """

    corpus: str
    path: Path
    emotion: str
    speaker: str
    fold: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Sound:
    """One recording of surroundings or of a voice without words. `group` and `fold` as the manifest says, or None."""

    corpus: str
    path: Path
    label: str
    group: str | None
    fold: int | None
    seconds: float


def utterances(data: Path, corpora: Sequence[str] = SPEECH) -> list[Utterance]:
    """List the utterances of some corpora in the order of their manifests.

    Raises UserError where a manifest is missing or wrong, or what it lists is not there.
    """
    return [utterance for corpus in corpora for utterance in _utterances(data, corpus)]


def sounds(data: Path, corpus: str) -> list[Sound]:
    """List the recordings of "esc50", "ambience", "nonverbal" or "spoken". Raises UserError as `utterances` does."""
    return [
        Sound(
            corpus=corpus,
            path=data / corpus / row["path"],
            label=row["label"],
            group=row.get("group") or None,
            fold=_fold(where, corpus, row),
            seconds=_seconds(where, row),
        )
        for where, row in _rows(data, corpus)
    ]


def read(path: Path, rate: int = RATE) -> Samples:
    """Read a recording whole as mono float32 [n] in [-1, 1] at `rate` Hz. Raises UserError where it is no sound."""
    mono, own_rate = read_as_recorded(path)
    if own_rate != rate:
        mono = soxr.resample(mono, own_rate, rate)
    return np.ascontiguousarray(mono, np.float32)


def read_as_recorded(path: Path) -> tuple[Samples, int]:
    """Read a recording whole as mono float32 [n] in [-1, 1], and its own rate in Hz. Raises UserError as `read`."""
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise UserError(f"{path} cannot be read as sound; put a whole recording there") from error
    return samples.mean(axis=1), rate


def _utterances(data: Path, corpus: str) -> Iterator[Utterance]:
    rows = list(_rows(data, corpus))
    speakers = sorted({row["speaker"] for _, row in rows})
    for where, row in rows:
        fold = _fold(where, corpus, row)
        if fold is None and corpus == "nemo":
            fold = 1 + speakers.index(row["speaker"])
        emotion = _OURS.get(row["emotion"], row["emotion"])
        if emotion not in EMOTIONS:
            raise UserError(f"{where}: emotion is {row['emotion']!r}; give one of {', '.join(EMOTIONS)}")
        yield Utterance(
            corpus=corpus,
            path=data / corpus / row["path"],
            emotion=emotion,
            speaker=f"{corpus}/{row['speaker'] or 'unknown'}",
            fold=fold,
            seconds=_seconds(where, row),
        )


def _fold(where: str, corpus: str, row: dict[str, str]) -> int | None:
    told, folds = row.get("fold", ""), _FOLDS.get(corpus)
    if not told and folds is None:
        return None
    if not told.isdecimal() or not 1 <= int(told) <= (folds or int(told)):
        raise UserError(f"{where}: fold is {told!r}; give " + (f"1 to {folds}" if folds else "a whole number from 1"))
    return int(told)


def _seconds(where: str, row: dict[str, str]) -> float:
    try:
        seconds = float(row["seconds"])
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise UserError(f"{where}: seconds is {row['seconds']!r}; give the length of the recording")
    return seconds


def _rows(data: Path, corpus: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Give each row of a manifest, and where it stands."""
    manifest = data / corpus / "manifest.tsv"
    if not manifest.is_file():
        raise UserError(f"{manifest} is missing; name the folder that holds the corpora with --data")
    wanted = ["path", "emotion", "speaker", "seconds"] if corpus in SPEECH else ["path", "label", "seconds"]
    wanted += ["fold"] * (corpus in _FOLDS)
    with manifest.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", restval="")
        if missing := sorted(set(wanted) - set(rows.fieldnames or ())):
            raise UserError(f"{manifest} has no column {missing[0]!r}; give {', '.join(wanted)}, tab separated")
        where = None
        for row in rows:
            where = f"{manifest}, line {rows.line_num}"
            if not (manifest.parent / row["path"]).is_file():
                raise UserError(f"{where}: {row['path']!r} is not there; put the recording there or take out the line")
            yield where, row
    if where is None:
        raise UserError(f"{manifest} lists no recording; give one a line")
