"""`moodscape train speech`: the steps of the speech student."""

import argparse
from importlib import import_module
from pathlib import Path

from training.needs import need_torch


def register_speech(models: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the steps of the speech student."""
    speech = models.add_parser("speech", help="the emotion in a voice")
    steps = speech.add_subparsers(metavar="STEP", required=True)
    for name, text in (
        ("features", "hear all corpora with the frozen blocks of the teacher; kept in the cache"),
        ("folds", "train and score with each fold's speakers held out; kept in the cache"),
        ("ship", "train on all speakers and write the weights"),
        ("report", "write the model card from the folds in the cache"),
    ):
        step = steps.add_parser(name, help=text)
        step.add_argument("--data", type=Path, required=True, help="folder with the corpora and their manifests")
        step.add_argument("--teachers", type=Path, required=True, help="folder with the teachers' files")
        step.add_argument("--cache", type=Path, required=True, help="folder to keep features and folds in")
        if name == "folds":
            step.add_argument("--fold", type=int, action="append", help="only this one; may be repeated")
        if name == "ship":
            step.add_argument("--out", type=Path, default=Path("edge/models/weights/speech.tflite"))
        if name == "report":
            step.add_argument("--weights", type=Path, default=Path("edge/models/weights/speech.tflite"))
            step.add_argument("--out", type=Path, default=Path("training/reports/speech.md"))
        step.set_defaults(run=_speech, step=name)


def _speech(args: argparse.Namespace) -> int:
    need_torch()
    import_module("training.speech.steps").run(args)
    return 0
