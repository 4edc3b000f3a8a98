"""Where everything is, and what the students of all folds are made from."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from edge.models.speech import windows
from moments import EMOTIONS
from training.augment import Rooms
from training.corpora import Utterance, read, sounds, utterances
from training.kept import digest, digest_listed
from training.speech.lesson import Lesson
from training.speech.mels import Mels, mels
from training.speech.probe import Probe, balanced, fit_probe
from training.speech.student import Size
from training.speech.targets import known, right
from training.speech.teachers import Teacher, open_teacher
from training.speech.teachers.heard import heard
from training.speech.teachers.smart_turn import FILE
from training.speech.trunk import HIDDEN, Trunk, load_trunk, narrowed
from training.speech.tune import Recipe

LEARNED: Final = ("ravdess", "nemo", "tess", "turev")
"""The corpora that are learned from. The last two have too few speakers to be asked about."""
_TOLD: Final = {"nemo": 4, "tess": 4, "turev": 4}
"""Of corpora that say the same over and over, the teacher hears one utterance in so many: it takes long."""
VIEWS: Final = {"ravdess": (1, 1, 1), "nemo": (1, 3), "tess": (1, 4), "turev": (1, 4)}
"""The views of a corpus: as it is, then elsewhere; each has one in so many of its utterances."""
NOISE_FOLD: Final = 5
"""The fold of ESC-50 whose sounds no training mixes in."""
_CROSS: Final = 2
"""The teacher's soft labels of an utterance come from a head that did not hear its speaker: one of so many."""
_NARROWING: Final = ("tess", "turev")
"""The corpora that say which units of the trunk matter, without their labels: none of their speakers is asked about."""
_NARROWING_WINDOWS: Final = 96

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
    which: str

    @cached_property
    def teacher(self) -> Teacher:
        """Who is learned from."""
        return open_teacher(self.which, self.teachers)

    @cached_property
    def trunk(self) -> Trunk:
        """The first blocks of the encoder that the student begins with, as narrow as it has them."""
        whole = load_trunk(self.teachers / FILE, len(self.size.hidden))
        if set(self.size.hidden) == {HIDDEN}:
            return whole
        items = utterances(self.data, _NARROWING)
        step = max(1, len(items) // _NARROWING_WINDOWS)
        mel = np.concatenate([windows(read(item.path))[:1] for item in items[::step]])
        return narrowed(whole, self.size.hidden, torch.from_numpy(mel))

    @cached_property
    def unheard(self) -> list[Lesson]:
        """The corpora that are learned from, without views; what a teacher would say is NaN."""
        made = []
        for corpus in LEARNED:
            items = utterances(self.data, [corpus])
            used, nothing = np.ones(len(items), bool), np.full((len(items), 1), np.nan, np.float32)
            soft = np.repeat(nothing, len(EMOTIONS), axis=1)
            made.append(Lesson(items, [], used, right(items), known(items), soft, nothing))
        return made

    @cached_property
    def lessons(self) -> list[Lesson]:
        """The same with the views, which are made where they are missing."""
        return [replace(lesson, views=list(self._views(lesson.items))) for lesson in self.unheard]

    @cached_property
    def rooms(self) -> Rooms:
        """Where voices are heard elsewhere."""
        return Rooms.of_esc50(self.data)

    def _views(self, items: Sequence[Utterance]) -> Iterator[Mels]:
        corpus, heard_of = items[0].corpus, digest(item.path for item in items)
        for number, every in enumerate(VIEWS[corpus]):
            file = self.cache / "mels" / f"{corpus}-{number}-{every}-{heard_of}.npz"
            yield mels(items, file, number, every, (lambda: self.rooms) if number else None)

    @cached_property
    def noises(self) -> Rooms:
        """What is mixed in where answers in noise are asked for: sounds that no training heard."""
        return Rooms.of_esc50(self.data, folds=(NOISE_FOLD,))

    @cached_property
    def heard(self) -> list[NDArray[np.float16]]:
        """What the teacher hears in each corpus, of one utterance in `told`."""
        return [heard(self.teacher, lesson.items[:: told(lesson)], self.cache) for lesson in self.unheard]

    @cached_property
    def _listed(self) -> str:
        return digest_listed([*utterances(self.data, LEARNED), *sounds(self.data, "esc50")])

    def folds(self, recipe: Recipe) -> Path:
        """Where results are kept; another recipe, teacher or size has another folder, and so have other recordings."""
        made_of = hashlib.sha256(repr((recipe, self.size, VIEWS, self._listed)).encode()).hexdigest()
        return self.cache / f"{self.size.name}-{self.teacher.key}-{made_of[:8]}"


def held_out(items: Sequence[Utterance], holdout: str) -> NDArray[np.bool_]:
    """Which utterances a holdout keeps from the training: bool [items]. "whole" keeps none."""
    return np.array([holdout in {str(item.fold), item.corpus} for item in items])


def told(lesson: Lesson) -> int:
    """Of a corpus the teacher hears one utterance in so many."""
    return _TOLD.get(lesson.corpus, 1)


def left(lessons: Sequence[Lesson], holdout: str) -> list[Lesson]:
    """Give what a holdout leaves of lessons."""
    parts = [replace(lesson, used=~held_out(lesson.items, holdout)) for lesson in lessons]
    return [lesson for lesson in parts if lesson.used.any()]


def taught(shop: Workshop, holdout: str) -> list[Lesson]:
    """Give the lessons that a holdout leaves, with what the teacher says of them.

    Its soft labels come from a head of each corpus, and are answers about speakers that the answering head did not
    hear, so that they are as unsure as the teacher is of strangers. Its features are those of one head of all. Where it
    says nothing, both are NaN.
    """
    pairs = [pair for pair in _parts(shop, holdout) if pair[0].used.any()]
    joint = _probe(pairs, [lesson.used for lesson, _ in pairs])
    lessons = []
    for lesson, (part, pooled) in zip(shop.lessons, _parts(shop, holdout), strict=True):
        if not part.used.any():
            continue
        group = _groups(part)
        vector = joint.vector(pooled).numpy()
        soft = np.zeros((len(part.items), len(part.known)), np.float32)
        for number in range(_CROSS):
            probe = _probe([(part, pooled)], [part.used & (group != number)])
            soft[group == number] = probe.logits(pooled[group == number]).numpy()
        used = ~held_out(lesson.items, holdout)
        lessons.append(replace(lesson, used=used, soft=_spread(soft, lesson), vector=_spread(vector, lesson)))
    return lessons


def teacher_answers(shop: Workshop, holdout: str, corpus: str) -> NDArray[np.float32]:
    """Let the teacher answer what a holdout keeps of a corpus: logits float32 [kept, 8], NaN where it is not asked.

    Its head is fitted on the other speakers of that corpus, and where the whole corpus is kept on all the others.
    """
    own = [lesson.corpus for lesson in shop.unheard].index(corpus)
    kept = held_out(shop.unheard[own].items, holdout)
    pairs = [pair for pair in _parts(shop, holdout) if pair[0].used.any() and (kept.all() or pair[0].corpus == corpus)]
    probe = _probe(pairs, [part.used for part, _ in pairs])
    return _spread(probe.logits(shop.heard[own]).numpy(), shop.unheard[own])[kept]


def _parts(shop: Workshop, holdout: str) -> list[tuple[Lesson, NDArray[np.float16]]]:
    """Of each lesson the part that the teacher hears, with what a holdout leaves as used, and what it hears."""
    parts = []
    for lesson, pooled in zip(shop.unheard, shop.heard, strict=True):
        step = slice(None, None, told(lesson))
        items = lesson.items[step]
        used = ~held_out(items, holdout)
        parts.append((replace(lesson, items=items, views=[], used=used, right=lesson.right[step]), pooled))
    return parts


def _spread(values: NDArray[np.float32], lesson: Lesson) -> NDArray[np.float32]:
    """Put what the teacher says at the utterances that it heard: [told, n] to [items, n], NaN elsewhere."""
    spread = np.full((len(lesson.items), values.shape[1]), np.nan, np.float32)
    spread[:: told(lesson)] = values
    return spread


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
