"""The speech student: the first blocks of a large encoder and a head, trained on together, one int8 file.

Each step keeps what it made and is skipped where it is there, so a run that was stopped goes on.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from edge.models.interpreter import Model
from edge.models.speech import windows
from edge.sound import Samples
from moments import EMOTIONS
from training.augment import Rooms
from training.corpora import Utterance, read, utterances
from training.quantise import save, to_int8
from training.speech.plain.features import features
from training.speech.plain.head import Head, Part, train_head
from training.speech.plain.head import Recipe as HeadRecipe
from training.speech.plain.mels import mels
from training.speech.plain.student import Student
from training.speech.plain.trunk import Trunk, load
from training.speech.plain.tune import Material, Tuning, tuned
from training.speech.recipe import NOISE_DB, int8_logits
from training.speech.teachers.smart_turn import FILE
from training.speech.workshop import HOLDOUTS, NOISE_FOLD, held_out, teacher_answers
from training.speech.workshop import Workshop as Teachers

log = logging.getLogger(__name__)

BLOCKS: Final = 2
LEARNED: Final = ("ravdess", "nemo")
"""The corpora that are learned from."""
CALIBRATION_WINDOWS: Final = 96


@dataclass(frozen=True)
class Recipe:
    """How a student is made: its head first, then all of it.

    `views`: of each corpus, one in so many of its utterances is heard in each other place.
    """

    head: HeadRecipe = field(default_factory=HeadRecipe)
    tuning: Tuning = field(default_factory=Tuning)
    views: tuple[tuple[str, tuple[int, ...]], ...] = (("ravdess", (1, 1)), ("nemo", (3,)))


@dataclass(frozen=True)
class Workshop:
    """Where things are: corpora, teachers, and the cache that features and folds are kept in."""

    data: Path
    teachers: Path
    cache: Path

    def trunk(self) -> Trunk:
        """The trunk, with the weights that it begins with."""
        return load(self.teachers / FILE, BLOCKS)

    def folds(self, recipe: Recipe) -> Path:
        """Where the results of holdouts are kept; another recipe has another folder."""
        digest = hashlib.sha256(repr(recipe).encode()).hexdigest()
        return self.cache / f"plain-{digest[:8]}"

    @cached_property
    def parts(self) -> list[Part]:
        """Features of all corpora, made where they are not there yet."""
        made = []
        for corpus in LEARNED:
            items = utterances(self.data, [corpus])
            heard = features(self.trunk(), items, self.cache / f"plain-{BLOCKS}" / corpus)
            made.append(Part(heard, items, np.ones(len(items), bool)))
        return made

    def material(self, part: Part, recipe: Recipe) -> Material:
        """Log-mels of one corpus in all its views, made where they are not there yet."""
        folder, rooms = self.cache / "mels", lambda: Rooms.of_esc50(self.data)
        views = [mels(part.items, folder / f"{part.corpus}-0-1.npz")]
        for number, every in enumerate(dict(recipe.views)[part.corpus], start=1):
            file = folder / f"{part.corpus}-{number}-{every}.npz"
            views.append(mels(part.items, file, number, every, rooms))
        return Material(part.items, part.used, views)


def run_holdout(shop: Workshop, beside: Teachers, holdout: str, recipe: Recipe) -> None:
    """Train without some speakers, quantise, and let float student, int8 file and a teacher `beside` answer them."""
    folder = shop.folds(recipe) / holdout
    if (folder / "answers.json").is_file():
        log.info("holdout is there", extra={"holdout": holdout})
        return
    folder.mkdir(parents=True, exist_ok=True)
    student, model = made(shop, folder, holdout, recipe), Model(folder / "speech.tflite")
    noises = Rooms.of_esc50(shop.data, folds=(NOISE_FOLD,))
    rows: list[dict[str, Any]] = []
    for part in shop.parts:
        asked = np.flatnonzero(held_out(part.items, holdout))
        if not len(asked):
            continue
        for place, teacher in zip(asked, teacher_answers(beside, holdout, part.corpus), strict=True):
            item = part.items[place]
            speech = read(item.path)
            logits = {"float": float_logits(student, speech), "int8": int8_logits(model, speech)}
            if np.isfinite(teacher).all():
                logits["teacher"] = teacher
            if item.corpus == "ravdess" and holdout != "ravdess":
                noisy = noises.mix(speech, NOISE_DB, np.random.default_rng(int(place)))
                logits["noisy"] = int8_logits(model, noisy)
            rows.append(row(item, **logits))
    (folder / "answers.json").write_text(json.dumps(rows), encoding="utf-8")
    log.info("holdout done", extra={"holdout": holdout, "utterances": len(rows)})


def made(shop: Workshop, folder: Path, holdout: str, recipe: Recipe) -> Student:
    """The student of a holdout ("whole" keeps no speaker) and its `speech.tflite` in `folder`, made if not there."""
    seed = ("whole", *HOLDOUTS).index(holdout)
    parts = [replace(part, used=~held_out(part.items, holdout)) for part in shop.parts]
    parts = [part for part in parts if part.used.any()]
    student = Student(shop.trunk(), Head(BLOCKS + 1, recipe.head.channels))
    if (folder / "student.pt").is_file():
        student.load_state_dict(torch.load(folder / "student.pt"))
    else:
        log.info("training", extra={"without": holdout})
        student.head = kept_head(folder, parts, recipe.head, seed)
        material = [shop.material(part, recipe) for part in parts]
        student = tuned(student, material, recipe.tuning, folder / "state.pt", seed)
        torch.save(student.state_dict(), folder / "student.pt")
        (folder / "state.pt").unlink()
    if not (folder / "speech.tflite").is_file():
        (folder / "speech.tflite").write_bytes(quantised(student, parts))
    return student.eval()


def kept_head(folder: Path, parts: Sequence[Part], recipe: HeadRecipe, seed: int) -> Head:
    """The head in `folder` that is fitted to the encoder as it was, trained when it is not there."""
    if (folder / "head.pt").is_file():
        head = Head(BLOCKS + 1, recipe.channels)
        head.load_state_dict(torch.load(folder / "head.pt"))
        return head
    head = train_head(parts, recipe, seed)
    torch.save(head.state_dict(), folder / "head.pt")
    return head


def row(item: Utterance, **logits: NDArray[np.float32]) -> dict[str, Any]:
    """One utterance's answers, as they are kept."""
    about = {"corpus": item.corpus, "speaker": item.speaker, "emotion": item.emotion}
    return about | {kind: [round(float(value), 3) for value in values] for kind, values in logits.items()}


@torch.no_grad()
def float_logits(student: Student, speech: Samples) -> NDArray[np.float32]:
    """Answer an utterance before it is quantised: float32 [8], the mean over its windows."""
    mean: NDArray[np.float32] = student(torch.from_numpy(windows(speech))).mean(dim=0).numpy()
    return mean


def quantised(student: Student, parts: Sequence[Part]) -> bytes:
    """Make the int8 file, its ranges set by windows of utterances that were trained on."""
    rng = np.random.default_rng(0)
    pool = [item for part in parts for item in np.array(part.items, object)[part.used]]
    chosen = [pool[i] for i in rng.permutation(len(pool))[:CALIBRATION_WINDOWS]]
    calibration = [(torch.from_numpy(windows(read(item.path))[:1]),) for item in chosen]
    return to_int8(student, calibration[0], calibration)


def ship(shop: Workshop, recipe: Recipe, meta: dict[str, Any], out: Path) -> None:
    """Write the weights that ship, trained on all speakers as the holdouts were, with `meta` in their sidecar."""
    folder = shop.folds(recipe) / "whole"
    folder.mkdir(parents=True, exist_ok=True)
    made(shop, folder, "whole", recipe)
    file = (folder / "speech.tflite").read_bytes()
    save(out, file, name="speech-1", labels=EMOTIONS, meta=meta, span=(0.0, 2.0))
    log.info("written", extra={"file": str(out), "bytes": len(file)})
