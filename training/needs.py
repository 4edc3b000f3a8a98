"""What training needs beyond what device and hub install."""

from importlib.util import find_spec

from moments.errors import UserError


def need_torch() -> None:
    """Raise UserError with the remedy where the training environment is not the one that runs."""
    if find_spec("torch") is None:
        raise UserError(
            "training needs PyTorch and more: `make test-train` makes .venv-train; run .venv-train/bin/moodscape"
        )
