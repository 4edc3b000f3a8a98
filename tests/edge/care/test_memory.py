import os
from pathlib import Path

import pytest

from edge.care.memory import give_back


def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.skipif("glibc" not in str(os.confstr("CS_GNU_LIBC_VERSION")), reason="only glibc keeps and gives back")
def test_what_was_freed_goes_back_to_the_machine():
    small = [bytes(1000) for _ in range(50_000)]
    kept = small[::50]  # what is still used in between keeps the heap from shrinking by itself
    del small
    before = resident_mb()
    give_back()
    assert resident_mb() < before - 10
    assert len(kept) == 1000
