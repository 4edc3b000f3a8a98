"""The gate's net: a causal convolution over log-mel frames, and a tree over what was heard before.

Each call sees 9 new frames (and 3 of the call before) and makes a token of them; the last 64 tokens (5.8 s), joined two
by two as in WaveNet (van den Oord et al. 2016, arXiv 1609.03499), give the context in which the three decisions of this
call are taken. On the device only the newest branch of the tree is computed, from what each level said before (Paine et
al. 2016, arXiv 1611.09482); in training a whole stream at once, with the same weights. Everything is a linear layer on
rows, which quantises well and runs fast on any kernel.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from edge.gate.features import BANDS, CARRY, FRESH, STEP

_WIDTH: Final = 2 * BANDS
LEVELS: Final = 6
NARROW: Final = 32
_TOKEN: Final = 80
_FINE: Final = 64
_CONTEXT: Final = 80
_PER_CALL: Final = FRESH // STEP


def over_floor(mel: Tensor, floor: Tensor) -> Tensor:
    """Take the level out of a call: log-mel [n, 12, 40] over the floors [n, 40] to [n, 12, 80] within -2 to 4.

    It is taken out twice: once by one floor for all bands, which keeps the shape of the spectrum, and once by each
    band's own, which shows what stands out of a steady noise, in the manner of per-channel energy normalisation (Wang
    et al. 2017, arXiv 1607.05666).
    """
    floor = floor[:, None]
    level = floor.mean(dim=2, keepdim=True)
    return torch.cat(((mel - level) / 3, (mel - floor) / 3), dim=2).clamp(-2, 4)


class _Join(nn.Module):
    """Joins a token with an older one, of which it knows the narrow form; the newer one is also passed on."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.Linear(_TOKEN, NARROW)
        self.join = nn.Linear(2 * NARROW, _TOKEN)

    def forward(self, token: Tensor, older: Tensor) -> tuple[Tensor, Tensor]:
        """[n, 80] and [n, 32] to the token of the next level, [n, 80], and this one's narrow form, [n, 32]."""
        narrow = fn.relu(self.narrow(token))
        return fn.relu(self.join(torch.cat((older, narrow), dim=1)) + token), narrow

    def stream(self, tokens: Tensor, distance: int) -> Tensor:
        """[b, t, 80] to the same shape, each joined with the one `distance` before; before the stream there is 0."""
        narrow = fn.relu(self.narrow(tokens))
        older = fn.pad(narrow, (0, 0, distance, 0))[:, : tokens.shape[1]]
        return fn.relu(self.join(torch.cat((older, narrow), dim=2)) + tokens)


class GateNet(nn.Module):
    """Log-mel and its floor to logits of speech and near."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3 * _WIDTH, _FINE)
        self.second = nn.Linear(4 * _FINE, _FINE)
        self.token = nn.Linear(_PER_CALL * _FINE, _TOKEN)
        self.joins = nn.ModuleList(_Join() for _ in range(LEVELS))
        self.context = nn.Linear(_PER_CALL * _FINE + _TOKEN, _CONTEXT)
        self.answer = nn.Linear(_CONTEXT, _PER_CALL * 2)

    def hear(self, mel: Tensor, floor: Tensor) -> tuple[Tensor, Tensor]:
        """[n, 12, 40] and [n, 40] to what was heard, [n, 192], and its token, [n, 80]."""
        frames = over_floor(mel, floor)
        wide = CARRY + FRESH - 2
        x = torch.cat((frames[:, :wide], frames[:, 1 : wide + 1], frames[:, 2 : wide + 2]), dim=2)
        x = fn.relu(self.first(x))
        rows = [x[:, at : at + 4].reshape(-1, 1, 4 * _FINE) for at in range(0, FRESH, STEP)]
        fine = fn.relu(self.second(torch.cat(rows, dim=1))).reshape(-1, _PER_CALL * _FINE)
        return fine, fn.relu(self.token(fine))

    def forward(self, mel: Tensor, floor: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """One call on the device.

        Log-mel [1, 12, 40], its floor [1, 40] and what level l said 2^l calls ago [1, 6, 32] to logits [1, 6] (three
        steps, speech and near in each) and what the levels say of this call [1, 6, 32].
        """
        fine, token = self.hear(mel, floor)
        said = []
        for level, join in enumerate(self.joins):
            token, narrow = join(token, past[:, level])
            said.append(narrow.reshape(1, 1, NARROW))
        seen = torch.cat((fine, token), dim=1)
        return self.answer(fn.relu(self.context(seen))), torch.cat(said, dim=1)

    def stream(self, mel: Tensor, floor: Tensor) -> Tensor:
        """Give whole streams at once: [b, t, 12, 40] and [b, t, 40] to logits [b, 3 t, 2]."""
        b, t = mel.shape[:2]
        fine, token = self.hear(mel.reshape(b * t, CARRY + FRESH, BANDS), floor.reshape(b * t, BANDS))
        tokens = token.reshape(b, t, _TOKEN)
        for level, join in enumerate(self.joins):
            tokens = join.stream(tokens, 2**level)
        seen = torch.cat((fine, tokens.reshape(b * t, _TOKEN)), dim=1)
        return self.answer(fn.relu(self.context(seen))).reshape(b, t * _PER_CALL, 2)
