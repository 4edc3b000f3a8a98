import os
import stat
from pathlib import Path

import pytest


@pytest.fixture
def synced(monkeypatch):
    """Keep which names each folder had when it was written to the disk."""
    names, real = [], os.fsync

    def fsync(file):
        if stat.S_ISDIR(os.fstat(file).st_mode):
            names.append(sorted(each.name for each in Path(f"/proc/self/fd/{file}").iterdir()))
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    return names
