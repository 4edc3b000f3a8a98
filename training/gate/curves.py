"""Draws ROC curves."""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt

from training.gate.score import Curve


def draw(curves: dict[int, dict[str, Curve]], out: Path) -> None:
    """Draw one picture a ratio of speech to noise (dB) with the curve of each detector: a PNG."""
    figure, axes = plt.subplots(1, len(curves), figsize=(4 * len(curves), 4.2), sharey=True, layout="constrained")
    for axis, (snr_db, of_detectors) in zip(axes, curves.items(), strict=True):
        for name, (false, found) in of_detectors.items():
            ours, yes_or_no = name.startswith("ours"), "webrtc" in name
            style = {"marker": ".", "linestyle": ":"} if yes_or_no else {}
            axis.plot(false, found, label=name, linewidth=2 if ours else 1, **style)
        axis.set(title=f"{snr_db} dB", xlabel="noise taken for speech", xlim=(0, 0.5), ylim=(0.5, 1))
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("speech found")
    axes[-1].legend(fontsize=7, loc="lower right")
    figure.savefig(out, dpi=80)
    plt.close(figure)
