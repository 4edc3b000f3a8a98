"""Reads the emotion in a voice."""

from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from edge.models.frontend import FRAMES_PER_SECOND, centred_power, whisper_mel
from edge.models.interpreter import WEIGHTS, BrokenWeights, Model
from edge.sound import RATE, Samples
from moments import EMOTIONS

WINDOW_FRAMES: Final = 3 * FRAMES_PER_SECOND
_WINDOW_SAMPLES: Final = 3 * RATE

Windows = NDArray[np.float32]


def window_count(length: int) -> int:
    """How many windows `windows` gives for speech of so many samples."""
    return max(1, -(-length // _WINDOW_SAMPLES))


def windows(samples: Samples) -> Windows:
    """Cut speech into what the model reads: float32 [n] at 16 kHz, n >= 1, to log-mel [k, 300, 80], k >= 1.

    Speech shorter than 3 s stands at the end of one window, zeros before it, as the encoder learned it. Longer speech
    gives as few windows as reach from its begin to its end without a gap, evenly spaced.
    """
    padded = np.pad(samples, (_WINDOW_SAMPLES - len(samples), 0)) if len(samples) < _WINDOW_SAMPLES else samples
    mel = whisper_mel(centred_power(padded))
    begins = np.rint(np.linspace(0, len(mel) - 1 - WINDOW_FRAMES, window_count(len(samples)))).astype(int)
    return np.stack([mel[begin : begin + WINDOW_FRAMES] for begin in begins])


class SpeechReader:
    """The speech model: a distribution over the eight emotions for one utterance."""

    def __init__(self, model: Model) -> None:
        """Take an opened model whose `meta` has `temperature` and `unclear_below`."""
        self._model = model
        self.name = model.name
        self.temperature = float(model.meta["temperature"])
        self.unclear_below = float(model.meta["unclear_below"])

    @classmethod
    def load(cls, path: Path = WEIGHTS / "speech.tflite") -> Self:
        """Open the weights that ship, or others. Raises BrokenWeights."""
        model = Model.load(path)
        if model.labels != EMOTIONS or not {"temperature", "unclear_below"} <= model.meta.keys():
            raise BrokenWeights(path, "it is not a speech model of this version")
        return cls(model)

    def logits(self, samples: Samples) -> NDArray[np.float32]:
        """Give the model's answer before calibration: float32 [n], n >= 1, to float32 [8], the mean of its windows."""
        answers = [self._model(window[None])[0][0] for window in windows(samples)]
        mean: NDArray[np.float32] = np.mean(answers, axis=0, dtype=np.float32)
        return mean

    def read(self, samples: Samples) -> dict[str, float]:
        """Give the share of each emotion: float32 [n] at 16 kHz, n >= 1, to shares that sum to one.

        A share is calibrated: of readings with a share of 0.7, seven in ten are right on voices like those of the
        model card (temperature scaling, Guo et al. 2017, arXiv 1706.04599).
        """
        scaled = self.logits(samples).astype(np.float64) / self.temperature
        shares = np.exp(scaled - scaled.max())
        shares /= shares.sum()
        return dict(zip(EMOTIONS, (float(share) for share in shares), strict=True))
