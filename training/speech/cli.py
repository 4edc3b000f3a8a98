"""`moodscape train speech`: the steps of the speech student."""

import argparse
from importlib import import_module
from pathlib import Path
from typing import Final

from training.needs import need_torch

_STEPS: Final = {
    "features": "hear all corpora with the teacher, and put them where the student hears them",
    "folds": "train, quantise and score with each fold's speakers, then each corpus, held out",
    "ship": "train on all speakers and write the weights",
    "curve": "(only when named) train every size without folds 1, 3 and 5: score against cost",
    "report": "write the model card and its plots from what the cache holds",
}


def register_speech(models: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the steps of the speech student."""
    described = "".join(f"\n  {name:10}{text}" for name, text in _STEPS.items())
    speech = models.add_parser(
        "speech",
        help="the emotion in a voice",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Makes a speech encoder's ear of a few megabytes. Without a STEP all run in this order:\n"
        + described
        + "\n\nEverything made is kept in the cache, and a run that was stopped goes on where it was.",
    )
    speech.add_argument("step", metavar="STEP", nargs="?", choices=_STEPS, help="only this step")
    speech.add_argument("--data", type=Path, required=True, help="folder with the corpora and their manifests")
    speech.add_argument("--teachers", type=Path, required=True, help="folder with the teachers' files")
    speech.add_argument("--cache", type=Path, required=True, help="folder to keep features and folds in")
    speech.add_argument(
        "--teacher",
        help="distil from smart-turn, or wavlm:NAME of Hugging Face or of a folder; none: learn from labels alone",
    )
    speech.add_argument("--size", default="standard", help="of the student: standard (default) or small")
    speech.add_argument("--without", action="append", help="only this holdout: 1 to 9, ravdess, nemo; may be repeated")
    speech.add_argument("--weights", type=Path, default=Path("edge/models/weights"), help="folder of the weights")
    speech.add_argument("--reports", type=Path, default=Path("training/reports"), help="folder of card and plots")
    speech.set_defaults(run=_speech)


def _speech(args: argparse.Namespace) -> int:
    need_torch()
    import_module("training.speech.steps").run(args)
    return 0
