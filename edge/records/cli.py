"""`moodscape edge clips`: what waits on the shelf, and its sound for whoever has the key."""

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.config import Config
    from edge.records.shelf import Kept


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write their sound there, as FLAC in the clear")


def run(config: "Config", out: Path | None) -> int:
    """List the clips, newest marks first; with `out`, write them there. Raises UserError, WorkError."""
    from edge.records.clip import Safe
    from edge.records.shelf import Shelf

    clips = config.clips
    safe = Safe(clips.key_file if out is not None else None)
    shelf = Shelf(config.clips_folder, safe, max_days=clips.max_days, max_disk_share=clips.max_disk_share)
    for kept in shelf.all():
        label = kept.label
        sys.stdout.write(f"{_when(kept)}  {label.kind:8}  {label.seconds:5.1f} s  {label.sha256[:16]}\n")
        if out is not None:
            _write(out / f"{_when(kept).replace(':', '')}-{label.sha256[:8]}.flac", shelf.sound(label.sha256) or b"")
    if not shelf.all():
        sys.stdout.write(f"no clips in {shelf.folder}\n")
    return 0


def _when(kept: "Kept") -> str:
    if kept.label.begin is None:
        return "unknown"
    return datetime.fromtimestamp(kept.label.begin).astimezone().isoformat(timespec="seconds")


def _write(path: Path, sound: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sound)
    except OSError as error:
        from moments.errors import WorkError

        raise WorkError(f"{path} cannot be written: {error.strerror}; give another folder with --out") from error
