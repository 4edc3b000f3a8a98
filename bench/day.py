"""A scripted day: 60 % quiet, 32 % surroundings, 8 % speech, as a WAV; and what YAMNet costs over the same.

python -m bench.day YAMNET.tflite WAV    hears the whole of WAV, a patch every 0.96 s, with YAMNet's own front end
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from edge.models.interpreter import Interpreter
from edge.sound import RATE
from moodscape.demo.run import RECORDING

_SPEECH: Final = ((15, 21), (42, 48), (79, 85))
_SURROUNDINGS: Final = ((3, 15), (25, 37), (48, 60), (64, 78), (86, 98), (104, 114))
"""Seconds of the demo's recording: birds, an engine, music, rain, waves, crickets."""
_QUIET_DBFS: Final = -70.0
"""A room at night: the microphone's own noise."""

_PATCH: Final = 96
_BANDS: Final = 64


def write(minutes: float, into: Path) -> Path:
    """Write the day, shortened to so many minutes: every sound of the script and quiet after it, over and over."""
    recording, _ = soundfile.read(RECORDING, dtype="float32")
    rng = np.random.default_rng(5)
    left = int(minutes * 60 * RATE)
    with soundfile.SoundFile(into, "w", RATE, 1, "PCM_16") as out:
        while left > 0:
            for begin, end in (*_SPEECH, *_SURROUNDINGS):
                seconds = (end - begin) * 1.5
                hiss = 10 ** (_QUIET_DBFS / 20) * rng.standard_normal(int(seconds * RATE))
                for sound in (recording[begin * RATE : end * RATE], hiss.astype(np.float32)):
                    out.write(sound[:left])
                    left = max(0, left - len(sound))
    return into


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


def _patches(wav: Path) -> Iterator[NDArray[np.float32]]:
    with soundfile.SoundFile(wav) as sound:
        yield from sound.blocks(400 + 95 * 160, overlap=240, dtype="float32")


def main() -> int:
    """Hear a recording with YAMNet."""
    model, wav = sys.argv[1:]
    interpreter = Interpreter(model_path=model, num_threads=1)
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    front_end = _FrontEnd()
    for patch in _patches(Path(wav)):
        if len(patch) == 400 + 95 * 160:
            interpreter.set_tensor(taken, front_end(patch))
            interpreter.invoke()
            interpreter.get_tensor(given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
