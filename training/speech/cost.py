"""What a weights file costs: bytes, milliseconds of CPU, memory."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from edge.models.interpreter import Model
from edge.models.speech import windows
from edge.sound import RATE

_MEMORY: Final = """
import sys
import numpy as np
from pathlib import Path
from edge.models.speech import SpeechReader, windows

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

speech = np.random.default_rng(0).standard_normal(48_000).astype(np.float32) * 0.1
windows(speech)
before = resident()
reader = SpeechReader.load(Path(sys.argv[1]))
reader.read(speech)
print((resident() - before) / 1024)
"""


@dataclass(frozen=True)
class Cost:
    """`ms`: CPU ms to read 3 s, `long_ms`: per second of 15 s, front end included; `mb`: resident MB that it adds."""

    size: int
    ms: float
    long_ms: float
    mb: float


def milliseconds(model: Model, seconds: int, repeats: int) -> float:
    """CPU ms to read speech, front end included: the best of many times, which others' work disturbs least."""
    speech = np.random.default_rng(0).standard_normal(seconds * RATE).astype(np.float32) * 0.1
    taken = []
    for _ in range(repeats):
        begin = time.thread_time()
        for window in windows(speech):
            model(window[None])
        taken.append(1e3 * (time.thread_time() - begin))
    return min(taken)


def cost(weights: Path) -> Cost:
    """Measure a file, with its sidecar, on one thread of this machine."""
    model = Model(weights)
    times = [milliseconds(model, seconds, repeats) for seconds, repeats in ((3, 150), (15, 40))]
    run = subprocess.run([sys.executable, "-c", _MEMORY, str(weights)], check=True, capture_output=True, text=True)
    return Cost(weights.stat().st_size, times[0], times[1] / 15, float(run.stdout))
