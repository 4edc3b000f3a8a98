"""Makes the encoder of smart-turn answer with its layers, and fits a linear probe of the eight emotions on them.

python -m bench.peers.probe SMART_TURN.onnx DATA CACHE FOLDER

It writes the encoder and the probe to FOLDER, and prints the probe's unweighted average recall on RAVDESS (in DATA),
each of the six folds of actors by a probe of the others. What the encoder hears is kept in CACHE. It runs in the
environment of the training.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.peers.hearing import ENCODER, PROBE
from moments import EMOTIONS

_STRENGTH = 0.003
"""Of scikit-learn's logistic regression on all layers' means and deviations; not searched for beyond 0.001."""


def main() -> int:
    """Write and print."""
    import onnx
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    from training.corpora import utterances
    from training.speech.teachers.heard import heard
    from training.speech.teachers.smart_turn import SmartTurn

    model, data, cache, folder = map(Path, sys.argv[1:])
    teacher = SmartTurn(model.parent)
    items = utterances(data, ["ravdess"])
    pooled = heard(teacher, items, cache).astype(np.float32).reshape(len(items), -1)
    truth, folds = np.array([EMOTIONS.index(item.emotion) for item in items]), np.array([item.fold for item in items])

    def fitted(chosen: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights [8, values] and bias [8] of values as they come."""
        scaler = StandardScaler()
        scaled = scaler.fit_transform(pooled[chosen])
        # Its weights lie in the span of the utterances, which are fewer than the values: the same fit, in less time.
        basis = np.linalg.qr(scaled.T)[0].T
        fit = LogisticRegression(C=_STRENGTH, max_iter=1000, class_weight="balanced")
        fit.fit(scaled @ basis.T, truth[chosen])
        weight = fit.coef_ @ basis / scaler.scale_
        return weight, fit.intercept_ - weight @ scaler.mean_

    recalls = []
    for fold in np.unique(folds):
        weight, bias = fitted(folds != fold)
        out = truth[folds == fold]
        hit = (pooled[folds == fold] @ weight.T + bias).argmax(axis=1) == out
        recalls.append(np.mean([hit[out == each].mean() for each in np.unique(out)]))
    weight, bias = fitted(np.ones(len(items), bool))
    np.savez(folder / PROBE, weight=weight.astype(np.float32), bias=bias.astype(np.float32))
    network = onnx.load(model)
    network.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in teacher._norms)  # noqa: SLF001
    onnx.save(network, folder / ENCODER)
    sys.stdout.write(f"{np.mean(recalls):.4f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
