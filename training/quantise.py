"""From a trained module to an int8 weights file with its sidecar.

`to_int8`: full-integer post-training quantisation by PyTorch 2 Export (PT2E) with LiteRT's quantiser. `pack_weights`:
the weights alone in int8, the sums in float. Both are symmetric and per channel, and both interpreters that the device
may have answer them alike.
"""

import contextlib
import hashlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import torch

from edge.models.interpreter import Golden, Model, Sidecar, golden_inputs
from training.biases import with_biases

SMALL: Final = 1024
"""A layer with fewer weights keeps them in float: the first ones of a net are small and suffer most from rounding."""


def to_int8(
    module: torch.nn.Module, example: tuple[torch.Tensor, ...], calibration: Iterable[tuple[torch.Tensor, ...]]
) -> bytes:
    """Quantise a module to a TFLite file.

    `example`: inputs whose shapes become those of the file. `calibration`: inputs whose activations set the ranges; a
    hundred or so that look like what the device will hear. Inside the module `softmax` must run over the last axis:
    another one is wrong in tflite-runtime.
    """
    # These take seconds to import; whoever only wants the rest of this file should not wait.
    with _quiet():
        import litert_torch
        from litert_torch.quantize.pt2e_quantizer import PT2EQuantizer, get_symmetric_quantization_config
        from litert_torch.quantize.quant_config import QuantConfig
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

        quantizer = PT2EQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
        prepared = prepare_pt2e(torch.export.export(module.eval(), example).module(), quantizer)
        with torch.no_grad():
            for inputs in calibration:
                prepared(*inputs)
        quantised = convert_pt2e(prepared, fold_quantize=False)
        edge_model = litert_torch.convert(quantised, example, quant_config=QuantConfig(pt2e_quantizer=quantizer))
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        edge_model.export(file.name)
        return with_biases(Path(file.name).read_bytes())


def pack_weights(module: torch.nn.Module, example: tuple[torch.Tensor, ...]) -> bytes:
    """Convert a module to a TFLite file with int8 weights that are unpacked once, at load, and computed with in float.

    For a net of many small layers with hard-swish: the interpreters have no vectorised kernel for it in int8, so that
    a full-integer file is slower on x86-64, and it needs no calibration. Layers below `SMALL` weights stay in float.
    `example`: inputs of the file's shapes.
    """
    with _quiet(), tempfile.TemporaryDirectory() as folder:
        import litert_torch
        from ai_edge_quantizer import quantizer, recipe

        plain, packed = Path(folder) / "plain.tflite", Path(folder) / "packed.tflite"
        litert_torch.convert(module.eval(), example).export(str(plain))
        tool = quantizer.Quantizer(str(plain))
        rules = recipe.weight_only_wi8_afp32()
        for rule in rules:
            rule["op_config"]["min_weight_elements"] = SMALL
        tool.load_quantization_recipe(rules)
        tool.quantize().export_model(str(packed))
        return packed.read_bytes()


def save(
    path: Path,
    file: bytes,
    *,
    name: str,
    labels: Iterable[str] = (),
    meta: dict[str, Any] | None = None,
    span: tuple[float, float] = (-1.0, 1.0),
    tolerance: float = 0.1,
) -> None:
    """Write `path` (.tflite) and the sidecar beside it (.json) with its hash and golden answers.

    `span`: the range of the golden input's values, within what the model usually sees.
    """
    path.write_bytes(file)
    model = Model(path)
    outputs = model(*golden_inputs(model.shapes, *span))
    sidecar = Sidecar(
        name=name,
        sha256=hashlib.sha256(file).hexdigest(),
        labels=list(labels),
        golden=Golden(
            low=span[0],
            high=span[1],
            tolerance=tolerance,
            outputs=[[round(float(value), 5) for value in output.ravel()] for output in outputs],
        ),
        meta=meta or {},
    )
    path.with_suffix(".json").write_text(sidecar.model_dump_json(indent=1) + "\n", encoding="utf-8")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the converter's chatter (hundreds of lines a file) off the screen; errors are still raised."""
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
