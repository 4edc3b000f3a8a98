"""Recordings to train and measure with: what the manifests of a data folder list, in our own words.

A data folder has one folder a corpus; each has a `manifest.tsv` (tab separated, with a header row) whose `path` is
relative to it. Labels of emotions differ by corpus and are mapped to `moments.EMOTIONS` here and nowhere else.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
import soxr

from edge.sound import RATE, Samples
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
    """List the utterances of some corpora in the order of their manifests. Raises UserError without a manifest."""
    return [utterance for corpus in corpora for utterance in _utterances(data, corpus)]


def sounds(data: Path, corpus: str) -> list[Sound]:
    """List the recordings of "esc50", "ambience" or "nonverbal". Raises UserError without a manifest."""
    return [
        Sound(
            corpus=corpus,
            path=data / corpus / row["path"],
            label=row["label"],
            group=row.get("group") or None,
            fold=int(row["fold"]) if row.get("fold") else None,
            seconds=float(row["seconds"]),
        )
        for row in _rows(data, corpus)
    ]


def read(path: Path, rate: int = RATE) -> Samples:
    """Read a recording whole as mono float32 [n] in [-1, 1] at `rate` Hz."""
    samples, own_rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    if own_rate != rate:
        mono = soxr.resample(mono, own_rate, rate)
    return np.ascontiguousarray(mono, np.float32)


def _utterances(data: Path, corpus: str) -> Iterator[Utterance]:
    rows = list(_rows(data, corpus))
    speakers = sorted({row["speaker"] for row in rows})
    for row in rows:
        fold: int | None = None
        if row.get("fold"):
            fold = int(row["fold"])
        elif corpus == "nemo":
            fold = 1 + speakers.index(row["speaker"])
        yield Utterance(
            corpus=corpus,
            path=data / corpus / row["path"],
            emotion=_OURS.get(row["emotion"], row["emotion"]),
            speaker=f"{corpus}/{row['speaker'] or 'unknown'}",
            fold=fold,
            seconds=float(row["seconds"]),
        )


def _rows(data: Path, corpus: str) -> Iterator[dict[str, str]]:
    manifest = data / corpus / "manifest.tsv"
    if not manifest.is_file():
        raise UserError(f"{manifest} is missing; name the folder that holds the corpora with --data")
    with manifest.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        wanted = ("path", "emotion", "speaker", "seconds") if corpus in SPEECH else ("path", "label", "seconds")
        if missing := sorted(set(wanted) - set(rows.fieldnames or ())):
            raise UserError(f"{manifest} has no column {missing[0]!r}; give {', '.join(wanted)}, tab separated")
        yield from rows
