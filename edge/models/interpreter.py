"""Runs a weights file: int8 TFLite with a sidecar that says what it is and what it must answer.

Beside `NAME.tflite` stands `NAME.json`. At load the file is compared with the hash in there and then asked about a
fixed input: an interpreter that does not know a kernel may give other numbers without any error, and a reading from
such a one would be nonsense that looks like sense.
"""

import hashlib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from moments.errors import WorkError

# 32-bit ARM has a wheel of the older runtime only; both have the same interface and no types.
_runtime = "ai_edge_litert" if find_spec("ai_edge_litert") else "tflite_runtime"
Interpreter: Any = import_module(f"{_runtime}.interpreter").Interpreter

_LIMITS: Final[dict[Any, tuple[int, int]]] = {np.int8: (-128, 127), np.uint8: (0, 255), np.int16: (-32768, 32767)}

WEIGHTS: Final = Path(__file__).parent / "weights"
"""Where the files that ship stand."""


class BrokenWeights(WorkError):  # noqa: N818 - reads as the sentence it is for
    """A weights file is missing, damaged, or answers wrongly on this machine."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"the weights {path} cannot be used: {why}; install moodscape again")


class Golden(BaseModel):
    """A fixed input and what the file must answer to it.

    The input is even noise in [low, high] (`golden_inputs`). `outputs` are the flattened answers; one may differ by
    `tolerance` times the largest of its tensor, since kernels round differently.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: float
    high: float
    tolerance: float
    outputs: list[list[float]]


class Sidecar(BaseModel):
    """What `NAME.json` says: `name` ("speech-1"), the file's hash, its outputs' labels, what else a reader needs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    sha256: str
    labels: list[str]
    golden: Golden
    meta: dict[str, Any]


def golden_inputs(shapes: list[tuple[int, ...]], low: float, high: float) -> list[NDArray[np.float32]]:
    """Make the fixed inputs, float32 of these shapes: a multiplicative hash, so the same with every numpy."""
    inputs = []
    for shape in shapes:
        hashed = (np.arange(int(np.prod(shape)), dtype=np.uint64) * np.uint64(2_654_435_761)) % np.uint64(2**32)
        noise = hashed.astype(np.float64) / 2**32 * (high - low) + low
        inputs.append(noise.reshape(shape).astype(np.float32))
    return inputs


class Model:
    """A weights file in an interpreter, on one thread."""

    def __init__(self, path: Path, name: str = "", labels: tuple[str, ...] = (), meta: dict[str, Any] | None = None):
        """Open `path` without any check. `load` is the way for files that ship."""
        self.name, self.labels, self.meta = name, labels, meta or {}
        self._interpreter = Interpreter(model_path=str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        self._inputs = self._interpreter.get_input_details()
        self._takes = [_place(detail) for detail in self._inputs]
        self._gives = [_place(detail) for detail in self._interpreter.get_output_details()]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Open a weights file and check that it is the one its sidecar describes and answers as it should.

        Raises BrokenWeights, with the reason.
        """
        try:
            sidecar = Sidecar.model_validate_json(path.with_suffix(".json").read_bytes())
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise BrokenWeights(path, error.strerror or "it cannot be read") from error
        except ValidationError as error:
            raise BrokenWeights(path, f"its description is not valid ({error.error_count()} errors)") from error
        except ValueError as error:  # an empty path
            raise BrokenWeights(path, "it is no file") from error
        if digest != sidecar.sha256:
            raise BrokenWeights(path, "it is not the file that its description is of")
        try:
            model = cls(path, f"{sidecar.name}@{digest[:8]}", tuple(sidecar.labels), sidecar.meta)
            wrong = model._wrong(sidecar.golden)
        except (ValueError, RuntimeError) as error:
            raise BrokenWeights(path, "this machine's interpreter cannot run it") from error
        if wrong is not None:
            raise BrokenWeights(path, wrong)
        return model

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the inputs."""
        return [tuple(int(size) for size in detail["shape"]) for detail in self._inputs]

    def __call__(self, *inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Run it: float32 arrays of `shapes` to float32 outputs, in the file's order.

        Integer inputs and outputs are scaled here. Raises ValueError for a wrong number or shape of inputs.
        """
        interpreter = self._interpreter
        for (index, whole), values in zip(self._takes, inputs, strict=True):
            interpreter.set_tensor(index, values if whole is None else _quantised(values, whole))
        interpreter.invoke()
        gives = [(interpreter.get_tensor(index), whole) for index, whole in self._gives]
        return [values if whole is None else _dequantised(values, whole) for values, whole in gives]

    def _wrong(self, golden: Golden) -> str | None:
        answers = [answer.ravel() for answer in self(*golden_inputs(self.shapes, golden.low, golden.high))]
        if [answer.size for answer in answers] != [len(expected) for expected in golden.outputs]:
            return "its outputs have other shapes than its description says"
        for answer, expected in zip(answers, golden.outputs, strict=True):
            error = float(np.abs(answer - np.array(expected, np.float32)).max())
            if not error <= golden.tolerance * max(abs(value) for value in expected):
                return f"its self-test fails on this machine (off by {error:.3g})"
        return None


def _place(detail: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
    """Give where a tensor is, and what says how its whole numbers are scaled; None: it holds floats."""
    return detail["index"], None if detail["dtype"] is np.float32 else detail


def _quantised(values: NDArray[np.float32], detail: dict[str, Any]) -> NDArray[Any]:
    dtype = detail["dtype"]
    scale, zero = detail["quantization"]
    low, high = _LIMITS[dtype]
    scaled = np.rint(values / scale)
    scaled += zero
    np.maximum(scaled, low, out=scaled)
    np.minimum(scaled, high, out=scaled)
    whole: NDArray[Any] = scaled.astype(dtype)
    return whole


def _dequantised(values: NDArray[Any], detail: dict[str, Any]) -> NDArray[np.float32]:
    scale, zero = detail["quantization"]
    scaled = values.astype(np.float32)
    scaled -= zero
    scaled *= scale
    return scaled
