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
    """One pre-norm transformer block: [b, t, 384] to the same. `hidden`: units between the two feed-forward layers."""

    def __init__(self, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.q = nn.Linear(WIDTH, WIDTH)
        self.k = nn.Linear(WIDTH, WIDTH, bias=False)
        self.v = nn.Linear(WIDTH, WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.fc1 = nn.Linear(WIDTH, hidden)
        self.fc2 = nn.Linear(hidden, WIDTH)

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


class Front(nn.Module):
    """Convolutions and first blocks, for speech that stands at the end of the teacher's positions; never trained.

    Log-mel [b, f, 80] (`whisper_mel`, f even and at most 800) to [b, f / 2, 384].
    """

    def __init__(self, blocks: int, positions: int = POSITIONS) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(BANDS, WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.zeros(positions, WIDTH))
        self.blocks = nn.ModuleList(Block() for _ in range(blocks))

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Give what the last of these blocks gives."""
        x = nn.functional.gelu(self.conv1(mel.transpose(1, 2)))
        x = nn.functional.gelu(self.conv2(x)).transpose(1, 2) + self.positions
        for block in self.blocks:
            x = block(x)
        return x


class Last(nn.Module):
    """The block that is trained, and what a head hears: [b, t, 384] to two layers, [b, t / 2, 2, 384].

    The layers are what goes into the block and what comes out of it, both normalised as the teacher's next block would
    do it, each two positions averaged.
    """

    def __init__(self, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.block = Block(hidden)
        self.taps = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Hear on."""
        layers = torch.stack([self.taps[0](x), self.taps[1](self.block(x))], dim=2)
        b, t, n, width = layers.shape
        return layers.view(b, t // 2, 2, n, width).mean(dim=2)


def load_trunk(file: Path, blocks: int, positions: int = POSITIONS) -> tuple[Front, Last]:
    """Rebuild the convolutions and the first `blocks` (at least one) from smart-turn's ONNX file.

    `positions`: how many of the last positions to keep. Raises UserError when the file is missing or another network.
    """
    if not file.is_file():
        raise UserError(f"{file} is missing; name the folder that holds it with --teachers")
    state = _state(file)
    state["positions"] = state["positions"][-positions:]
    front, last = Front(blocks - 1, positions), Last()
    sources = {name: name for name in front.state_dict()}
    for name in last.state_dict():
        place, _, rest = name.removeprefix("taps.").partition(".")
        source = f"taps.{blocks - 1 + int(place)}.{rest}" if name.startswith("taps.") else f"blocks.{blocks - 1}.{rest}"
        sources[f"last.{name}"] = source
    try:
        values = {name: torch.from_numpy(np.array(state[source])) for name, source in sources.items()}
        front.load_state_dict({name: value for name, value in values.items() if not name.startswith("last.")})
        last.load_state_dict({name[5:]: value for name, value in values.items() if name.startswith("last.")})
    except (KeyError, RuntimeError, TypeError) as error:
        raise UserError(f"{file} does not hold the encoder of smart-turn v3.2") from error
    return front.eval().requires_grad_(requires_grad=False), last.eval()


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
