"""YAMNet in a loop: hears a patch every 0.96 s with its own front end, and tells the likeliest class with paho.

python -m bench.peers.yamnet MODEL.tflite WAV|- [PORT]    without a port it tells nobody
"""

import csv
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from bench.peers.hearing import RATE, Teller, blocks

_PATCH = 96
_BANDS = 64
_HOP = _PATCH * 160
_OVERLAP = 240
"""Samples: a frame of 400 begins every 160, so the last frame of a patch reaches into the next."""
CLASSES = "yamnet_class_map.csv"


class _FrontEnd:
    """YAMNet's log-mel: 64 bands of HTK's scale from 125 to 7500 Hz over magnitudes, log(x + 0.001)."""

    def __init__(self) -> None:
        self._window = np.hanning(401)[:400].astype(np.float32)
        mel_hz = 1127 * np.log1p(np.linspace(0, RATE / 2, 257) / 700)[:, None]
        edges = np.linspace(1127 * np.log1p(125 / 700), 1127 * np.log1p(7500 / 700), _BANDS + 2)
        rising = (mel_hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
        falling = (edges[2:] - mel_hz) / (edges[2:] - edges[1:-1])
        self._bands = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Float32 [15 600] to float32 [1, 96, 64]."""
        frames: NDArray[np.float32] = np.ndarray((_PATCH, 400), np.float32, samples, strides=(640, 4))
        magnitude = np.abs(np.fft.rfft(frames * self._window, 512, axis=1)).astype(np.float32)
        mel: NDArray[np.float32] = np.log(magnitude @ self._bands + np.float32(0.001))[None]
        return mel


def _names(model: Path) -> list[str]:
    path = model.with_name(CLASSES)
    if not path.is_file():
        raise SystemExit(f"{path} is missing: YAMNet's names of its classes lie beside its file")
    with path.open(encoding="utf-8", newline="") as lines:
        return [row["display_name"] for row in csv.DictReader(lines)]


def main() -> int:
    """Hear a recording, or what comes by a pipe."""
    model, source, *port = sys.argv[1:]
    names = _names(Path(model))
    interpreter = Interpreter(model_path=model, num_threads=1)
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    front_end, teller = _FrontEnd(), Teller(int(port[0])) if port else None
    kept = np.zeros(_OVERLAP, np.float32)
    for n, block in enumerate(blocks(source, _HOP), 1):
        interpreter.set_tensor(taken, front_end(np.concatenate([kept, block])))
        interpreter.invoke()
        scores = interpreter.get_tensor(given).ravel()
        kept = block[-_OVERLAP:]
        if teller is not None:
            best = int(scores.argmax())
            end_s = n * _HOP / RATE
            teller.tell(heard=names[best], score=round(float(scores[best]), 3), end_s=end_s, seconds=_HOP / RATE)
    if teller is not None:
        teller.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
