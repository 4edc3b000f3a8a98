"""Where everything is, and what the students of all folds are made from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.augment import Rooms
from training.corpora import SPEECH, Utterance, utterances
from training.speech.probe import Probe, balanced, fit_probe
from training.speech.student import Size
from training.speech.targets import known, right
from training.speech.teachers import Teacher, open_teacher
from training.speech.teachers.heard import heard
from training.speech.teachers.smart_turn import FILE
from training.speech.trunk import POSITIONS, Front, Last, load_trunk
from training.speech.tune import Lesson, Recipe
from training.speech.views import View, deeper
from training.speech.views import heard as heard_view

VIEWS: Final = {"ravdess": 2, "nemo": 2, "tess": 2, "turev": 2}
"""How many times a corpus is heard: once as it is, the others somewhere else."""
_EVERY: Final = {"nemo": 4, "tess": 8, "turev": 8}
"""One utterance in so many is heard: these say the same sentences or words over and over."""
NOISE_FOLD: Final = 5
"""The fold of ESC-50 whose sounds no training mixes in."""
_CROSS: Final = 2
"""The teacher's soft labels of an utterance come from a head that did not hear its speaker: one of so many."""

HOLDOUTS: Final = (*(str(fold) for fold in range(1, 10)), "ravdess", "nemo")
"""What a student may be trained without: a fold (the actors of RAVDESS' fold k, up to 6, and the k-th speaker of nEMO),
or a corpus."""


@dataclass(frozen=True)
class Workshop:
    """Corpora, teachers and the cache that everything is kept in; which teacher and which size of student."""

    data: Path
    teachers: Path
    cache: Path
    size: Size
    which: str = "smart-turn"

    @cached_property
    def teacher(self) -> Teacher:
        """Who is learned from."""
        return open_teacher(self.which, self.teachers)

    @cached_property
    def trunk(self) -> tuple[Front, Last]:
        """What the student begins with."""
        return load_trunk(self.teachers / FILE, self.size.blocks, POSITIONS)

    @cached_property
    def lessons(self) -> list[Lesson]:
        """All corpora, without soft labels yet; the views are made now where they are missing."""
        rooms = Rooms.of_esc50(self.data)
        made = []
        for corpus in SPEECH:
            items = utterances(self.data, [corpus])[:: _EVERY.get(corpus, 1)]
            seen = [self._view(items, number, rooms) for number in range(VIEWS[corpus])]
            nothing = np.zeros((len(items), 0), np.float32)
            made.append(Lesson(items, seen, np.ones(len(items), bool), right(items), known(items), nothing, nothing))
        return made

    def _view(self, items: Sequence[Utterance], number: int, rooms: Rooms) -> View:
        """Hear a corpus somewhere, and on through each block of the front."""
        convolutions = Front(0)
        convolutions.load_state_dict(self.trunk[0].state_dict(), strict=False)
        folder = f"{items[0].corpus}-{number}"
        view = heard_view(convolutions, items, self.cache / "front-0" / folder, rooms if number else None, number)
        for depth, block in enumerate(self.trunk[0].blocks, start=1):
            view = deeper(block, view, self.cache / f"front-{depth}" / folder)
        return view

    @cached_property
    def noises(self) -> Rooms:
        """What is mixed in where answers in noise are asked for: sounds that no training heard."""
        return Rooms.of_esc50(self.data, folds=(NOISE_FOLD,))

    @cached_property
    def heard(self) -> list[NDArray[np.float16]]:
        """What the teacher hears in each corpus."""
        return [heard(self.teacher, lesson.items, self.cache) for lesson in self.lessons]

    def folds(self, recipe: Recipe) -> Path:
        """Where results are kept; another recipe, teacher or size has another folder."""
        digest = hashlib.sha256(repr((recipe, self.size, VIEWS)).encode()).hexdigest()
        return self.cache / f"{self.size.name}-{self.teacher.key}-{digest[:8]}"


def held_out(items: Sequence[Utterance], holdout: str) -> NDArray[np.bool_]:
    """Which utterances a holdout keeps from the training: bool [items]. "whole" keeps none."""
    return np.array([holdout in {str(item.fold), item.corpus} for item in items])


def taught(shop: Workshop, holdout: str) -> list[Lesson]:
    """Give the lessons that a holdout leaves, with what the teacher says of them.

    Its soft labels come from a head of each corpus, and are answers about speakers that the answering head did not
    hear, so that they are as unsure as the teacher is of strangers. Its features are those of one head of all.
    """
    pairs = _left(shop, holdout)
    joint = _probe(pairs, [lesson.used for lesson, _ in pairs])
    lessons = []
    for lesson, pooled in pairs:
        group = _groups(lesson)
        soft = np.zeros((len(lesson.items), len(lesson.known)), np.float32)
        for number in range(_CROSS):
            probe = _probe([(lesson, pooled)], [lesson.used & (group != number)])
            soft[group == number] = probe.logits(pooled[group == number]).numpy()
        lessons.append(replace(lesson, soft=soft, vector=joint.vector(pooled).numpy()))
    return lessons


def teacher_answers(shop: Workshop, holdout: str, corpus: str) -> NDArray[np.float32]:
    """Let the teacher answer what a holdout keeps of a corpus: logits float32 [kept, 8].

    Its head is fitted on the other speakers of that corpus, and where the whole corpus is kept on all the others.
    """
    own = [lesson.corpus for lesson in shop.lessons].index(corpus)
    asked = held_out(shop.lessons[own].items, holdout)
    pairs = [pair for pair in _left(shop, holdout) if asked.all() or pair[0].corpus == corpus]
    logits: NDArray[np.float32] = (
        _probe(pairs, [lesson.used for lesson, _ in pairs]).logits(shop.heard[own][asked]).numpy()
    )
    return logits


def _left(shop: Workshop, holdout: str) -> list[tuple[Lesson, NDArray[np.float16]]]:
    """The lessons that a holdout leaves, each with what the teacher hears."""
    pairs = [
        (replace(lesson, used=~held_out(lesson.items, holdout)), pooled)
        for lesson, pooled in zip(shop.lessons, shop.heard, strict=True)
    ]
    return [(lesson, pooled) for lesson, pooled in pairs if lesson.used.any()]


def _groups(lesson: Lesson) -> NDArray[np.int64]:
    """Deal the speakers that are left of a corpus into groups; where there is one, utterances by turns."""
    left = sorted({item.speaker for item, used in zip(lesson.items, lesson.used, strict=True) if used})
    if len(left) == 1:
        return np.arange(len(lesson.items)) % _CROSS
    return np.array([left.index(item.speaker) % _CROSS if item.speaker in left else 0 for item in lesson.items])


def _probe(pairs: Sequence[tuple[Lesson, NDArray[np.float16]]], used: Sequence[NDArray[np.bool_]]) -> Probe:
    chosen = [(lesson, pooled, own) for (lesson, pooled), own in zip(pairs, used, strict=True) if own.any()]
    return fit_probe(
        np.concatenate([pooled[own] for _, pooled, own in chosen]),
        np.concatenate([lesson.right[own] for lesson, _, own in chosen]),
        np.concatenate([np.tile(lesson.known, (int(own.sum()), 1)) for lesson, _, own in chosen]),
        balanced([lesson.right[own] for lesson, _, own in chosen]),
    )
