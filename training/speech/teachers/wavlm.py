"""WavLM (Chen et al. 2022, arXiv 2110.13900) as `transformers` has it, from a folder or from Hugging Face."""

import hashlib
from pathlib import Path

import numpy as np
import torch

from edge.sound import Samples
from moments.errors import UserError
from training.speech.teachers import Pooled


class WavLM:
    """All hidden states of a `transformers.WavLMModel`: the input of its first block and the output of each."""

    def __init__(self, name: str) -> None:
        """Open "microsoft/wavlm-base-plus", another name, or a folder.

        Raises UserError when there is none, or when it does not say how its input is scaled.
        """
        from transformers import AutoFeatureExtractor, WavLMModel

        try:
            self._model = WavLMModel.from_pretrained(name).eval().requires_grad_(requires_grad=False)
        except (OSError, ValueError) as error:
            raise UserError(f"--teacher wavlm:{name}: there is no WavLM of that name or in that folder") from error
        try:
            self._normalised = bool(AutoFeatureExtractor.from_pretrained(name).do_normalize)
        except (OSError, ValueError) as error:
            raise UserError(
                f"--teacher wavlm:{name}: it lacks preprocessor_config.json, which says how sound is scaled for it; "
                "save the AutoFeatureExtractor of the same model there too"
            ) from error
        self._shortest = _shortest(self._model.config.conv_kernel, self._model.config.conv_stride)
        layers = self._model.config.num_hidden_layers
        self.name = f"WavLM ({Path(name).name if Path(name).is_dir() else name}, {layers} layers)"
        self.key = f"wavlm-{_digest(name)[:8]}"

    def hear(self, samples: Samples) -> Pooled:
        """Give mean and standard deviation over time of each hidden state: float32 [n] to [layers + 1, 2 width]."""
        speech = np.pad(samples, (0, max(0, self._shortest - len(samples))))
        if self._normalised:
            speech = (speech - speech.mean()) / np.sqrt(speech.var() + 1e-7)
        with torch.no_grad():
            states = self._model(torch.from_numpy(speech)[None], output_hidden_states=True).hidden_states
        layers = torch.stack(states)[:, 0]
        pooled: Pooled = torch.cat([layers.mean(dim=1), layers.std(dim=1, unbiased=False)], dim=1).numpy()
        return pooled


def _digest(name: str) -> str:
    """Hash what a folder holds, so that another model in it is another teacher; of Hugging Face the name."""
    if not Path(name).is_dir():
        return hashlib.sha256(name.encode()).hexdigest()
    hashed = hashlib.sha256()
    for path in sorted(Path(name).iterdir()):
        if path.suffix in {".json", ".safetensors", ".bin"}:
            with path.open("rb") as file:
                hashed.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return hashed.hexdigest()


def _shortest(kernels: list[int], strides: list[int]) -> int:
    """How many samples the convolutions need for one frame."""
    samples = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        samples = (samples - 1) * stride + kernel
    return samples
