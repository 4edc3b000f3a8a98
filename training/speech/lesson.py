"""What one corpus teaches a student."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from training.corpora import Utterance
from training.speech.mels import Mels
from training.speech.probe import balanced


@dataclass(frozen=True)
class Lesson:
    """The utterances of a corpus in several views, which of them are used, and the targets of each.

    `views[0]` is the corpus as it is; another may have a part of its utterances alone. `right`, `known`: see `targets`,
    [n, 8] and [8]. `soft` [n, 8]: the teacher's logits; `vector` [n, width]: its features; NaN where it says nothing.
    """

    items: Sequence[Utterance]
    views: Sequence[Mels]
    used: NDArray[np.bool_]
    right: NDArray[np.bool_]
    known: NDArray[np.bool_]
    soft: NDArray[np.float32]
    vector: NDArray[np.float32]

    @property
    def corpus(self) -> str:
        """Its name."""
        return self.items[0].corpus

    @cached_property
    def weights(self) -> NDArray[np.float32]:
        """Weights [n] that make its labels count alike; their mean over the used is one."""
        own = balanced([self.right[self.used]])
        weights = np.zeros(len(self.items), np.float32)
        weights[self.used] = own * len(own)
        return weights

    def draw(self, plain: int, elsewhere: int, rng: np.random.Generator) -> list[tuple[int, int]]:
        """Draw so many used utterances as they are and so many from the other views: (view, place) each."""
        chosen = [(0, int(place)) for place in rng.permutation(np.flatnonzero(self.used))[:plain]]
        others = [
            (number, int(place))
            for number, view in enumerate(self.views)
            if number
            for place in np.flatnonzero(self.used[view.ids])
        ]
        return chosen + [others[place] for place in rng.permutation(len(others))[:elsewhere]]
