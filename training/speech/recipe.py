"""A student for each holdout: trained, quantised, and asked about the speakers that it was kept from.

Each step keeps what it made and is skipped where it is there, so a run that was stopped goes on.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from edge.models.interpreter import Model
from edge.models.speech import windows
from edge.sound import Samples
from moments import EMOTIONS
from training.corpora import Utterance, read
from training.quantise import save, to_int8
from training.speech.student import Head, Student
from training.speech.tune import Lesson, Recipe, answers, train_head
from training.speech.workshop import Workshop, held_out, left, taught, teacher_answers

log = logging.getLogger(__name__)

CALIBRATION_WINDOWS: Final = 64
NOISE_DB: Final = 10.0
"""Of speech to noise, where answers in noise are asked for."""


def run_holdout(shop: Workshop, holdout: str, recipe: Recipe) -> None:
    """Train without some speakers, quantise, and let float student, int8 file and teacher answer them."""
    folder = shop.folds(recipe) / holdout
    if (folder / "answers.json").is_file():
        log.info("holdout is there", extra={"holdout": holdout})
        return
    folder.mkdir(parents=True, exist_ok=True)
    lessons = _lessons(shop, holdout, recipe)
    head = kept_head(shop, folder, lessons, recipe, holdout)
    (folder / "speech.tflite").write_bytes(quantised(shop, head, lessons))
    model = Model(folder / "speech.tflite")
    rows: list[dict[str, Any]] = []
    for lesson in shop.lessons:
        asked = held_out(lesson.items, holdout)
        if not asked.any():
            continue
        floats = answers(head, lesson.views[0], asked)
        teachers = teacher_answers(shop, holdout, lesson.corpus)
        for place, plain, teacher in zip(np.flatnonzero(asked), floats, teachers, strict=True):
            item = lesson.items[place]
            speech = read(item.path)
            row = _row(item, int8=int8_logits(model, speech), float=plain)
            if np.isfinite(teacher).all():
                row |= {"teacher": _rounded(teacher)}
            if item.corpus == holdout or item.corpus != "ravdess":
                rows.append(row)
                continue
            noisy = shop.noises.mix(speech, NOISE_DB, np.random.default_rng(int(place)))
            rows.append(row | {"noisy": _rounded(int8_logits(model, noisy))})
    (folder / "answers.json").write_text(json.dumps(rows), encoding="utf-8")
    log.info("holdout done", extra={"holdout": holdout, "utterances": len(rows)})


def kept_head(shop: Workshop, folder: Path, lessons: Sequence[Lesson], recipe: Recipe, holdout: str) -> Head:
    """The head in `folder`, trained now when it is not there."""
    if (folder / "head.pt").is_file():
        head = Head(shop.size)
        head.load_state_dict(torch.load(folder / "head.pt"))
        return head.eval()
    log.info("training", extra={"without": holdout, "size": shop.size.name})
    head = train_head(shop.size, lessons, recipe)
    torch.save(head.state_dict(), folder / "head.pt")
    return head


def quantised(shop: Workshop, head: Head, lessons: Sequence[Lesson]) -> bytes:
    """Make the int8 file, its ranges set by windows of utterances that were trained on."""
    rng = np.random.default_rng(0)
    pool = [item for lesson in lessons for item in np.array(lesson.items, object)[lesson.used]]
    chosen = [pool[i] for i in rng.permutation(len(pool))[:CALIBRATION_WINDOWS]]
    calibration = [(torch.from_numpy(windows(read(item.path))[:1]),) for item in chosen]
    return to_int8(Student(shop.trunk, head), calibration[0], calibration)


def int8_logits(model: Model, speech: Samples) -> NDArray[np.float32]:
    """Answer an utterance as the device does: float32 [8], the mean over its windows."""
    mean: NDArray[np.float32] = np.mean([model(window[None])[0][0] for window in windows(speech)], axis=0)
    return mean


def whole(shop: Workshop, recipe: Recipe) -> Path:
    """Train on all speakers with the recipe that earned the folds' scores: the int8 file, kept in the cache."""
    folder = shop.folds(recipe) / "whole"
    if not (folder / "speech.tflite").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        lessons = _lessons(shop, "whole", recipe)
        head = kept_head(shop, folder, lessons, recipe, "nobody")
        (folder / "speech.tflite").write_bytes(quantised(shop, head, lessons))
    return folder / "speech.tflite"


def ship(shop: Workshop, recipe: Recipe, meta: dict[str, Any], out: Path) -> None:
    """Write the weights that ship, with `meta` and the teacher's name in their sidecar."""
    file = whole(shop, recipe).read_bytes()
    name = "speech-2" if shop.size.name == "standard" else f"speech-{shop.size.name}-1"
    about = {"teacher": shop.teacher.name, "which": shop.which, "distilled": recipe.distils, **asdict(shop.size)}
    about["size"] = about.pop("name")
    out.parent.mkdir(parents=True, exist_ok=True)
    save(out, file, name=name, labels=EMOTIONS, meta=about | meta, span=(0.0, 2.0))
    log.info("written", extra={"file": str(out), "bytes": len(file)})


def _lessons(shop: Workshop, holdout: str, recipe: Recipe) -> list[Lesson]:
    return taught(shop, holdout) if recipe.distils else left(shop, holdout)


def _row(item: Utterance, **logits: NDArray[np.float32]) -> dict[str, Any]:
    """One utterance's answers, as they are kept."""
    row = {"corpus": item.corpus, "speaker": item.speaker, "emotion": item.emotion}
    return row | {kind: _rounded(values) for kind, values in logits.items()}


def _rounded(values: NDArray[np.float32]) -> list[float]:
    return [round(float(value), 3) for value in values]
