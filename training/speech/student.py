"""The student: frozen front of a large encoder, a last block that is trained on, a head; several sizes of it."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import nn
from torch.nn import functional

from moments import EMOTIONS
from training.speech.pooling import Pooling
from training.speech.trunk import HIDDEN, Front, Last


@dataclass(frozen=True)
class Size:
    """How large a student is: the teacher's first `blocks`, the last of them with `hidden` feed-forward units."""

    name: str
    blocks: int
    hidden: int = HIDDEN
    channels: int = 192


SIZES: Final = {
    size.name: size
    for size in (
        Size("small", 1, hidden=928),
        Size("one", 1),
        Size("standard", 2),
        Size("narrow", 2, hidden=768),
        Size("large", 3),
    )
}
"""`small` is for a Zero 2 W; `one`, `narrow` and `large` show what size buys."""


class Head(nn.Module):
    """[b, t, 2, 384] to logits [b, 8] in the order of `moments.EMOTIONS`."""

    def __init__(self, channels: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.pooling = Pooling(2, channels, dropout)
        self.norm = nn.LayerNorm(2 * channels)
        self.drop = nn.Dropout(dropout)
        # One hidden layer: what an emotion sounds like depends on the language and the studio, which it can tell.
        self.mix = nn.Linear(2 * channels, channels)
        self.classify = nn.Linear(channels, len(EMOTIONS))

    def pool(self, x: torch.Tensor) -> torch.Tensor:
        """Pool over time: [b, t, 2, 384] to [b, 2 channels]."""
        pooled: torch.Tensor = self.norm(self.pooling(x))
        return pooled

    def name(self, pooled: torch.Tensor) -> torch.Tensor:
        """Name what was pooled: [b, 2 channels] to logits [b, 8]."""
        logits: torch.Tensor = self.classify(self.drop(functional.relu(self.mix(self.drop(pooled)))))
        return logits


class Ear(nn.Module):
    """The part that is trained: what the front gives, [b, t, 384], to logits [b, 8]."""

    def __init__(self, last: Last, head: Head) -> None:
        super().__init__()
        self.last, self.head = last, head

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Hear on, pool and name."""
        return self.head.name(self.head.pool(self.last(hidden)))


class Student(nn.Module):
    """Front and ear as one: log-mel [b, 300, 80] to logits [b, 8]."""

    def __init__(self, front: Front, ear: Ear) -> None:
        super().__init__()
        self.front, self.ear = front, ear

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Hear and name."""
        logits: torch.Tensor = self.ear(self.front(mel))
        return logits


def fresh_ear(last: Last, size: Size, heard: torch.Tensor) -> Ear:
    """Begin an ear of a size with the teacher's own block, narrowed by what matters least for `heard` [b, t, 384]."""
    narrow = Last(size.hidden)
    state = last.state_dict()
    chosen = _strongest(last, heard, size.hidden)
    for part in ("block.fc1.weight", "block.fc1.bias"):
        state[part] = state[part][chosen]
    state["block.fc2.weight"] = state["block.fc2.weight"][:, chosen]
    narrow.load_state_dict(state)
    return Ear(narrow, Head(size.channels))


@torch.no_grad()
def _strongest(last: Last, heard: torch.Tensor, count: int) -> torch.Tensor:
    """Number the feed-forward units that move the block's output most: mean of |activation| x |outgoing weights|."""
    block = last.block
    inner: list[torch.Tensor] = []
    hook = block.fc2.register_forward_hook(lambda _, inputs, __: inner.append(inputs[0]))
    block(heard.float())
    hook.remove()
    strength = inner[0].abs().mean(dim=(0, 1)) * block.fc2.weight.norm(dim=0)
    return strength.topk(count).indices.sort().values
