"""The speech student: frozen first blocks of a large encoder, a trained head, one int8 file.

Each step keeps what it made and is skipped where it is there, so a run that was stopped goes on.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edge.models.interpreter import Model
from edge.models.speech import windows
from moments import EMOTIONS
from training.augment import Rooms
from training.corpora import Utterance, read, utterances
from training.quantise import save, to_int8
from training.speech.plain.features import features, pair
from training.speech.plain.head import Head, Part, Recipe, answers, train_head
from training.speech.plain.trunk import Trunk, load
from training.speech.recipe import NOISE_DB, int8_logits
from training.speech.teachers.smart_turn import FILE
from training.speech.workshop import NOISE_FOLD

log = logging.getLogger(__name__)

BLOCKS: Final = 2
FOLDS: Final = tuple(range(1, 10))
"""Fold k holds out the actors of RAVDESS' fold k (k up to 6) and the k-th speaker of nEMO."""
LEARNED: Final = ("ravdess", "nemo")
"""The corpora that a head learns from."""
CALIBRATION_WINDOWS: Final = 96


class Student(nn.Module):
    """Trunk and head as one: log-mel [b, 300, 80] to logits [b, 8]."""

    def __init__(self, trunk: Trunk, head: Head) -> None:
        super().__init__()
        self.trunk, self.head = trunk, head

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Hear and name."""
        logits: torch.Tensor = self.head(pair(self.trunk(mel)))
        return logits


@dataclass(frozen=True)
class Workshop:
    """Where things are: corpora, teachers, and the cache that features and folds are kept in."""

    data: Path
    teachers: Path
    cache: Path
    corpora: tuple[str, ...] = LEARNED

    def trunk(self) -> Trunk:
        """The frozen trunk."""
        return load(self.teachers / FILE, BLOCKS)

    def folds(self, recipe: Recipe) -> Path:
        """Where the results of folds are kept; other recipes and corpora have other folders."""
        digest = hashlib.sha256(repr((recipe, self.corpora)).encode()).hexdigest()
        return self.cache / f"plain-{digest[:8]}"


def parts(shop: Workshop) -> list[Part]:
    """Features of all corpora, made now where they are not there yet."""
    trunk = shop.trunk()
    made = []
    for corpus in shop.corpora:
        items = utterances(shop.data, [corpus])
        heard = features(trunk, items, shop.cache / f"plain-{BLOCKS}" / corpus)
        made.append(Part(heard, items, np.ones(len(items), bool)))
    return made


def held_out(part: Part, fold: int) -> NDArray[np.bool_]:
    """Which utterances a fold holds out: bool [items]."""
    return np.array([item.fold == fold for item in part.items])


def run_fold(shop: Workshop, fold: int, recipe: Recipe) -> None:
    """Train without a fold's speakers, quantise, and answer them with the float head and with the int8 file."""
    folder = shop.folds(recipe) / str(fold)
    if (folder / "answers.json").is_file():
        log.info("fold is there", extra={"fold": fold})
        return
    folder.mkdir(parents=True, exist_ok=True)
    everyone = parts(shop)
    train = [Part(part.features, part.items, ~held_out(part, fold)) for part in everyone]
    head = kept_head(folder, train, recipe, fold)
    file = quantised(shop.trunk(), head, train)
    (folder / "speech.tflite").write_bytes(file)
    model = Model(folder / "speech.tflite")
    noises = Rooms.of_esc50(shop.data, folds=(NOISE_FOLD,))
    rows: list[dict[str, Any]] = []
    for part in everyone:
        test = Part(part.features, part.items, held_out(part, fold))
        if not test.used.any():
            continue
        floats = answers(head, test)
        for item, plain in zip((part.items[i] for i in np.flatnonzero(test.used)), floats, strict=True):
            rows.append(row(item, plain, int8_logits(model, read(item.path))))
            if item.corpus == "ravdess":
                noisy = noises.mix(read(item.path), NOISE_DB, np.random.default_rng(len(rows)))
                rows[-1]["noisy"] = [round(float(value), 3) for value in int8_logits(model, noisy)]
    (folder / "answers.json").write_text(json.dumps(rows), encoding="utf-8")
    log.info("fold done", extra={"fold": fold, "utterances": len(rows)})


def kept_head(folder: Path, train: Sequence[Part], recipe: Recipe, seed: int) -> Head:
    """The head in `folder`, trained now when it is not there."""
    if (folder / "head.pt").is_file():
        head = Head(BLOCKS + 1, recipe.channels)
        head.load_state_dict(torch.load(folder / "head.pt"))
        return head.eval()
    head = train_head(train, recipe, seed)
    torch.save(head.state_dict(), folder / "head.pt")
    return head


def row(item: Utterance, plain: NDArray[np.float32], int8: NDArray[np.float32]) -> dict[str, Any]:
    """One utterance's answers, as they are kept."""
    return {
        "corpus": item.corpus,
        "speaker": item.speaker,
        "emotion": item.emotion,
        "float": [round(float(value), 3) for value in plain],
        "int8": [round(float(value), 3) for value in int8],
    }


def quantised(trunk: Trunk, head: Head, train: Sequence[Part]) -> bytes:
    """Make the int8 file, its ranges set by windows of utterances that were trained on."""
    rng = np.random.default_rng(0)
    pool = [item for part in train for item in np.array(part.items, object)[part.used]]
    chosen = [pool[i] for i in rng.permutation(len(pool))[:CALIBRATION_WINDOWS]]
    calibration = [(torch.from_numpy(windows(read(item.path))[:1]),) for item in chosen]
    return to_int8(Student(trunk, head), calibration[0], calibration)


def whole(shop: Workshop, recipe: Recipe) -> Path:
    """Train on all speakers with the recipe that earned the folds' scores: the int8 file, kept in the cache."""
    folder = shop.folds(recipe) / "whole"
    if not (folder / "speech.tflite").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        everyone = parts(shop)
        file = quantised(shop.trunk(), kept_head(folder, everyone, recipe, 0), everyone)
        (folder / "speech.tflite").write_bytes(file)
    return folder / "speech.tflite"


def ship(shop: Workshop, recipe: Recipe, meta: dict[str, Any], out: Path) -> None:
    """Write the weights that ship, with `meta` in their sidecar."""
    file = whole(shop, recipe).read_bytes()
    save(out, file, name="speech-1", labels=EMOTIONS, meta=meta, span=(0.0, 2.0))
    log.info("written", extra={"file": str(out), "bytes": len(file)})
