import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edge.models.interpreter import BrokenWeights, Model, golden_inputs

# A linear layer of 4 to 2, int8; made by tests/training/make_tiny.py.
TINY = Path(__file__).parent / "tiny.tflite"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    for file in (TINY, TINY.with_suffix(".json")):
        shutil.copy(file, tmp_path)
    return tmp_path / TINY.name


def change(path: Path, **fields: object) -> None:
    sidecar = path.with_suffix(".json")
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | fields))


def test_a_model_is_named_by_its_sidecar_and_its_hash(tiny: Path) -> None:
    model = Model.load(tiny)
    digest = json.loads(tiny.with_suffix(".json").read_text())["sha256"]
    assert model.name == f"tiny-1@{digest[:8]}"
    assert model.labels == ("sum", "difference")
    assert model.meta == {"note": "a test"}
    assert model.shapes == [(1, 4)]


def test_a_model_answers_in_float_what_it_was_made_to(tiny: Path) -> None:
    (answer,) = Model.load(tiny)(np.array([[0.5, 0.25, -0.5, 0.75]], np.float32))
    assert answer.dtype == np.float32
    assert answer == pytest.approx(np.array([[1.0, 0.5]]), abs=0.05)


def test_inputs_beyond_the_range_are_clipped_and_not_wrapped(tiny: Path) -> None:
    (answer,) = Model.load(tiny)(np.full((1, 4), 100, np.float32))
    assert answer[0, 0] > 3


def test_a_wrong_shape_or_number_of_inputs_is_refused(tiny: Path) -> None:
    model = Model.load(tiny)
    with pytest.raises(ValueError, match=r"shape|dimension|Dimension"):
        model(np.zeros((1, 5), np.float32))
    with pytest.raises(ValueError, match="argument"):
        model(np.zeros((1, 4), np.float32), np.zeros((1, 4), np.float32))


def test_a_damaged_file_is_refused(tiny: Path) -> None:
    damaged = bytearray(tiny.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    tiny.write_bytes(damaged)
    with pytest.raises(BrokenWeights, match="not the file that its description is of"):
        Model.load(tiny)


@pytest.mark.parametrize("missing", [".tflite", ".json"])
def test_a_missing_file_is_named(tiny: Path, missing: str) -> None:
    tiny.with_suffix(missing).unlink()
    with pytest.raises(BrokenWeights, match=r"tiny\.tflite.*No such file"):
        Model.load(tiny)


def test_an_interpreter_that_answers_wrongly_is_refused(tiny: Path) -> None:
    golden = json.loads(tiny.with_suffix(".json").read_text())["golden"]
    golden["outputs"][0][1] += 1.0
    change(tiny, golden=golden)
    with pytest.raises(BrokenWeights, match="self-test fails"):
        Model.load(tiny)


def test_an_interpreter_that_answers_with_no_number_is_refused(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Model, "__call__", lambda *_: [np.full((1, 2), np.nan, np.float32)])
    with pytest.raises(BrokenWeights, match="self-test fails"):
        Model.load(tiny)


def test_other_outputs_than_described_are_refused(tiny: Path) -> None:
    golden = json.loads(tiny.with_suffix(".json").read_text())["golden"]
    golden["outputs"][0].append(0.0)
    change(tiny, golden=golden)
    with pytest.raises(BrokenWeights, match="other shapes"):
        Model.load(tiny)


def test_a_description_with_an_unknown_field_is_refused(tiny: Path) -> None:
    change(tiny, surprise=1)
    with pytest.raises(BrokenWeights, match="description is not valid"):
        Model.load(tiny)


def test_the_golden_input_is_the_same_everywhere() -> None:
    (values,) = golden_inputs([(1, 3)], -1, 1)
    assert values.dtype == np.float32
    assert values == pytest.approx(np.array([[-1.0, 0.236068, -0.527864]]), abs=1e-6)
