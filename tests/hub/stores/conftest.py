"""What is said here of a store holds for each kind."""

import pytest


@pytest.fixture
def store(any_store):
    return any_store
