"""The steps of `moodscape train speech`."""

import argparse
import logging
from typing import Final

import torch

from moments.errors import UserError
from training.speech import recipe, report
from training.speech.plain import recipe as plain
from training.speech.plain.head import Recipe as PlainRecipe
from training.speech.scores import calibration
from training.speech.student import SIZES
from training.speech.tune import Recipe
from training.speech.workshop import HOLDOUTS, Workshop

log = logging.getLogger(__name__)

RECIPE: Final = Recipe()
PLAIN: Final = PlainRecipe()
_SHIPPED: Final = {"standard": "speech", "small": "speech-small"}
"""The sizes that weights are written for, and the names of their files."""


def run(args: argparse.Namespace) -> None:
    """Run one step, or all of them. Raises UserError for a size or a holdout that there is not."""
    torch.set_num_threads(1)
    if args.size not in _SHIPPED:
        raise UserError(f"--size {args.size}: give standard or small")
    for holdout in args.without or ():
        if holdout not in HOLDOUTS:
            raise UserError(f"--without {holdout}: give one of {', '.join(HOLDOUTS)}")
    if args.teacher is None:
        for step in [args.step] if args.step else _ALL:
            _plain(args, step)
        return
    shop = _shop(args, args.size)
    for step in [args.step] if args.step else _ALL:
        _STEPS[step](args, shop)


def _plain(args: argparse.Namespace, step: str) -> None:
    """Run one step of the student that learns from labels alone."""
    shop = plain.Workshop(args.data, args.teachers, args.cache)
    folds, weights = shop.folds(PLAIN), args.weights / "speech.tflite"
    if step == "features":
        plain.parts(shop)
    elif step == "folds":
        for fold in plain.FOLDS:
            if str(fold) in (args.without or map(str, plain.FOLDS)):
                plain.run_fold(shop, fold, PLAIN)
    elif step == "ship":
        plain.ship(shop, PLAIN, calibration(folds), weights)
    elif step == "report":
        distilled = Workshop(args.data, args.teachers, args.cache, SIZES["standard"], "smart-turn").folds(RECIPE)
        report.write(args.reports, folds, {}, weights, distilled)
    else:
        raise UserError(f"the step {step} needs a --teacher")


def _shop(args: argparse.Namespace, size: str) -> Workshop:
    return Workshop(args.data, args.teachers, args.cache, SIZES[size], args.teacher)


def _features(_: argparse.Namespace, shop: Workshop) -> None:
    heard = {lesson.corpus: len(pooled) for lesson, pooled in zip(shop.lessons, shop.heard, strict=True)}
    log.info("all is heard", extra={"utterances": heard})


def _folds(args: argparse.Namespace, shop: Workshop) -> None:
    for holdout in args.without or HOLDOUTS:
        recipe.run_holdout(shop, holdout, RECIPE)


def _ship(args: argparse.Namespace, shop: Workshop) -> None:
    meta = calibration(shop.folds(RECIPE))
    recipe.ship(shop, RECIPE, meta, args.weights / f"{_SHIPPED[args.size]}.tflite")


def _curve(args: argparse.Namespace, _: Workshop) -> None:
    for size in SIZES:
        for holdout in report.CURVE:
            recipe.run_holdout(_shop(args, size), holdout, RECIPE)


def _report(args: argparse.Namespace, shop: Workshop) -> None:
    curve = {size: _shop(args, size).folds(RECIPE) for size in SIZES}
    report.write(args.reports, shop.folds(RECIPE), curve, args.weights / f"{_SHIPPED[args.size]}.tflite")


_STEPS: Final = {"features": _features, "folds": _folds, "ship": _ship, "curve": _curve, "report": _report}
_ALL: Final = ("features", "folds", "ship", "report")
