"""Chooses the thresholds that a weights file recommends, on sounds that the net learned from and on no others."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.gate import detector as gate
from edge.gate.detector import Decision, Detector, Thresholds
from edge.gate.segmenter import Segmenter
from edge.models.interpreter import Sidecar
from edge.sound import RATE, Block, Samples
from training.gate.bank import Bank, floats
from training.gate.places import babble, near_in, share_found
from training.gate.route import Programme, programmes, routing
from training.gate.sounds import unit

log = logging.getLogger(__name__)

_PROGRAMMES: Final = 3
_SEED: Final = 40
_CLIPS: Final = 20
_SNR_DB: Final = 10
_EVERY: Final = 8
"""One in this many of the voices without words is tried."""
_LEVEL: Final = np.float32(0.05)
"""Their level: -26 dBFS."""
_SPEECH: Final = (0.7, 0.8, 0.9, 0.95)
_NEAR: Final = (0.4, 0.45, 0.5, 0.55, 0.6, 0.7)
_OFF: Final = (0.35, 0.5, 0.6, 0.7)
"""Where a voice begins, and where it ends as a share of that."""
_ROUTED: Final = 0.97
_EDGES_S: Final = 0.35
_TAKEN: Final = 0.08
_FOUND: Final = 0.95
_WORDLESS: Final = 0.05
"""What is wanted: this share of the seconds of programmes goes to the right reader, 0.15 s on both sides of each
start and end left out; nine of ten starts, and of ten ends, are this near to where they are (0.05 s less than is asked
for: those of voices that it never heard are that much further off); of any hubbub no more than this share becomes
speech (a fifth less than the 0.10 that is asked for), and of near speech in it at least this; of voices without words
no more than this share makes an utterance, since the scene reader reads most of them better. The thresholds win that
miss these least, and of those the ones that find most."""
START: Final = {"speech": {"on": 0.7, "off": 0.35}, "near": {"on": 0.6, "off": 0.3}}
"""What stands in the sidecar until it is tuned."""

Spans = list[tuple[float, float]]


@dataclass(frozen=True)
class Shares:
    """What thresholds come to.

    Shares of seconds: of programmes routed right (without those at starts and ends), of a hubbub taken, of near speech
    in one found. `edges_s`: below which 9 of 10 errors of the utterances' starts lie, or of their ends, whichever is
    more. `wordless`: the share of the voices without words that make an utterance.
    """

    right: float
    edges_s: float
    taken: float
    found: float
    wordless: float

    @property
    def rank(self) -> tuple[float, float]:
        """Orders thresholds: by how little is missing, then by what is found."""
        wrong = max(0.0, _ROUTED - self.right) + max(0.0, self.taken - _TAKEN) + max(0.0, _FOUND - self.found)
        wrong += max(0.0, self.wordless - _WORDLESS)
        # 0.1 s at the edges of utterances counts as much as a hundredth of the seconds.
        return -round(wrong + max(0.0, self.edges_s - _EDGES_S) / 10, 4), self.found


class Heard:
    """Sound that a detector has heard once, to be cut with many thresholds."""

    def __init__(self, detector: Detector, sound: Samples) -> None:
        self._sound, self._step_s = sound, detector.step_s
        detector.reset()
        self._decisions: list[Decision] = detector.feed(sound)

    def spans(self, thresholds: dict[str, Thresholds]) -> Spans:
        """Give the utterances' starts and ends in seconds."""
        segmenter = Segmenter(thresholds, self._step_s)
        segments = segmenter.feed(Block(self._sound, 0.0), self._decisions) + segmenter.flush()
        return [(s.at, s.at + s.seconds) for s in segments if s.kind == "speech"]

    def share(self, thresholds: dict[str, Thresholds]) -> float:
        """Give the share of it that becomes speech."""
        return sum(end - start for start, end in self.spans(thresholds)) * RATE / len(self._sound)


class Trial:
    """The sounds that thresholds are tried on."""

    def __init__(self, detector: Detector, bank: Bank) -> None:
        self._programmes: Sequence[Programme] = list(programmes(bank, _PROGRAMMES, _SEED))
        self._routed = [Heard(detector, programme.sound) for programme in self._programmes]
        crowds = babble(bank, _CLIPS)
        self._crowds = [Heard(detector, crowd) for crowd in crowds.values()]
        self._near: list[tuple[list[Heard], list[NDArray[np.bool_]]]] = []
        for crowd in crowds.values():
            made = near_in(bank, crowd, _SNR_DB, _CLIPS)
            self._near.append(([Heard(detector, sound) for sound, _ in made], [on for _, on in made]))
        self._wordless = [Heard(detector, unit(floats(voice)) * _LEVEL) for voice in bank.nonverbal[::_EVERY]]

    def shares(self, thresholds: dict[str, Thresholds]) -> Shares:
        """Try thresholds."""
        routed = routing([heard.spans(thresholds) for heard in self._routed], list(self._programmes))
        edges_ms = (routed.starts_ms, routed.ends_ms)
        return Shares(
            right=routed.right,
            edges_s=max(float(np.quantile(ms, 0.9)) if len(ms) else np.inf for ms in edges_ms) / 1000,
            taken=max(crowd.share(thresholds) for crowd in self._crowds),
            found=min(share_found([h.spans(thresholds) for h in heard], on) for heard, on in self._near),
            wordless=float(np.mean([bool(voice.spans(thresholds)) for voice in self._wordless])),
        )


def tune(weights: Path, bank: Bank) -> None:
    """Write the thresholds into the sidecar of `weights` that do best on sounds of `bank`."""
    trial = Trial(gate.load(weights), bank)
    best: tuple[Shares, dict[str, Thresholds]] | None = None
    for speech, near, off in product(_SPEECH, _NEAR, _OFF):
        thresholds = {"speech": Thresholds(speech, speech * off), "near": Thresholds(near, near * off)}
        shares = trial.shares(thresholds)
        if best is None or shares.rank > best[0].rank:
            best = shares, thresholds
    assert best is not None
    told, chosen = best
    log.info(
        "thresholds chosen",
        extra={name: round(getattr(told, name), 4) for name in ("right", "edges_s", "taken", "found", "wordless")},
    )
    path = weights.with_suffix(".json")
    sidecar = Sidecar.model_validate_json(path.read_bytes())
    limits = {name: {"on": round(t.on, 3), "off": round(t.off, 3)} for name, t in chosen.items()}
    tuned = sidecar.model_copy(update={"meta": {**sidecar.meta, "thresholds": limits}})
    path.write_text(tuned.model_dump_json(indent=1) + "\n", encoding="utf-8")
