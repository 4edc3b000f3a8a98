"""The tracks that the gate's net learns from: made once, 250 a file, and read back by kind."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from edge.gate.features import Floats
from moments.errors import UserError
from training.gate.bank import Bank
from training.gate.mix import Kind, Mixer
from training.kept import whole

log = logging.getLogger(__name__)

PER_FILE: Final = 250
FILES: Final = {
    "train": {
        "near-others": 12, "near-nemo": 6, "far-others": 3, "far-nemo": 1, "babble-others": 6, "babble-nemo": 1,
        "events": 2, "noise": 24, "near-spoken": 20, "far-spoken": 3, "babble-spoken": 5,
    },
    "test": {"near-others": 3, "near-nemo": 2, "far-others": 1, "babble-others": 1, "events": 1, "noise": 3},
}  # fmt: skip
"""Files by part and kind. Voices of nEMO stand apart from the others, so that a fit can leave the corpus out."""
_APART: Final = ("nemo", "spoken")
"""Corpora whose voices have files of their own; those of all others are together."""

_VARIED: Final = 0.25
"""Voices to learn from differ more in pitch and pace than those to measure with: there are more than were recorded."""


@dataclass(frozen=True)
class Tracks:
    """Tracks of one kind: `power` float32 [n, FRAMES, 40], not its log, `on` bool [n, FRAMES], `known` bool [n]."""

    power: Floats
    on: NDArray[np.bool_]
    known: NDArray[np.bool_]


def make(bank: Bank, part: str, folder: Path) -> None:
    """Make the tracks of a part in its folder under `folder`; goes on where it stopped."""
    speech: dict[str, dict[str, list[NDArray[np.int16]]]] = {name: {} for name in (*_APART, "others")}
    for speaker, utterances in bank.speech.items():
        corpus = speaker.partition("/")[0]
        speech[corpus if corpus in _APART else "others"][speaker] = utterances
    mixers = {name: Mixer(replace(bank, speech=own), _VARIED) for name, own in speech.items()}
    for number, (name, files) in enumerate(FILES[part].items()):
        kind, _, voices = name.partition("-")
        for file in range(files):
            path = _path(folder, part, name, file)
            if path.exists():
                continue
            begun, seed = time.monotonic(), (number * 100 + file) * PER_FILE
            mixer = mixers[voices or "others"]
            made = [mixer.track(cast("Kind", kind), seed + i) for i in range(PER_FILE)]
            with whole(path) as partial:
                np.savez(
                    partial,
                    mel=np.stack([track.mel for track in made]),
                    on=np.stack([track.on for track in made]),
                    known=np.array([track.known for track in made]),
                )
            log.info("tracks made", extra={"file": path.name, "seconds": round(time.monotonic() - begun)})


def read(folder: Path, parts: Sequence[str], leave_out: str | None = None) -> dict[Kind, Tracks]:
    """Read what `make` made of some parts; `leave_out` names voices that shall not be heard ("nemo").

    Raises UserError where a file is missing: a net that was fitted to some of them would not be told from one of all.
    """
    found: dict[Kind, list[Path]] = {kind: [] for kind in ("near", "far", "babble", "events", "noise")}
    for part in parts:
        for name, files in FILES[part].items():
            kind, _, voices = name.partition("-")
            if voices != leave_out:
                found[cast("Kind", kind)] += [_path(folder, part, name, file) for file in range(files)]
    missing = [path for paths in found.values() for path in paths if not path.is_file()]
    if missing:
        part = "all" if "test" in parts else "train"
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UserError(f"tracks are missing: {missing[0]}{more}; run `moodscape train gate mix --part {part}` first")
    return {kind: _together(sorted(paths)) for kind, paths in found.items()}


def _path(folder: Path, part: str, name: str, file: int) -> Path:
    return folder / part / f"{name}-{file:02}.npz"


def _together(paths: list[Path]) -> Tracks:
    files = [np.load(path) for path in paths]
    mel, on, known = (np.concatenate([file[key] for file in files]) for key in ("mel", "on", "known"))
    return Tracks(np.exp(mel, dtype=np.float32), on, known)
