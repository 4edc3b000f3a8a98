"""What the weights that ship may hold, so that both interpreters can run them."""

import pytest
from ai_edge_litert import schema_py_generated as schema

from edge.models.interpreter import WEIGHTS


def int8_layers_without_bias(file):
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(file, 0))
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            if max(code.builtinCode, code.deprecatedBuiltinCode) != schema.BuiltinOperator.FULLY_CONNECTED:
                continue
            source, _weights, *bias = operator.inputs
            if graph.tensors[source].type == schema.TensorType.INT8 and (not bias or bias[0] == -1):
                yield graph.tensors[operator.outputs[0]].name


@pytest.mark.parametrize("path", sorted(WEIGHTS.glob("*.tflite")), ids=lambda path: path.stem)
def test_no_int8_layer_lacks_a_bias_as_the_interpreter_of_32_bit_arm_would_crash_on_it(path):
    assert list(int8_layers_without_bias(path.read_bytes())) == []
