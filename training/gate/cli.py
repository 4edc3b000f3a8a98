"""The steps of the gate's training: `moodscape train gate mix|fit|pack|report`."""

import argparse
from pathlib import Path
from typing import Any

from edge.models.interpreter import WEIGHTS
from moments.errors import UserError
from training.needs import need_torch

_REPORT = Path(__file__).parents[1] / "reports" / "gate.md"


def register_gate(sub: Any) -> None:
    """Add `gate` and its steps to the verbs of `moodscape train`."""
    gate = sub.add_parser("gate", help="the speech detector")
    steps = gate.add_subparsers(metavar="STEP", required=True)
    for name, run, text in (
        ("mix", _mix, "make the clips to learn from (12 s each); goes on where it stopped"),
        ("fit", _fit, "fit the net to the clips; goes on at the last epoch"),
        ("pack", _pack, "make the int8 weights with their thresholds"),
        ("report", _report, "measure the split model beside public detectors and write the report"),
    ):
        step = steps.add_parser(name, help=text, description=text)
        step.add_argument("--data", type=Path, required=True, help="folder of the corpora")
        step.add_argument(
            "--cache", type=Path, required=True, help="folder to keep decoded sound, clips and checkpoints in"
        )
        if name == "report":
            step.add_argument("--out", type=Path, default=_REPORT, help="where the report goes")
        else:
            step.add_argument(
                "--part", choices=("train", "all"), default="train", help="all: what ships; train: scored"
            )
        if name == "mix":
            step.add_argument("--clips", type=int, default=5000)
        if name == "fit":
            step.add_argument("--epochs", type=int, default=12)
            step.add_argument(
                "--begin", type=Path, help="a checkpoint to start from, instead of chance: a copy of an earlier fit's"
            )
        step.set_defaults(run=_step, step=run)


def _step(args: argparse.Namespace) -> int:
    need_torch()
    return int(args.step(args))


def _mix(args: argparse.Namespace) -> int:
    from training.gate.bank import load
    from training.gate.fit import mix

    mix(load(args.data, args.cache, args.part), args.cache / f"clips-{args.part}", args.clips, seed=1_000_000)
    return 0


def _fit(args: argparse.Namespace) -> int:
    from training.gate.fit import fit

    clips = args.cache / f"clips-{args.part}"
    if not clips.is_dir():
        raise UserError(f"{clips} is missing; run `moodscape train gate mix --part {args.part}` first")
    if args.begin and not args.begin.is_file():
        raise UserError(f"{args.begin} is missing; give --begin a checkpoint that `moodscape train gate fit` made")
    fit(clips, args.cache / f"{args.part}.pt", args.epochs, args.begin)
    return 0


def _pack(args: argparse.Namespace) -> int:
    from training.gate.bank import load
    from training.gate.fit import averaged
    from training.gate.pack import pack

    checkpoint = args.cache / f"{args.part}.pt"
    if not checkpoint.is_file():
        raise UserError(f"{checkpoint} is missing; run `moodscape train gate fit --part {args.part}` first")
    out = WEIGHTS / "gate.tflite" if args.part == "all" else _split(args.cache)
    pack(averaged(checkpoint), load(args.data, args.cache, args.part), out)
    print(out)
    return 0


def _report(args: argparse.Namespace) -> int:
    from training.gate.report import text

    if not _split(args.cache).is_file():
        raise UserError(f"{_split(args.cache)} is missing; run `moodscape train gate pack --part train` first")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text(args.data, args.cache, _split(args.cache)), encoding="utf-8")
    print(args.out)
    return 0


def _split(cache: Path) -> Path:
    return cache / "split" / "gate.tflite"
