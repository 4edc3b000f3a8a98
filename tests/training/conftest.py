"""What all tests of training share."""

import logging

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Keep to one thread, as training does: more of them wait for each other on a busy machine."""
    torch.set_num_threads(1)
    logging.getLogger("torch").setLevel(logging.WARNING)
