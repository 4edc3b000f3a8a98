from pathlib import Path

import pytest
import torch

from moments.errors import UserError
from training.speech.student import Head, Size, Student
from training.speech.trunk import Trunk, load_trunk, narrowed


@pytest.fixture
def trunk() -> Trunk:
    torch.manual_seed(0)
    return Trunk([96, 96]).eval().requires_grad_(requires_grad=False)


def test_the_trunk_gives_the_stream_before_and_after_each_block_at_a_quarter_of_the_frames(trunk: Trunk) -> None:
    mel = torch.rand(2, 300, 80)
    heard = trunk(mel)
    assert heard.shape == (2, 75, 3 * 384)
    first = trunk.norms[0](trunk.begin(mel)).view(2, 75, 2, 384).mean(dim=2)
    assert torch.allclose(heard[..., :384], first, atol=1e-5)
    for layer in heard.split(384, dim=-1):
        assert layer.std() > 0.5
    assert Student(trunk, Head(Size("tiny", (96, 96), channels=8)).eval())(mel).shape == (2, 8)


def test_a_missing_teacher_and_another_network_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"smart-turn.* is missing; .*--teachers"):
        load_trunk(tmp_path / "smart-turn.onnx", 2)
    onnx = pytest.importorskip("onnx")
    graph = onnx.helper.make_graph([], "empty", [], [])
    onnx.save(onnx.helper.make_model(graph), tmp_path / "other.onnx")
    with pytest.raises(UserError, match="does not hold the encoder"):
        load_trunk(tmp_path / "other.onnx", 2)


def test_units_that_say_what_others_say_are_left_out_at_no_cost(trunk: Trunk) -> None:
    block = trunk.blocks[1]
    block.fc1.weight[48:], block.fc1.bias[48:] = block.fc1.weight[:48], block.fc1.bias[:48]
    mel = torch.rand(4, 300, 80)
    small = narrowed(trunk, (96, 48), mel)
    assert [tuple(own.fc1.weight.shape) for own in small.blocks] == [(96, 384), (48, 384)]
    apart = (small(mel) - trunk(mel)).abs().mean() / trunk(mel).abs().mean()
    assert apart < 1e-3


def test_what_is_left_of_a_trunk_makes_up_for_what_is_gone(trunk: Trunk) -> None:
    mel = torch.rand(4, 300, 80)
    fitted = narrowed(trunk, (48, 48), mel)
    cut = Trunk([48, 48])
    cut.load_state_dict(fitted.state_dict())
    cut.requires_grad_(requires_grad=False)
    for own, whole in zip(cut.blocks, trunk.blocks, strict=True):
        rows = [int((whole.fc1.weight == row).all(dim=1).nonzero()[0]) for row in own.fc1.weight]
        own.fc2.weight.data = whole.fc2.weight[:, rows]
    errors = [float((own(mel) - trunk(mel)).norm()) for own in (fitted, cut)]
    assert errors[0] < 0.7 * errors[1]
