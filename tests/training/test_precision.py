import pytest

torch = pytest.importorskip("torch")

from training.precision import mixed  # noqa: E402


@pytest.mark.parametrize(
    ("able", "computed"),
    [({"amx_bf16": True}, torch.bfloat16), ({"avx512_bf16": False, "avx2": True}, torch.float32)],
)
def test_layers_compute_in_bfloat16_where_the_processor_multiplies_it_and_in_float32_elsewhere(
    monkeypatch, able, computed
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    with mixed():
        assert torch.nn.Linear(3, 2)(torch.ones(1, 3)).dtype == computed
