"""Large encoders that a student learns from: each in a file of its own, behind one small interface.

To add one, write a class with what `Teacher` asks for and give it a name in `open_teacher`.
"""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.sound import Samples
from moments.errors import UserError

Pooled = NDArray[np.float32]


class Teacher(Protocol):
    """A frozen encoder. `name` is what cards say of it, `key` names its folder in the cache."""

    name: str
    key: str

    def hear(self, samples: Samples) -> Pooled:
        """Give mean and standard deviation over time of each layer: float32 [n] at 16 kHz to [layers, 2 width]."""


def open_teacher(which: str, folder: Path) -> Teacher:
    """Open "smart-turn" (its file lies in `folder`) or "wavlm:NAME" (of Hugging Face, or a folder).

    Raises UserError for another name, or when it is not there.
    """
    kind, _, name = which.partition(":")
    if kind == "smart-turn" and not name:
        from training.speech.teachers.smart_turn import SmartTurn

        return SmartTurn(folder)
    if kind == "wavlm" and name:
        from training.speech.teachers.wavlm import WavLM

        return WavLM(name)
    raise UserError(f"--teacher {which}: give smart-turn or wavlm:NAME, with a folder or a name of Hugging Face")


def shown(which: str) -> str:
    """Give `which` as weights and cards tell it: of a folder its own name, not where it stands."""
    kind, _, name = which.partition(":")
    return f"{kind}:{Path(name).resolve().name}" if name and Path(name).is_dir() else which
