"""Gives each int8 layer a bias, if only of zeros.

tflite-runtime, the interpreter of 32-bit ARM, reads the bias of a fully connected layer also where there is none, and
the process ends with a segmentation fault.
"""

from typing import Final

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER: Final = b"TFL3"


def with_biases(file: bytes) -> bytes:
    """Give the TFLite file in which no int8 fully connected layer lacks its bias; its answers stay the same."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(file, 0))
    connected = {
        number
        for number, code in enumerate(model.operatorCodes)
        if max(code.builtinCode, code.deprecatedBuiltinCode) == schema.BuiltinOperator.FULLY_CONNECTED
    }
    for graph in model.subgraphs:
        for operator in graph.operators:
            if operator.opcodeIndex not in connected:
                continue
            source, weights, *bias = operator.inputs
            lacks = not bias or bias[0] == -1
            if lacks and graph.tensors[source].type == schema.TensorType.INT8:
                graph.tensors.append(_zeros(model, graph.tensors[source], graph.tensors[weights]))
                operator.inputs = [source, weights, len(graph.tensors) - 1]
    builder = flatbuffers.Builder(len(file))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _zeros(model: schema.ModelT, source: schema.TensorT, weights: schema.TensorT) -> schema.TensorT:
    rows = int(weights.shape[0])
    buffer = schema.BufferT()
    buffer.data = np.zeros(4 * rows, np.uint8)
    model.buffers.append(buffer)
    scales = schema.QuantizationParametersT()
    scales.scale = [float(scale) * float(source.quantization.scale[0]) for scale in weights.quantization.scale]
    scales.zeroPoint = [0] * len(scales.scale)
    bias = schema.TensorT()
    bias.name, bias.shape, bias.type = b"no bias", [rows], schema.TensorType.INT32
    bias.buffer, bias.quantization = len(model.buffers) - 1, scales
    return bias
