"""Log-mels of utterances as they are and as they sound elsewhere, kept on disk: what a whole student is trained on."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.models.frontend import centred_power, whisper_mel
from edge.models.speech import WINDOW_FRAMES
from edge.sound import RATE
from training.augment import Rooms
from training.corpora import Utterance, read
from training.kept import whole
from training.speech.trunk import BANDS

log = logging.getLogger(__name__)

_WINDOW_SAMPLES: Final = WINDOW_FRAMES * RATE // 100
_ACROSS: Final = np.linspace(-1, 1, BANDS, dtype=np.float32)
_SHAPES: Final = np.stack(
    [_ACROSS, *(0.5 * wave for wave in (np.cos(np.pi * _ACROSS), np.sin(np.pi * _ACROSS), np.cos(2 * np.pi * _ACROSS)))]
)
"""How microphones and places differ in what they let through: by a slope over the bands, and by waves."""


@dataclass(frozen=True)
class Mels:
    """Utterances one after another: float16 [n, 80]; that at `place` is number `ids[place]` of its corpus."""

    frames: NDArray[np.float16]
    begins: NDArray[np.int64]
    ids: NDArray[np.int64]

    def crop(self, place: int, rng: np.random.Generator) -> NDArray[np.float16]:
        """Cut a window out of an utterance, anywhere: [300, 80]."""
        begin, end = int(self.begins[place]), int(self.begins[place + 1])
        spare = end - begin - WINDOW_FRAMES
        at = begin + (int(rng.integers(0, spare)) if spare > 1 else 0)
        return self.frames[at : at + WINDOW_FRAMES]


def mels(
    items: Sequence[Utterance], file: Path, view: int = 0, every: int = 1, rooms: Callable[[], Rooms] | None = None
) -> Mels:
    """Give the log-mels of one corpus, kept in `file`: as it is, or with `rooms` one in `every` utterances elsewhere.

    `rooms` are asked for when the file is missing; another `view` is at other places.
    """
    if not file.is_file():
        place = rooms() if rooms else None
        ids = np.arange(view % every, len(items), every)
        heard = []
        for number in ids:
            sound = read(items[number].path)
            if place is not None:
                sound = place.put(sound, 1_000_000 * view + int(number))
            padded = np.pad(sound, (max(0, _WINDOW_SAMPLES - len(sound)), 0))
            heard.append(whisper_mel(centred_power(padded)).astype(np.float16))
        begins = np.concatenate([[0], np.cumsum([len(mel) for mel in heard])])
        with whole(file) as begun:
            np.savez(begun, frames=np.concatenate(heard), begins=begins, ids=ids)
        log.info("heard", extra={"view": file.stem, "utterances": len(ids)})
    with np.load(file) as kept:
        return Mels(kept["frames"], kept["begins"], kept["ids"])


def bent(mel: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Stretch the bands of one log-mel [t, 80]: as a vocal tract of another length would (VTLP, Jaitly 2013)."""
    places = np.clip(np.arange(BANDS) * factor, 0, BANDS - 1)
    low = places.astype(int)
    share = (places - low).astype(np.float32)
    result: NDArray[np.float32] = mel[:, low] * (1 - share) + mel[:, np.minimum(low + 1, BANDS - 1)] * share
    return result


def coloured(amount: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw what another microphone adds to each band of a log-mel: [80].

    `amount`: the standard deviation of its slope at the outermost bands; 0.1 is 4 dB.
    """
    drawn: NDArray[np.float32] = np.float32(amount) * rng.normal(size=len(_SHAPES)).astype(np.float32) @ _SHAPES
    return drawn


def masked(mel: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Hide two spans of time and two of bands behind the mean, in place (SpecAugment, arXiv 1904.08779)."""
    mean = mel.mean()
    for _ in range(2):
        width = int(rng.integers(0, 31))
        begin = int(rng.integers(0, len(mel) - width))
        mel[begin : begin + width] = mean
        width = int(rng.integers(0, 9))
        begin = int(rng.integers(0, BANDS - width))
        mel[:, begin : begin + width] = mean
