"""The first blocks of a Whisper-sized speech encoder, rebuilt in float from the teacher's int8 file.

The teacher is smart-turn v3.2 (Daily, BSD-2-Clause): a Whisper-tiny encoder (Radford et al. 2022, arXiv 2212.04356)
with positions for 8 s, fine-tuned to hear whether a speaker has finished. Convolutions 80 to 384 (3) and 384 to 384
(3, stride 2), learned positions [400, 384], 4 pre-norm blocks of 6 heads and 1536 hidden units, keys without bias.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from moments.errors import UserError

WIDTH: Final = 384
HEADS: Final = 6
HIDDEN: Final = 1536
BANDS: Final = 80
WINDOW_FRAMES: Final = 300
"""Frames of mel in one window of 3 s."""
POSITIONS: Final = WINDOW_FRAMES // 2


class Block(nn.Module):
    """One pre-norm transformer block: [b, t, 384] to the same."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.q = nn.Linear(WIDTH, WIDTH)
        self.k = nn.Linear(WIDTH, WIDTH, bias=False)
        self.v = nn.Linear(WIDTH, WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.fc1 = nn.Linear(WIDTH, HIDDEN)
        self.fc2 = nn.Linear(HIDDEN, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend, then feed forward, each beside a residual."""
        b, t, _ = x.shape
        size = WIDTH // HEADS
        h = self.norm1(x)
        q = (self.q(h) * size**-0.5).view(b, t, HEADS, size).transpose(1, 2)
        k = self.k(h).view(b, t, HEADS, size).permute(0, 2, 3, 1)
        v = self.v(h).view(b, t, HEADS, size).transpose(1, 2)
        mixed = (q @ k).softmax(dim=-1) @ v
        x = x + self.out(mixed.transpose(1, 2).reshape(b, t, WIDTH))
        hidden: torch.Tensor = x + self.fc2(nn.functional.gelu(self.fc1(self.norm2(x))))
        return hidden


class Trunk(nn.Module):
    """Convolutions and the first blocks, for speech that stands at the end of the teacher's positions.

    Log-mel [b, f, 80] (`whisper_mel`, f even and at most 800) to `blocks` + 1 tensors [b, f / 2, 384]: the normalised
    outputs of the convolutions and of each block.
    """

    def __init__(self, blocks: int, positions: int = POSITIONS) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(BANDS, WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.zeros(positions, WIDTH))
        self.blocks = nn.ModuleList(Block() for _ in range(blocks))
        self.taps = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(blocks + 1))

    def forward(self, mel: torch.Tensor) -> list[torch.Tensor]:
        """Give the outputs of each layer, normalised."""
        x = nn.functional.gelu(self.conv1(mel.transpose(1, 2)))
        x = nn.functional.gelu(self.conv2(x)).transpose(1, 2) + self.positions
        layers = [self.taps[0](x)]
        for block, tap in zip(self.blocks, self.taps[1:], strict=True):
            x = block(x)
            layers.append(tap(x))
        return layers


def load_trunk(file: Path, blocks: int, positions: int = POSITIONS) -> Trunk:
    """Rebuild the first `blocks` (1 to 4) of the teacher in float, with its last `positions` positions.

    Raises UserError when the file is missing or is another network.
    """
    if not file.is_file():
        raise UserError(f"{file} is missing; name the folder that holds smart-turn-v3.2-cpu.onnx with --teachers")
    trunk = Trunk(blocks, positions)
    state = _state(file)
    wanted = {name: values for name, values in state.items() if name in trunk.state_dict()}
    wanted["positions"] = state["positions"][-positions:]
    try:
        trunk.load_state_dict({name: torch.from_numpy(np.array(values)) for name, values in wanted.items()})
    except (RuntimeError, TypeError) as error:
        raise UserError(f"{file} does not hold the encoder of smart-turn v3.2") from error
    return trunk.eval().requires_grad_(requires_grad=False)


def _state(file: Path) -> dict[str, Any]:
    """Read every weight of the encoder under the names of `Trunk`, in float32."""
    import onnx

    graph = onnx.load(file).graph
    plain = _dequantised(graph)
    users: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    state: dict[str, Any] = {"positions": plain.get("inner.encoder.embed_positions.weight", np.zeros((0, 0)))}
    keys = 0
    for node in graph.node:
        known = [plain.get(name) for name in node.input]
        if node.op_type == "Conv":
            name = node.input[2].split(".")[2]
            state[f"{name}.weight"], state[f"{name}.bias"] = known[1], known[2]
        elif node.op_type == "LayerNormalization":
            name = _ours(node.input[1])
            state[f"{name}.weight"], state[f"{name}.bias"] = known[1], known[2]
        elif node.op_type == "MatMul" and known[1] is not None and known[1].shape[1] >= WIDTH:
            bias = _bias_added_to(node.output[0], users, plain)
            if bias is None:  # the keys are the one projection without a bias
                state[f"blocks.{keys}.k.weight"] = known[1].T
                keys += 1
            else:
                state[f"{_ours(bias)}.weight"], state[f"{_ours(bias)}.bias"] = known[1].T, plain[bias]
    # What leaves a block is normalised as the next block would do it.
    for block, source in enumerate([*(f"blocks.{number}.norm1" for number in range(4)), "norm"]):
        for part in ("weight", "bias"):
            state[f"taps.{block}.{part}"] = state.get(f"{source}.{part}")
    return state


def _dequantised(graph: Any) -> dict[str, Any]:
    """Every constant of the graph by name, those that are quantised under the name of their float output."""
    from onnx import numpy_helper

    plain = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in plain:
            quantised, scale, zero = (plain[name] for name in node.input)
            axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
            shape = [-1 if i == axis % quantised.ndim else 1 for i in range(quantised.ndim)] if scale.ndim else []
            offset = quantised.astype(np.float32) - zero.astype(np.float32).reshape(shape)
            plain[node.output[0]] = offset * scale.reshape(shape)
    return plain


def _bias_added_to(output: str, users: dict[str, list[Any]], plain: dict[str, Any]) -> str | None:
    """Follow a product through its quantisation to the bias that is added to it."""
    for user in users.get(output, ()):
        if user.op_type in {"QuantizeLinear", "DequantizeLinear"}:
            return _bias_added_to(user.output[0], users, plain)
        if user.op_type == "Add":
            return next((name for name in user.input if name.endswith(".bias") and name in plain), None)
    return None


def _ours(theirs: str) -> str:
    """Turn the name of a tensor in the file to the name of our layer."""
    name = theirs.removeprefix("inner.encoder.").rpartition(".")[0].replace("layers.", "blocks.")
    for old, new in (
        ("self_attn_layer_norm", "norm1"),
        ("final_layer_norm", "norm2"),
        ("self_attn.q_proj", "q"),
        ("self_attn.v_proj", "v"),
        ("self_attn.out_proj", "out"),
        ("layer_norm", "norm"),
    ):
        name = name.replace(old, new)
    return name
