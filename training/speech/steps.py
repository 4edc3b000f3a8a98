"""The steps of `moodscape train speech`."""

import argparse

import torch

from training.speech import recipe, report
from training.speech.head import Recipe


def run(args: argparse.Namespace) -> None:
    """Run one step: features, folds, ship or report."""
    torch.set_num_threads(1)
    shop = recipe.Workshop(args.data, args.teachers, args.cache)
    if args.step == "features":
        recipe.parts(shop)
    elif args.step == "folds":
        for fold in args.fold or recipe.FOLDS:
            recipe.run_fold(shop, fold, Recipe())
    elif args.step == "ship":
        recipe.ship(shop, Recipe(), report.calibration(shop.folds(Recipe())), args.out)
    else:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(report.card(shop.folds(Recipe()), args.weights), encoding="utf-8")
