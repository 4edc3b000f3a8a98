"""The calls that are made up from the document, a few of them."""

import pytest

from bench.schema import fuzz


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the maker of the calls gives httpx bytes
def test_calls_made_up_from_the_document_find_a_hub_to_answer_them_and_no_fault(tmp_path):
    tally = fuzz(tmp_path, 60)
    assert sum(tally.codes.values()) >= 60
    assert not tally.failures
