"""What the scene model's files get right: ESC-50's classes, the project's scenes, the groups of longer ambiences."""

import csv
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.models.interpreter import Model
from edge.models.scene_table import UNCLEAR, table
from edge.models.scenes import LIKELY, SceneReader, Scenes
from edge.sound import Samples
from training.scenes.data import Clips, mel_of
from training.scenes.pack import Outputs

_TRUTH: Final = Path(__file__).with_name("ambience.tsv")

LABELS: Final = tuple(row.label for row in table())
GROUPS: Final = np.array([row.group for row in table()])


@dataclass(frozen=True)
class FoldScore:
    """One held-out fold. Shares in [0, 1]; `truth`, `said`: ESC-50's classes; `scene`, `told`: the scenes."""

    float_accuracy: float
    int8_accuracy: float
    top1: float
    top3: float
    unclear: float
    truth: list[str]
    said: list[str]
    scene: list[str]
    told: list[str]


def scene_of() -> dict[str, int]:
    """Give the index of the scene that each of ESC-50's classes belongs to."""
    return {label: index for index, row in enumerate(table()) for label in row.esc50}


def fold_score(
    classes: list[str], scenes: Scenes, truth: NDArray[np.int64], plain: Outputs, quantised: Outputs
) -> FoldScore:
    """Score one fold; `truth`: ESC-50's class of each clip, `plain` and `quantised`: what the two nets answered."""
    said = quantised[0].argmax(axis=1)
    probabilities = scenes.probabilities(quantised)
    order = np.argsort(-probabilities, axis=1)
    scene = np.array([scene_of()[classes[index]] for index in truth])
    return FoldScore(
        float_accuracy=float((plain[0].argmax(axis=1) == truth).mean()),
        int8_accuracy=float((said == truth).mean()),
        top1=float((order[:, 0] == scene).mean()),
        top3=float((order[:, :3] == scene[:, None]).any(axis=1).mean()),
        unclear=float((probabilities.max(axis=1) < LIKELY).mean()),
        truth=[classes[index] for index in truth],
        said=[classes[index] for index in said],
        scene=[LABELS[index] for index in scene],
        told=[LABELS[index] for index in order[:, 0]],
    )


@dataclass(frozen=True)
class Ambience:
    """One longer recording: the groups it may be in, the share of its windows that are, what else was told."""

    label: str
    groups: str
    share: float
    told: list[tuple[str, int]]


def ambiences(scenes: Scenes, clips: Clips, outputs: Outputs) -> list[Ambience]:
    """Score the windows of each recording whose scene the table defines; an unclear window is a miss."""
    with _TRUTH.open(encoding="utf-8", newline="") as lines:
        truth = {row["label"]: row["groups"] for row in csv.DictReader(lines, delimiter="\t")}
    probabilities = scenes.probabilities(outputs)
    best = probabilities.argmax(axis=1)
    likely = probabilities.max(axis=1) >= LIKELY
    scored = []
    for label in dict.fromkeys(clips.label.tolist()):
        if not truth[label]:
            continue
        own = clips.label == label
        right = np.isin(GROUPS[best[own]], truth[label].split("; ")) & likely[own]
        told = Counter(
            LABELS[index] if sure else UNCLEAR for index, sure in zip(best[own], likely[own], strict=True)
        ).most_common(3)
        scored.append(Ambience(label, truth[label], float(right.mean()), told))
    return scored


def not_scored() -> list[tuple[str, str]]:
    """List the recordings that the table has no scene for, each with its reason."""
    with _TRUTH.open(encoding="utf-8", newline="") as lines:
        return [(row["label"], row["note"]) for row in csv.DictReader(lines, delimiter="\t") if not row["groups"]]


def kept(outputs: Outputs, teacher: NDArray[np.float32]) -> float:
    """Tell how far the teacher's own answers were kept: the correlation of the AudioSet logits with the teacher's."""
    return float(np.corrcoef(outputs[1].ravel(), teacher.ravel())[0, 1])


@dataclass(frozen=True)
class Cost:
    """CPU milliseconds for 5 s of sound on one thread, medians: the file alone, with front end, and YAMNet's file."""

    model: float
    whole: float
    yamnet: float


def cost(weights: Path, yamnet: Path, samples: Samples, rounds: int = 200) -> Cost:
    """Time the files in turn, so that all three see the same machine."""
    model, reader, peer = Model.load(weights), SceneReader.load(weights), Model(yamnet)
    mel = mel_of(samples)[None]
    patch = np.zeros(peer.shapes[0], np.float32)

    def five_seconds_of_yamnet() -> None:
        for _ in range(5):  # 5 patches of 0.96 s, without overlap
            peer(patch)

    timed: list[tuple[Callable[[], object], list[float]]] = [
        (lambda: model(mel), []),
        (lambda: reader.read(samples), []),
        (five_seconds_of_yamnet, []),
    ]
    for _ in range(rounds):
        for work, times in timed:
            begin = time.thread_time()
            work()
            times.append(time.thread_time() - begin)
    return Cost(*(1000 * float(np.median(times[10:])) for _, times in timed))
