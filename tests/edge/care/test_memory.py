import mmap
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


def test_what_was_read_of_a_weights_file_is_let_go_and_can_be_read_again(tmp_path):
    path = tmp_path / "speech model.tflite"
    path.write_bytes(os.urandom(4096) * 5000)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as weights:
        content = sum(weights[::4096])
        before = resident_mb()
        give_back()
        assert resident_mb() < before - 10
        assert sum(weights[::4096]) == content
