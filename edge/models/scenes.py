"""Reads the scene of a window of surroundings: what the model hears, put together by the table of scenes.

The model gives ESC-50's 50 classes as one softmax (which of these is it?) and AudioSet's labels as a sigmoid each (is
this in it?). Each is a witness of its own, so a scene is as likely as that at least one of them is right (noisy-or):

- ESC-50: the sum over the scene's classes;
- AudioSet: the likeliest label of each group, the geometric mean over the groups.

Where every group of a scene of several is heard, as voices and crockery in a café, it goes before the scenes that its
labels make by themselves: it explains all of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from edge.models.frontend import centred_power, kaldi_mel
from edge.models.interpreter import WEIGHTS, BrokenWeights, Model
from edge.models.scene_table import UNCLEAR, table
from edge.sound import RATE, Samples

WINDOW: Final = 5 * RATE
"""Samples of one reading: 5 s."""

_SHORTEST: Final = 3 * RATE // 10
"""Samples of which a scene can be heard: a scrap that is repeated up to 5 s sounds like a tone, such as a siren's."""

LIKELY: Final = 0.3
"""The probability of the likeliest scene below which the surroundings are `unclear`."""

_HEARD: Final = 0.1
"""The probability from which a group's label counts as heard: what is soft beside other sounds is seldom likelier."""

Logits = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SceneReading:
    """What a window of surroundings is.

    `shares`: every scene of the table and `unclear`, in [0, 1], sum 1; `unclear` has what the likeliest scene leaves.
    `label`, `group`: the likeliest scene, or `unclear` for both when none is likely. `confidence`: the probability of
    the likeliest, in [0, 1], also when unclear.
    """

    shares: dict[str, float]
    label: str
    group: str
    confidence: float


class Scenes:
    """Puts a model's labels together into scenes; `labels` are "esc50:NAME" and "audioset:NAME", as it gives them."""

    def __init__(self, labels: Sequence[str]) -> None:
        """Raises KeyError for a label of the table that the model does not have."""
        self._esc50_count = sum(label.startswith("esc50:") for label in labels)
        where = {label: index for index, label in enumerate(labels)}
        self._belongs = np.zeros((self._esc50_count, len(table())))
        """Which of ESC-50's classes belong to which scene."""
        groups = [group for row in table() for group in row.audioset]
        self._members = [where[f"audioset:{label}"] - self._esc50_count for group in groups for label in group]
        self._group_begins = _begins([len(group) for group in groups])
        self._row_begins = _begins([len(row.audioset) for row in table()])
        self._root = np.array([1 / len(row.audioset) for row in table()])
        self._made_of = [(scene, _parts(scene)) for scene, row in enumerate(table()) if len(row.audioset) > 1]
        for scene, row in enumerate(table()):
            self._belongs[[where[f"esc50:{label}"] for label in row.esc50], scene] = 1.0

    def probabilities(self, outputs: Iterable[Logits]) -> NDArray[np.float64]:
        """Give each scene's probability, float64 [n, scenes] in [0, 1], from ESC-50's and AudioSet's logits [n, …].

        The two may come in either order. More than one scene may be likely: a row need not sum to 1.
        """
        esc50, audioset = sorted(outputs, key=lambda output: output.shape[-1] != self._esc50_count)
        classes = np.exp(esc50 - esc50.max(axis=-1, keepdims=True), dtype=np.float64)
        classes /= classes.sum(axis=-1, keepdims=True)
        heard = 1 / (1 + np.exp(-audioset.astype(np.float64)))
        group = np.maximum.reduceat(heard[:, self._members], self._group_begins, axis=-1)
        likeliest = np.multiply.reduceat(group, self._row_begins, axis=-1) ** self._root
        both = 1 - (1 - classes @ self._belongs) * (1 - likeliest)
        scenes: NDArray[np.float64] = np.clip(both, 0, 1)
        softest = np.minimum.reduceat(group, self._row_begins, axis=-1)
        for scene, parts in self._made_of:
            best = np.nextafter(scenes[:, [scene, *parts]].max(axis=-1), 1)
            scenes[:, scene] = np.where(softest[:, scene] >= _HEARD, best, scenes[:, scene])
        return scenes

    def reading(self, outputs: Iterable[Logits]) -> SceneReading:
        """Give the reading of one window from the model's outputs, [1, …] each."""
        probabilities = self.probabilities(outputs)[0]
        best = int(probabilities.argmax())
        confidence = float(probabilities[best])
        row = table()[best]
        scale = confidence / max(float(probabilities.sum()), 1e-12)
        shares = {other.label: float(p) * scale for other, p in zip(table(), probabilities, strict=True)}
        shares[UNCLEAR] = max(0.0, 1.0 - sum(shares.values()))
        likely = confidence >= LIKELY
        return SceneReading(
            shares=shares,
            label=row.label if likely else UNCLEAR,
            group=row.group if likely else UNCLEAR,
            confidence=confidence,
        )


def _parts(scene: int) -> list[int]:
    """Find the scenes of one group that a label of this scene of several makes by itself."""
    labels = {label for group in table()[scene].audioset for label in group}
    return [n for n, row in enumerate(table()) if len(row.audioset) == 1 and labels & set(row.audioset[0])]


def _begins(lengths: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)[:-1]])


class SceneReader:
    """The scene model with its front end. `name`: of the weights, "scene-1@HASH"."""

    def __init__(self, model: Model) -> None:
        """Raises KeyError for a model that lacks a label of the table."""
        self._model = model
        self._scenes = Scenes(model.labels)
        self.name = model.name

    @classmethod
    def load(cls, path: Path = WEIGHTS / "scenes.tflite") -> Self:
        """Open the weights that ship. Raises BrokenWeights."""
        try:
            return cls(Model.load(path))
        except KeyError as error:
            raise BrokenWeights(path, f"it does not know {error}, which the table of scenes names") from error

    def read(self, samples: Samples) -> SceneReading:
        """Read one window: float32 [n], 16 kHz, up to 5 s; a shorter one is repeated, of a longer one the end counts.

        One below 0.3 s is unclear, with a confidence of 0. Raises ValueError for no samples at all.
        """
        if not len(samples):
            raise ValueError("there is no sound to read")
        if len(samples) < _SHORTEST:
            return SceneReading({row.label: 0.0 for row in table()} | {UNCLEAR: 1.0}, UNCLEAR, UNCLEAR, 0.0)
        window = samples[-WINDOW:] if len(samples) >= WINDOW else np.resize(samples, WINDOW)
        mel = kaldi_mel(centred_power(window))
        return self._scenes.reading(self._model(mel[None]))
