"""A small disk that can be full: a tmpfs of its own, filled to the last byte."""

import contextlib
import subprocess
from pathlib import Path

SIZE_MB = 8


class SmallDisk:
    """Mounts itself at `folder`. `real`: whether it may; otherwise `folder` is a plain folder that is never full."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "chaos", str(folder)]
        try:
            self.real = subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            self.real = False

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"

    def fill(self) -> None:
        """Leave no room."""
        piece = bytes(4096)
        with self._filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(piece):
                pass

    def free(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount."""
        if self.real:
            subprocess.run(["umount", "-l", str(self.folder)], capture_output=True, check=False)
