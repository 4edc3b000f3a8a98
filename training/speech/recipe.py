"""A student for each holdout: trained, quantised, and asked about the speakers that it was kept from.

Each step keeps what it made and is skipped where it is there, so a run that was stopped goes on.
"""

import json
import logging
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from edge.models.interpreter import Model
from edge.models.speech import windows
from edge.sound import Samples
from moments import EMOTIONS
from training.augment import telephone
from training.corpora import Utterance, read
from training.kept import whole
from training.quantise import save, to_int8
from training.rounding import rounded
from training.speech.lesson import Lesson
from training.speech.student import Head, Student
from training.speech.teachers import shown
from training.speech.tune import Recipe, trained
from training.speech.workshop import HOLDOUTS, Workshop, held_out, left, taught, teacher_answers

log = logging.getLogger(__name__)

CALIBRATION_WINDOWS: Final = 96
NOISE_DB: Final = 10.0
"""Of speech to noise, where answers in noise are asked for."""


def run_holdout(shop: Workshop, holdout: str, recipe: Recipe) -> None:
    """Train without some speakers, quantise, and let float student, int8 file and teacher answer them."""
    folder = shop.folds(recipe) / holdout
    if (folder / "answers.json").is_file():
        log.info("holdout is there", extra={"holdout": holdout})
        return
    student, model = made(shop, holdout, recipe), Model(folder / "speech.tflite")
    rows: list[dict[str, Any]] = []
    for lesson in shop.unheard:
        asked = np.flatnonzero(held_out(lesson.items, holdout))
        if not len(asked):
            continue
        for place, teacher in zip(asked, teacher_answers(shop, holdout, lesson.corpus), strict=True):
            item = lesson.items[place]
            speech = read(item.path)
            logits = {"float": float_logits(student, speech), "int8": int8_logits(model, speech)}
            if np.isfinite(teacher).all():
                logits["teacher"] = teacher
            if holdout != item.corpus:
                logits["phone"] = int8_logits(model, telephone(speech))
            if item.corpus == "ravdess" and holdout != "ravdess":
                noisy = shop.noises.mix(speech, NOISE_DB, np.random.default_rng(int(place)))
                logits["noisy"] = int8_logits(model, noisy)
            rows.append(_row(item, **logits))
    with whole(folder / "answers.json") as begun:
        begun.write_text(json.dumps(rows), encoding="utf-8")
    log.info("holdout done", extra={"holdout": holdout, "utterances": len(rows)})


def made(shop: Workshop, holdout: str, recipe: Recipe) -> Student:
    """The student of a holdout ("whole" keeps no speaker), and its `speech.tflite` in the cache; made if not there."""
    folder = shop.folds(recipe) / holdout
    folder.mkdir(parents=True, exist_ok=True)
    trunk, seed = deepcopy(shop.trunk), ("whole", *HOLDOUTS).index(holdout)
    torch.manual_seed(seed)  # for the weights that the head begins with
    student = Student(trunk, Head(shop.size))
    if not (folder / "student.pt").is_file():
        log.info("training", extra={"without": holdout, "size": shop.size.name})
        lessons = taught(shop, holdout) if recipe.distils else left(shop.lessons, holdout)
        weights = trained(student, lessons, recipe, folder / "state", seed).state_dict()
        with whole(folder / "student.pt") as begun:
            torch.save(weights, begun)
        rmtree(folder / "state", ignore_errors=True)
    student.load_state_dict(torch.load(folder / "student.pt"))
    if not (folder / "speech.tflite").is_file():
        file = quantised(student, left(shop.unheard, holdout))
        with whole(folder / "speech.tflite") as begun:
            begun.write_bytes(file)
    return student.eval().requires_grad_(requires_grad=False)


def quantised(student: Student, lessons: Sequence[Lesson]) -> bytes:
    """Make the int8 file, its steps and ranges set by windows of utterances that were trained on."""
    rng = np.random.default_rng(0)
    pool = [item for lesson in lessons for item in np.array(lesson.items, object)[lesson.used]]
    chosen = [pool[i] for i in rng.permutation(len(pool))[:CALIBRATION_WINDOWS]]
    calibration = [(torch.from_numpy(windows(read(item.path))[:1]),) for item in chosen]
    return to_int8(rounded(student, calibration), calibration[0], calibration)


@torch.no_grad()
def float_logits(student: Student, speech: Samples) -> NDArray[np.float32]:
    """Answer an utterance before it is quantised: float32 [8], the mean over its windows."""
    mean: NDArray[np.float32] = student(torch.from_numpy(windows(speech))).mean(dim=0).numpy()
    return mean


def int8_logits(model: Model, speech: Samples) -> NDArray[np.float32]:
    """Answer an utterance as the device does: float32 [8], the mean over its windows."""
    mean: NDArray[np.float32] = np.mean([model(window[None])[0][0] for window in windows(speech)], axis=0)
    return mean


def ship(shop: Workshop, recipe: Recipe, meta: dict[str, Any], out: Path) -> None:
    """Write the weights that ship, trained on all speakers as the holdouts were.

    Their sidecar has `meta`, the size, the teacher's name and what `origin` gives.
    """
    made(shop, "whole", recipe)
    file = (shop.folds(recipe) / "whole" / "speech.tflite").read_bytes()
    about = {"teacher": shop.teacher.name, **asdict(shop.size), **origin(shop, recipe)}
    del about["name"]
    out.parent.mkdir(parents=True, exist_ok=True)
    save(out, file, name=f"{out.stem}-2", labels=EMOTIONS, meta=about | meta, span=(0.0, 2.0))
    log.info("written", extra={"file": str(out), "bytes": len(file)})


def origin(shop: Workshop, recipe: Recipe) -> dict[str, Any]:
    """Tell weights and answers of one recipe, teacher, size and set of recordings from others; no path is in it.

    `results` alone does, the name of their folder in the cache; weights of before do not have it.
    """
    about = {"which": shown(shop.which), "distilled": recipe.distils, "size": shop.size.name}
    return about | {"results": shop.folds(recipe).name}


def _row(item: Utterance, **logits: NDArray[np.float32]) -> dict[str, Any]:
    """One utterance's answers, as they are kept."""
    about = {"corpus": item.corpus, "speaker": item.speaker, "emotion": item.emotion}
    return about | {kind: [round(float(value), 3) for value in values] for kind, values in logits.items()}
