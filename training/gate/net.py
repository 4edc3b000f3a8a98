"""The gate's net: a causal convolution over log-mel frames, and a tree over what was heard before.

Each call sees 9 new frames (and 3 of the call before) and makes a token of them; the last 32 tokens (2.9 s), joined two
by two as in WaveNet (van den Oord et al. 2016, arXiv 1609.03499), give the context in which the three decisions of this
call are taken. On the device only the newest branch of the tree is computed; in training a whole stream at once, with
the same weights. Everything is a linear layer on reshaped rows, which quantises well and runs fast on any kernel.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from edge.gate.features import CARRY, FRESH, STEP, WIDTH

TOKEN: Final = 80
LEVELS: Final = 5
PAST: Final = 2**LEVELS - 1
"""Tokens that the device keeps."""
_FINE: Final = 64
_NARROW: Final = 32
_CONTEXT: Final = 44
_PER_CALL: Final = FRESH // STEP


class _Join(nn.Module):
    """Joins an older token with a newer one; the newer one is also passed on."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.Linear(TOKEN, _NARROW)
        self.join = nn.Linear(2 * _NARROW, TOKEN)

    def forward(self, tokens: Tensor) -> Tensor:
        """[1, 2n, 80] to [1, n, 80]."""
        n = tokens.shape[1] // 2
        pairs = fn.relu(self.narrow(tokens)).reshape(1, n, 2 * _NARROW)
        newer = tokens.reshape(1, n, 2 * TOKEN)[:, :, TOKEN:]
        return fn.relu(self.join(pairs) + newer)

    def stream(self, tokens: Tensor, distance: int) -> Tensor:
        """[b, t, 80] to [b, t - distance, 80], each joined with the one `distance` before."""
        narrow = fn.relu(self.narrow(tokens))
        pairs = torch.cat((narrow[:, :-distance], narrow[:, distance:]), dim=2)
        return fn.relu(self.join(pairs) + tokens[:, distance:])


class GateNet(nn.Module):
    """Log-mel over the floor to logits of speech and near."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3 * WIDTH, _FINE)
        self.second = nn.Linear(4 * _FINE, _FINE)
        self.token = nn.Linear(_PER_CALL * _FINE, TOKEN)
        self.joins = nn.ModuleList(_Join() for _ in range(LEVELS))
        self.context = nn.Linear(_PER_CALL * _FINE + TOKEN, _CONTEXT)
        self.answer = nn.Linear(_CONTEXT, _PER_CALL * 2)

    def hear(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """[n, 12, 80] to what was heard, [n, 192], and its token, [n, 80]."""
        wide = CARRY + FRESH - 2
        x = torch.cat((frames[:, :wide], frames[:, 1 : wide + 1], frames[:, 2 : wide + 2]), dim=2)
        x = fn.relu(self.first(x))
        rows = [x[:, at : at + 4].reshape(-1, 1, 4 * _FINE) for at in range(0, FRESH, STEP)]
        fine = fn.relu(self.second(torch.cat(rows, dim=1))).reshape(-1, _PER_CALL * _FINE)
        return fine, fn.relu(self.token(fine))

    def forward(self, frames: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """One call on the device.

        Frames [1, 12, 80] and the last tokens [1, 31, 80], newest last, to logits [1, 6] (three steps, speech and near
        in each) and this call's token [1, 80].
        """
        fine, token = self.hear(frames)
        tokens = torch.cat((past, token.reshape(1, 1, TOKEN)), dim=1)
        for join in self.joins:
            tokens = join(tokens)
        seen = torch.cat((fine, tokens.reshape(1, TOKEN)), dim=1)
        return self.answer(fn.relu(self.context(seen))), token

    def stream(self, frames: Tensor) -> Tensor:
        """Give whole streams at once: [b, t, 12, 80] to logits [b, 3 t, 2]."""
        b, t = frames.shape[:2]
        fine, token = self.hear(frames.reshape(b * t, CARRY + FRESH, WIDTH))
        tokens = fn.pad(token.reshape(b, t, TOKEN), (0, 0, PAST, 0))  # a stream begins with an empty ring
        for level, join in enumerate(self.joins):
            tokens = join.stream(tokens, 2**level)
        seen = torch.cat((fine, tokens.reshape(b * t, TOKEN)), dim=1)
        return self.answer(fn.relu(self.context(seen))).reshape(b, t * _PER_CALL, 2)
