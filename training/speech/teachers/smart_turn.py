"""smart-turn v3.2 (Daily, BSD-2-Clause): a Whisper-tiny-sized encoder, fine-tuned to hear the end of a turn."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from edge.sound import RATE, Samples
from moments.errors import UserError
from training.needs import teachers_file
from training.speech.teachers import Pooled

FILE: Final = "smart-turn-v3.2-cpu.onnx"
_SECONDS: Final = 8
_SAMPLES_A_POSITION: Final = 320


class SmartTurn:
    """All four blocks, by ONNX Runtime: the outputs of the nine layer norms of its encoder, 384 values each."""

    name = "smart-turn v3.2 (Daily, BSD-2-Clause)"
    key = "smart-turn"

    def __init__(self, folder: Path) -> None:
        """Open the file in `folder`. Raises UserError when it is not there or is another network."""
        import onnx
        import onnxruntime
        from transformers.audio_utils import mel_filter_bank

        network = onnx.load(teachers_file(folder / FILE))
        norms = [
            node.output[0]
            for node in network.graph.node
            if node.op_type == "LayerNormalization" and node.input[1].startswith("inner.encoder.")
        ]
        if not norms:
            raise UserError(f"{folder / FILE} does not hold the encoder of smart-turn v3.2")
        network.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in norms)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        # Else a processor without VNNI clips sums of products, and hears another encoder than others do.
        options.add_session_config_entry("session.x64quantprecision", "1")
        self._norms = norms
        self._session: Any = onnxruntime.InferenceSession(network.SerializeToString(), options)
        bands = mel_filter_bank(201, 80, 0.0, RATE / 2, RATE, norm="slaney", mel_scale="slaney")
        self._bands = torch.from_numpy(bands.T.astype(np.float32))

    def hear(self, samples: Samples) -> Pooled:
        """Hear the last 8 s: float32 [n] at 16 kHz to [9, 768], pooled over the positions of the speech alone."""
        speech = samples[-_SECONDS * RATE :]
        layers = self._session.run(self._norms, {"input_features": self._mel(speech)})
        spoken = max(1, -(-len(speech) // _SAMPLES_A_POSITION))
        tails = np.stack([layer[0, -spoken:] for layer in layers])
        return np.concatenate([tails.mean(axis=1), tails.std(axis=1)], axis=1).astype(np.float32)

    def _mel(self, speech: Samples) -> Any:
        """Whisper's log-mel of 8 s (Radford et al. 2022, arXiv 2212.04356), zeros before the speech: [1, 80, 800]."""
        padded = torch.from_numpy(np.pad(speech, (_SECONDS * RATE - len(speech), 0)))
        scaled = (padded - padded.mean()) / (padded.var(unbiased=False) + 1e-7).sqrt()
        spectrum = torch.stft(scaled, 400, 160, window=torch.hann_window(400), return_complex=True)[:, :-1]
        mel = (self._bands @ spectrum.abs() ** 2).clamp(min=1e-10).log10()
        return ((mel.maximum(mel.max() - 8.0) + 4.0) / 4.0).numpy()[None]
