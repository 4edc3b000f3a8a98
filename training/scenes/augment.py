"""Many hearings of each clip: shifted in time, louder or softer, coloured, and mixed with another of the same fold.

A hearing is kept as the embedding that the untouched teacher makes of it, so that fitting a head takes seconds.
Clips are mixed within a fold only: what learns from four folds has never heard the fifth.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from edge.models.frontend import LogMel
from training.kept import whole
from training.scenes.data import Clips
from training.scenes.net import Tagger

log = logging.getLogger(__name__)

HEARINGS: Final = 8
"""How often each clip is heard in other conditions, beside once as it is."""


@dataclass(frozen=True)
class Heard:
    """What one corpus became: [h, n] or [h, n, 384] for h hearings of n clips; hearing 0 is the clip as it is.

    `embedding`: float32. `partner`, `share`: the clip that was mixed in and how much of the label is the first's
    (1: not mixed).
    """

    embedding: NDArray[np.float32]
    partner: NDArray[np.int64]
    share: NDArray[np.float32]


def _power(mel: LogMel) -> NDArray[np.float32]:
    power: NDArray[np.float32] = np.maximum(np.exp(5.0 * mel - 4.5) - 1e-5, 0).astype(np.float32)
    return power


def _mel(power: NDArray[np.float32]) -> LogMel:
    mel: LogMel = ((np.log(power + 1e-5) + 4.5) / 5.0).astype(np.float32)
    return mel


def _condition(power: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Another moment, distance and microphone: roll in time, gain of +-12 dB, a smooth colour of +-6 dB."""
    rolled = np.roll(power, int(random.integers(len(power))), axis=0)
    knots = random.uniform(-6, 6, 5)
    colour = np.interp(np.linspace(0, 4, power.shape[1]), np.arange(5), knots)
    gain = random.uniform(-12, 12)
    conditioned: NDArray[np.float32] = (rolled * 10 ** ((colour + gain) / 10)).astype(np.float32)
    return conditioned


def _hearing(clips: Clips, row: int, partner: int, share: float, random: np.random.Generator) -> LogMel:
    power = _condition(_power(clips.floats(slice(row, row + 1))[0]), random)
    if share < 1:
        other = _condition(_power(clips.floats(slice(partner, partner + 1))[0]), random)
        level = power.mean() / max(float(other.mean()), 1e-9)
        power = share**2 * power + (1 - share) ** 2 * np.float32(level) * other
    return _mel(power)


def hear(tagger: Tagger, clips: Clips, stored: Path) -> Heard:
    """Make the hearings of a corpus with the untouched teacher, or read them where they are stored."""
    if not stored.exists():
        random = np.random.default_rng(4)
        count = len(clips.label)
        partner = np.tile(np.arange(count), (HEARINGS + 1, 1))
        share = np.ones((HEARINGS + 1, count), np.float32)
        embedding = []
        for hearing in range(HEARINGS + 1):
            log.info("hearing %d of %d", hearing, HEARINGS)
            if hearing:
                for fold in np.unique(clips.fold):
                    rows = np.flatnonzero(clips.fold == fold)
                    partner[hearing, rows] = random.permutation(rows)
                mixed = random.random(count) < 0.6
                share[hearing, mixed] = random.uniform(0.5, 1.0, int(mixed.sum()))
            for start in range(0, count, 40):
                rows = np.arange(start, min(start + 40, count))
                mel = clips.floats(rows)
                if hearing:
                    mel = np.stack(
                        [_hearing(clips, r, partner[hearing, r], float(share[hearing, r]), random) for r in rows]
                    )
                with torch.no_grad():
                    embedding.append(tagger.embed(torch.from_numpy(mel)).numpy())
        with whole(stored) as part:
            np.savez(
                part,
                embedding=np.concatenate(embedding).reshape(HEARINGS + 1, count, -1),
                partner=partner,
                share=share,
            )
    with np.load(stored) as file:
        return Heard(file["embedding"], file["partner"], file["share"])
