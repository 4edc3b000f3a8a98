"""What training needs beyond what device and hub install."""

from importlib.util import find_spec
from pathlib import Path

from moments.errors import UserError


def need_torch() -> None:
    """Raise UserError with the remedy where the training environment is not the one that runs."""
    if find_spec("torch") is None:
        raise UserError(
            "training needs PyTorch and more: `make test-train` makes .venv-train; run .venv-train/bin/moodscape"
        )


def teachers_file(file: Path) -> Path:
    """Give a teacher's file. Raises UserError with the remedy where it is not there."""
    if not file.is_file():
        raise UserError(f"{file} is missing; name the folder that holds it with --teachers")
    return file
