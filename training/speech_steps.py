"""The steps of `moodscape train speech`."""

import argparse

import torch

from training import speech, speech_report
from training.speech_head import Recipe


def run(args: argparse.Namespace) -> None:
    """Run one step: features, folds, ship or report."""
    torch.set_num_threads(1)
    shop = speech.Workshop(args.data, args.teachers, args.cache)
    if args.step == "features":
        speech.parts(shop)
    elif args.step == "folds":
        for fold in args.fold or speech.FOLDS:
            speech.run_fold(shop, fold, Recipe())
    elif args.step == "ship":
        speech.ship(shop, Recipe(), speech_report.calibration(shop.folds(Recipe())), args.out)
    else:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(speech_report.card(shop.folds(Recipe()), args.weights), encoding="utf-8")
