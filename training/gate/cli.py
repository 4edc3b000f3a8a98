"""The steps of the gate's training: `moodscape train gate gather|mix|fit|pack|report`."""

import argparse
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from edge.models.interpreter import WEIGHTS, Sidecar
from moments.errors import UserError
from training.needs import need_torch

if TYPE_CHECKING:
    from training.gate.mix import Kind
    from training.gate.tracks import Tracks

_REPORT = Path(__file__).parents[1] / "reports" / "gate.md"


def register_gate(sub: Any) -> None:
    """Add `gate` and its steps to the verbs of `moodscape train`."""
    gate = sub.add_parser("gate", help="the speech detector")
    steps = gate.add_subparsers(metavar="STEP", required=True)
    for name, run, text in (
        ("gather", _gather, "make a corpus of Debian's packages, speech in many languages; mix and pack need it"),
        ("mix", _mix, "make the tracks to learn from (12 s each); goes on where it stopped"),
        ("fit", _fit, "fit the net to the tracks; goes on at the last epoch"),
        ("pack", _pack, "make the weights file and choose its thresholds"),
        ("report", _report, "measure the weights that ship beside public detectors and write the report"),
    ):
        step = steps.add_parser(name, help=text, description=text)
        step.add_argument("--data", type=Path, required=True, help="folder of the corpora")
        if name == "gather":
            step.add_argument("--packages", type=Path, required=True, help="folder of the packages (.deb)")
        else:
            step.add_argument(
                "--cache", type=Path, required=True, help="folder to keep decoded sound, tracks and checkpoints in"
            )
        if name == "report":
            step.add_argument("--out", type=Path, default=_REPORT, help="where the report goes")
        elif name != "gather":
            step.add_argument(
                "--part",
                choices=("train", "all"),
                default="train",
                help="train: leaves some for the report; all: pack then replaces the weights that ship",
            )
        if name in {"fit", "pack"}:
            step.add_argument(
                "--without", choices=("nemo",), help="never hear these voices: a model for the report to compare"
            )
        step.set_defaults(run=_step, step=run)


def _step(args: argparse.Namespace) -> int:
    need_torch()
    return int(args.step(args))


def _gather(args: argparse.Namespace) -> int:
    from training.gate.gather import gather

    print(f"{gather(args.packages, args.data)} recordings in {args.data}")
    return 0


def _mix(args: argparse.Namespace) -> int:
    from training.gate.bank import load
    from training.gate.tracks import make

    for part in _parts(args.part):
        make(load(args.data, args.cache, part), part, _made(args) / "tracks")
    return 0


def _fit(args: argparse.Namespace) -> int:
    from training.gate.fit import EPOCHS, fit

    fit(_tracks(args), _checkpoint(args), EPOCHS)
    return 0


def _pack(args: argparse.Namespace) -> int:
    from training.gate.bank import load
    from training.gate.fit import EPOCHS, averaged
    from training.gate.pack import pack
    from training.gate.tune import tune
    from training.kept import whole

    checkpoint = _checkpoint(args)
    if not checkpoint.is_file():
        raise UserError(f"{checkpoint} is missing; run `moodscape train gate fit` with the same options first")
    ships = args.part == "all" and not args.without
    out = WEIGHTS / "gate.tflite" if ships else _packed(args, args.part, args.without)
    with TemporaryDirectory(dir=checkpoint.parent) as folder:
        # Until they are tuned, the thresholds are none to detect or to measure with.
        untuned = Path(folder) / out.name
        pack(averaged(checkpoint, EPOCHS), untuned, args.part)
        if not args.without:
            tune(untuned, load(args.data, args.cache, args.part))
        for suffix in (".tflite", ".json"):
            with whole(out.with_suffix(suffix)) as begun:
                shutil.copyfile(untuned.with_suffix(suffix), begun)
    print(out)
    return 0


def _report(args: argparse.Namespace) -> int:
    from training.gate.report import write

    fitted = _packed(args, "train", None), _packed(args, "train", "nemo")
    for file in fitted:
        if not file.is_file():
            raise UserError(f"{file} is missing; run `moodscape train gate pack`, also with --without nemo")
    ships = WEIGHTS / "gate.tflite"
    for file in (ships, *fitted):
        if Sidecar.model_validate_json(file.with_suffix(".json").read_bytes()).meta.get("learned") == "all":
            raise UserError(
                f"{file} has heard the sounds that the report measures with; put what `pack --part train` makes in its "
                "place"
            )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write(args.data, args.cache, ships, fitted, args.out)
    print(args.out)
    return 0


def _parts(part: str) -> tuple[Literal["train", "test"], ...]:
    return ("train", "test") if part == "all" else ("train",)


def _tracks(args: argparse.Namespace) -> dict["Kind", "Tracks"]:
    from training.gate.tracks import read

    return read(_made(args) / "tracks", _parts(args.part), args.without)


def _made(args: argparse.Namespace) -> Path:
    """Where tracks, checkpoints and weights are kept: other recordings, speakers or folds have another folder."""
    from training.gate.bank import listed

    return Path(args.cache / listed(args.data))


def _checkpoint(args: argparse.Namespace) -> Path:
    return _made(args) / f"{_name(args.part, args.without)}.pt"


def _packed(args: argparse.Namespace, part: str, left_out: str | None) -> Path:
    """Where the weights file of a model that does not ship stands."""
    return _made(args) / _name(part, left_out) / "gate.tflite"


def _name(part: str, left_out: str | None) -> str:
    return f"{part}-without-{left_out}" if left_out else part
