"""The first blocks of a Whisper-sized speech encoder, rebuilt in float from the teacher's int8 file.

The teacher is smart-turn v3.2 (Daily, BSD-2-Clause): a Whisper-tiny encoder (Radford et al. 2022, arXiv 2212.04356)
with positions for 8 s, fine-tuned to hear whether a speaker has finished. Convolutions 80 to 384 (3) and 384 to 384
(3, stride 2), learned positions [400, 384], 4 pre-norm blocks of 6 heads and 1536 hidden units, keys without bias.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from scipy.linalg.lapack import dpstrf
from torch import nn

from moments.errors import UserError
from training.needs import teachers_file

WIDTH: Final = 384
HEADS: Final = 6
HIDDEN: Final = 1536
BANDS: Final = 80
WINDOW_FRAMES: Final = 300
"""Frames of mel in one window of 3 s."""
POSITIONS: Final = WINDOW_FRAMES // 2


class Block(nn.Module):
    """One transformer block without its norms; `hidden`: units between the two feed-forward layers."""

    def __init__(self, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.q = nn.Linear(WIDTH, WIDTH)
        self.k = nn.Linear(WIDTH, WIDTH, bias=False)
        self.v = nn.Linear(WIDTH, WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.fc1 = nn.Linear(WIDTH, hidden)
        self.fc2 = nn.Linear(hidden, WIDTH)

    def attend(self, h: torch.Tensor) -> torch.Tensor:
        """Give what attention adds to the stream, from its normalised values: [b, t, 384] to the same."""
        b, t, _ = h.shape
        size = WIDTH // HEADS
        q = (self.q(h) * size**-0.5).view(b, t, HEADS, size).transpose(1, 2)
        k = self.k(h).view(b, t, HEADS, size).permute(0, 2, 3, 1)
        v = self.v(h).view(b, t, HEADS, size).transpose(1, 2)
        mixed = (q @ k).softmax(dim=-1) @ v
        added: torch.Tensor = self.out(mixed.transpose(1, 2).reshape(b, t, WIDTH))
        return added

    def inner(self, h: torch.Tensor) -> torch.Tensor:
        """Give the hidden units of the feed-forward layers: [b, t, 384] to [b, t, hidden]."""
        return nn.functional.gelu(self.fc1(h))

    def feed(self, h: torch.Tensor) -> torch.Tensor:
        """Give what the feed-forward layers add to the stream, from its normalised values: [b, t, 384] to the same."""
        added: torch.Tensor = self.fc2(self.inner(h))
        return added


class Trunk(nn.Module):
    """Convolutions and first blocks, for speech that stands at the end of the teacher's positions.

    Log-mel [b, f, 80] (`whisper_mel`, f divisible by 4, at most 800) to all its layers side by side, [b, f / 4, layers
    384]: the normalised stream before the first block and after each, each two positions averaged. `hidden`: the
    feed-forward units of each block.
    """

    def __init__(self, hidden: Sequence[int], positions: int = POSITIONS) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(BANDS, WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.zeros(positions, WIDTH))
        self.blocks = nn.ModuleList(Block(units) for units in hidden)
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(2 * len(hidden) + 1))

    def begin(self, mel: torch.Tensor) -> torch.Tensor:
        """Give what the convolutions give, with the positions: [b, f, 80] to [b, f / 2, 384]."""
        x = nn.functional.gelu(self.conv1(mel.transpose(1, 2)))
        return nn.functional.gelu(self.conv2(x)).transpose(1, 2) + self.positions

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Hear speech."""
        x = self.begin(mel)
        heard = [self.norms[0](x)]
        for number, block in enumerate(self.blocks):
            x = x + block.attend(heard[-1])
            x = x + block.feed(self.norms[2 * number + 1](x))
            heard.append(self.norms[2 * number + 2](x))
        side = torch.stack(heard, dim=2)
        b, t, n, width = side.shape
        return side.view(b, t // 2, 2, n, width).mean(dim=2).flatten(2)


def load_trunk(file: Path, blocks: int, positions: int = POSITIONS) -> Trunk:
    """Rebuild the convolutions and the first `blocks` from smart-turn's ONNX file.

    `positions`: how many of the last positions to keep. Raises UserError when the file is missing or another network.
    """
    state = _state(teachers_file(file))
    state["positions"] = state["positions"][-positions:]
    trunk = Trunk([HIDDEN] * blocks, positions)
    try:
        trunk.load_state_dict({name: torch.from_numpy(np.array(state[name])) for name in trunk.state_dict()})
    except (KeyError, RuntimeError, TypeError) as error:
        raise UserError(f"{file} does not hold the encoder of smart-turn v3.2") from error
    return trunk.eval().requires_grad_(requires_grad=False)


@torch.no_grad()
def narrowed(trunk: Trunk, hidden: Sequence[int], mel: torch.Tensor) -> Trunk:
    """Leave `hidden` feed-forward units in each block, those that tell most about the others in speech [b, f, 80].

    They are the first pivots of a Cholesky decomposition of the units' products, each weighed by what it adds to the
    stream; the outgoing weights are fitted anew by least squares, so that nothing needs to be trained.
    """
    small = Trunk(hidden, len(trunk.positions))
    kept = {name: value for name, value in trunk.state_dict().items() if ".fc" not in name}
    x = trunk.begin(mel)
    for number, (block, units) in enumerate(zip(trunk.blocks, hidden, strict=True)):
        x = x + block.attend(trunk.norms[2 * number](x))
        h = trunk.norms[2 * number + 1](x)
        inner = block.inner(h).flatten(0, 1).double()
        products = inner.T @ inner
        strength = block.fc2.weight.norm(dim=0).double()
        _, pivots, _, _ = dpstrf((products * strength * strength[:, None]).numpy())
        chosen = torch.from_numpy(np.sort(pivots[:units] - 1).astype(np.int64))
        own = products[chosen][:, chosen]
        ridge = 1e-4 * own.diagonal().mean() * torch.eye(units, dtype=torch.double)
        outgoing = torch.linalg.solve(own + ridge, products[chosen] @ block.fc2.weight.T.double())
        kept |= {
            f"blocks.{number}.fc1.weight": block.fc1.weight[chosen],
            f"blocks.{number}.fc1.bias": block.fc1.bias[chosen],
            f"blocks.{number}.fc2.weight": outgoing.T.float(),
            f"blocks.{number}.fc2.bias": block.fc2.bias,
        }
        x = x + block.fc2(block.inner(h))
    small.load_state_dict(kept)
    return small.eval().requires_grad_(requires_grad=False)


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
    keys = norms = 0
    for node in graph.node:
        known = [plain.get(name) for name in node.input]
        if node.op_type == "Conv":
            name = node.input[2].split(".")[2]
            state[f"{name}.weight"], state[f"{name}.bias"] = known[1], known[2]
        elif node.op_type == "LayerNormalization" and node.input[1].startswith("inner.encoder."):
            state[f"norms.{norms}.weight"], state[f"norms.{norms}.bias"] = known[1], known[2]
            norms += 1
        elif node.op_type == "MatMul" and known[1] is not None and known[1].shape[1] >= WIDTH:
            bias = _bias_added_to(node.output[0], users, plain)
            if bias is None:  # the keys are the one projection without a bias
                state[f"blocks.{keys}.k.weight"] = known[1].T
                keys += 1
            else:
                state[f"{_ours(bias)}.weight"], state[f"{_ours(bias)}.bias"] = known[1].T, plain[bias]
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
    for old, new in (("self_attn.q_proj", "q"), ("self_attn.v_proj", "v"), ("self_attn.out_proj", "out")):
        name = name.replace(old, new)
    return name
