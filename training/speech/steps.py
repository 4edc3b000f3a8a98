"""The steps of `moodscape train speech`."""

import argparse
import logging
from dataclasses import replace
from typing import Final

import torch

from moments.errors import UserError
from training.speech import recipe, report
from training.speech.scores import calibration
from training.speech.student import SIZES
from training.speech.tune import Recipe
from training.speech.workshop import HOLDOUTS, Workshop

log = logging.getLogger(__name__)

_HEARD: Final = "smart-turn"
"""The teacher whose answers stand beside those of a student that has none."""
RECIPE: Final = Recipe()
"""With a teacher's features and soft labels."""
LABELS: Final = replace(RECIPE, teach=0.0, follow=0.0)
"""Without."""
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
    for step in [args.step] if args.step else _ALL:
        _STEPS[step](args, _shop(args, args.size))


def _recipe(args: argparse.Namespace) -> Recipe:
    return LABELS if args.teacher is None else RECIPE


def _shop(args: argparse.Namespace, size: str) -> Workshop:
    return Workshop(args.data, args.teachers, args.cache, SIZES[size], args.teacher or _HEARD)


def _features(_: argparse.Namespace, shop: Workshop) -> None:
    heard = dict(zip((lesson.corpus for lesson in shop.lessons), map(len, shop.heard), strict=True))
    log.info("all is heard", extra={"utterances": heard})


def _folds(args: argparse.Namespace, shop: Workshop) -> None:
    for holdout in args.without or HOLDOUTS:
        recipe.run_holdout(shop, holdout, _recipe(args))


def _ship(args: argparse.Namespace, shop: Workshop) -> None:
    meta = calibration(shop.folds(_recipe(args)))
    recipe.ship(shop, _recipe(args), meta, args.weights / f"{_SHIPPED[args.size]}.tflite")


def _curve(args: argparse.Namespace, _: Workshop) -> None:
    for size in SIZES:
        for holdout in report.CURVE:
            recipe.run_holdout(_shop(args, size), holdout, _recipe(args))


def _report(args: argparse.Namespace, shop: Workshop) -> None:
    curve = {size: _shop(args, size).folds(_recipe(args)) for size in SIZES}
    weights, origin = args.weights / f"{_SHIPPED[args.size]}.tflite", recipe.origin(shop, _recipe(args))
    report.write(args.reports, shop.folds(_recipe(args)), curve, weights, origin)


_STEPS: Final = {"features": _features, "folds": _folds, "ship": _ship, "curve": _curve, "report": _report}
_ALL: Final = ("features", "folds", "ship", "report")
