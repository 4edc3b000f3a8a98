import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge.models.interpreter import WEIGHTS, Model, golden_inputs
from tests.edge.models.test_weights import int8_layers_without_bias
from training.biases import with_biases


def without_zeros(file):
    """Take the biases away that are only zeros."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(file, 0))
    for graph in model.subgraphs:
        for operator in graph.operators:
            if len(operator.inputs) == 3 and graph.tensors[operator.inputs[2]].name == b"no bias":
                operator.inputs = [*operator.inputs[:2], -1]
    builder = flatbuffers.Builder(len(file))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_a_layer_without_bias_gets_zeros_and_the_answers_stay(tmp_path):
    shipped = (WEIGHTS / "speech.tflite").read_bytes()
    bare = without_zeros(shipped)
    assert list(int8_layers_without_bias(bare))
    mended = with_biases(bare)
    assert list(int8_layers_without_bias(mended)) == []
    answers = []
    for name, file in (("bare", bare), ("mended", mended)):
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(file)
        model = Model(path)
        answers.append(model(*golden_inputs(model.shapes, 0.0, 2.0))[0])
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-5)
