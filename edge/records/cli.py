"""`moodscape edge clips`: what waits on the shelf, and its sound for whoever has the key.

It changes nothing in the folder: a device may be writing there.
"""

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.config import Config
    from edge.records.clip import Label


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write their sound there, as FLAC in the clear")


def run(config: "Config", out: Path | None) -> int:
    """List the clips, newest marks first; with `out`, write them there; give 1 when one of them cannot be read.

    Raises UserError, WorkError.
    """
    from edge.records.clip import ClosedClip, Safe, UnreadableClip, label_of, sound_of

    safe = Safe(config.clips.key_file if out is not None else None)
    found: list[tuple[Label, Path]] = []
    failed = 0
    for path in _paths(config.clips_folder):
        try:
            found.append((label_of(path), path))
        except (ClosedClip, UnreadableClip) as error:
            failed += _name(str(error))
    for label, path in sorted(found, key=lambda each: each[0].worth, reverse=True):
        sys.stdout.write(f"{_when(label)}  {label.kind:8}  {label.seconds:5.1f} s  {label.sha256[:16]}\n")
        if out is None:
            continue
        try:
            sound = sound_of(path, safe)
        except (ClosedClip, UnreadableClip) as error:
            failed += _name(f"{label.sha256[:16]}: {error}")
        else:
            _write(out / f"{_when(label).replace(':', '')}-{label.sha256[:8]}.flac", sound)
    if not found and not failed:
        sys.stdout.write(f"no clips in {config.clips_folder}\n")
    return 1 if failed else 0


def _paths(folder: Path) -> list[Path]:
    from edge.records.shelf import TAIL
    from moments.errors import WorkError

    try:
        return [path for path in folder.iterdir() if path.suffix == TAIL]
    except (FileNotFoundError, NotADirectoryError):
        return []  # not made yet
    except OSError as error:
        raise WorkError(f"{folder} cannot be read: {error.strerror}; call it as the device's user") from error


def _name(fault: str) -> int:
    sys.stderr.write(f"moodscape: {fault}\n")
    return 1


def _when(label: "Label") -> str:
    if label.begin is None:
        return "unknown"
    return datetime.fromtimestamp(label.begin).astimezone().isoformat(timespec="seconds")


def _write(path: Path, sound: bytes) -> None:
    from edge.owner.durable import put
    from moments.errors import WorkError

    try:
        put(path, sound)
    except OSError as error:
        raise WorkError(f"{path} cannot be written: {error.strerror}; give another folder with --out") from error
