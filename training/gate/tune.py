"""Chooses the thresholds that a weights file recommends, by programmes made of the sounds that the net learned from."""

import logging
from itertools import product
from pathlib import Path
from typing import Final

from edge.gate import detector as gate
from edge.gate.detector import Thresholds
from edge.gate.segmenter import Segmenter
from edge.models.interpreter import Sidecar
from edge.sound import RATE, Block
from training.gate.bank import Bank
from training.gate.route import Programme, programmes, routing

log = logging.getLogger(__name__)

_PROGRAMMES: Final = 3
_SEED: Final = 40
_ON: Final = (0.5, 0.6, 0.7, 0.8, 0.9)
_OFF: Final = 0.5
"""Where a voice ends, as a share of where it begins."""
START: Final = {"speech": {"on": 0.7, "off": 0.35}, "near": {"on": 0.6, "off": 0.3}}
"""What stands in the sidecar until it is tuned."""


def tune(weights: Path, bank: Bank) -> None:
    """Write the thresholds into the sidecar of `weights`: those that send most seconds to the right reader."""
    made = list(programmes(bank, _PROGRAMMES, _SEED))
    detector = gate.load(weights)
    heard = []
    for programme in made:
        detector.reset()
        heard.append(detector.feed(programme.sound))
    best, chosen = 0.0, detector.thresholds
    for speech, near in product(_ON, _ON):
        thresholds = {"speech": Thresholds(speech, speech * _OFF), "near": Thresholds(near, near * _OFF)}
        spans = [_spans(p, h, thresholds, detector.step_s) for p, h in zip(made, heard, strict=True)]
        right = routing(spans, made).right
        if right > best:
            best, chosen = right, thresholds
    log.info("thresholds chosen", extra={"right": round(best, 4)})
    path = weights.with_suffix(".json")
    sidecar = Sidecar.model_validate_json(path.read_bytes())
    limits = {name: {"on": round(t.on, 3), "off": round(t.off, 3)} for name, t in chosen.items()}
    tuned = sidecar.model_copy(update={"meta": {**sidecar.meta, "thresholds": limits}})
    path.write_text(tuned.model_dump_json(indent=1) + "\n", encoding="utf-8")


def _spans(
    programme: Programme, heard: list[gate.Decision], thresholds: dict[str, Thresholds], step_s: float
) -> list[tuple[float, float]]:
    segmenter = Segmenter(thresholds, step_s)
    segments = segmenter.feed(Block(programme.sound, 0.0), heard) + segmenter.flush()
    return [(s.at, s.at + len(s.samples) / RATE) for s in segments if s.kind == "speech"]
