"""The sound that the scene net learns from, as the log-mel that the device makes; cached, since it is read often."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.models.frontend import LogMel, centred_power, kaldi_mel
from edge.sound import RATE, Samples
from training import corpora
from training.kept import digest, whole

log = logging.getLogger(__name__)

WINDOW: Final = 5 * RATE
"""Samples of one window of surroundings."""

_STEP: Final = 1 / 4096
"""One step of the cached log-mel: far below one of the int8 input, and int16 then spans -8 to 8."""


@dataclass(frozen=True)
class Clips:
    """Windows of one corpus. `mel`: int16 [n, 501, 128]; `label`, `fold` (0: none), `path`: one a window."""

    mel: NDArray[np.int16]
    label: NDArray[np.str_]
    fold: NDArray[np.int64]
    path: NDArray[np.str_]

    def floats(self, rows: NDArray[np.int64] | slice) -> LogMel:
        """Give the log-mel of some windows, float32 [m, 501, 128]."""
        mel: LogMel = self.mel[rows].astype(np.float32) * np.float32(_STEP)
        return mel


def windows(samples: Samples, step_s: float) -> list[Samples]:
    """Cut sound into whole windows of 5 s every `step_s`; sound that is shorter is repeated, as the reader does."""
    starts = range(0, max(1, len(samples) - WINDOW + 1), int(step_s * RATE))
    return [np.resize(samples[start : start + WINDOW], WINDOW) for start in starts]


def mel_of(samples: Samples) -> LogMel:
    """Give the log-mel of one window: [80000] to [501, 128]."""
    return kaldi_mel(centred_power(samples))


def load(data: Path, corpus: str, cache: Path) -> Clips:
    """Give a corpus of `training.corpora.sounds` in windows, from the cache where it is there.

    An ESC-50 clip is one window; longer recordings are cut every 5 s.
    """
    sounds = corpora.sounds(data, corpus)
    stored = cache / f"mel-{corpus}-{digest(sound.path for sound in sounds)}.npz"
    if not stored.exists():
        mels, owners = [], []
        for index, sound in enumerate(sounds):
            if index % 200 == 0:
                log.info("hearing %s: %d of %d", corpus, index, len(sounds))
            cut = windows(corpora.read(sound.path), 5.0)
            for window in cut[:1] if corpus == "esc50" else cut:
                mels.append(np.rint(mel_of(window) / _STEP).astype(np.int16))
                owners.append(index)
        with whole(stored) as part:
            np.savez(part, mel=np.stack(mels), owner=np.array(owners))
    with np.load(stored) as file:
        mel, owner = file["mel"], file["owner"]
    return Clips(
        mel=mel,
        label=np.array([sounds[i].label for i in owner]),
        fold=np.array([sounds[i].fold or 0 for i in owner]),
        path=np.array([str(sounds[i].path.relative_to(data)) for i in owner]),
    )
