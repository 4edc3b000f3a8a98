"""Takes the names out of a TFLite file: they are for people, and as long as a small net's weights."""

from typing import Final

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER: Final = b"TFL3"


def without_names(file: bytes) -> bytes:
    """Give the TFLite file whose tensors have no names, but for its inputs and outputs; its answers stay the same."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(file, 0))
    for graph in model.subgraphs:
        kept = {*graph.inputs, *graph.outputs}
        for number, tensor in enumerate(graph.tensors):
            if number not in kept:
                tensor.name = b""
    builder = flatbuffers.Builder(len(file))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())
