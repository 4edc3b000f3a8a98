"""How precisely nets are trained on this processor."""

from typing import Final

import torch

_MULTIPLIERS: Final = ("amx_bf16", "avx512_bf16", "bf16")
"""What processors that multiply bfloat16 call it."""


def mixed() -> torch.autocast:
    """Give a context in which layers compute in bfloat16 where this processor multiplies it, in float32 elsewhere.

    A processor that has to imitate it takes sixteen times as long as in float32.
    """
    able = torch.cpu.get_capabilities()
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=any(able.get(name) for name in _MULTIPLIERS))
