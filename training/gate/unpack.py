"""Reads a net back from its int8 file, to go on training where it ended."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from edge.models.interpreter import Interpreter
from moments.errors import UserError
from training.gate.net import GateNet


def unpack(path: Path) -> GateNet:
    """Give the net of a weights file with the weights that its integers stand for. Raises UserError for another's."""
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    weights, biases = [], []
    for detail in interpreter.get_tensor_details():
        scales = detail["quantization_parameters"]["scales"]
        shape = detail["shape"]
        if len(scales) < 2 or len(scales) != shape[0]:
            continue
        values = interpreter.get_tensor(detail["index"]).astype(np.float32)
        if len(shape) == 2:
            weights.append(values * scales[:, None])
        else:
            biases.append(values * scales)
    net = GateNet()
    layers = [module for module in net.modules() if isinstance(module, nn.Linear)]
    biases.reverse()  # the converter lists weights from first to last and biases the other way
    try:
        with torch.no_grad():
            for layer, weight, bias in zip(layers, weights, biases, strict=True):
                layer.weight.copy_(torch.from_numpy(weight))
                layer.bias.copy_(torch.from_numpy(bias))
    except (ValueError, RuntimeError) as error:
        raise UserError(f"{path} is no gate of this shape; name what `moodscape train gate pack` made") from error
    return net
