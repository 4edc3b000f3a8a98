"""Runs one step of the scene model's training; what is in the cache is not made again."""

import argparse
import logging
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.models.scenes import Scenes
from training import corpora
from training.kept import digest_listed, whole
from training.scenes import affect, pack
from training.scenes.augment import Heard, hear
from training.scenes.data import Clips, load
from training.scenes.fit import fit
from training.scenes.net import SceneNet, load_teacher
from training.scenes.report import write

log = logging.getLogger(__name__)

FOLDS: Final = (1, 2, 3, 4, 5)
ALL: Final = 0
"""Stands for the net that is fitted on all folds, the one that ships."""


def run(args: argparse.Namespace) -> None:
    """Run `args.step`."""
    if args.step == "hear":
        load(args.data, "ambience", args.cache)
        _heard(args, load(args.data, "esc50", args.cache))
    elif args.step == "folds":
        folds_file(args)
    elif args.step == "ship":
        clips = load(args.data, "esc50", args.cache)
        file = pack.quantise(net(args, ALL), args.teachers)
        pack.ship(args.out, file, classes_of(clips)[0], META)
        log.info("wrote %s", args.out)
    elif args.step == "affect":
        classes = classes_of(load(args.data, "esc50", args.cache))[0]
        affect.write(affect.judged(args, Scenes(pack.labels(classes)), folds_file(args)))
        log.info("wrote %s", affect.TABLE)
    else:
        write(args, [net(args, fold) for fold in FOLDS], folds_file(args))


META: Final = {
    "input": "edge.models.frontend.kaldi_mel(centred_power(samples)) of 5 s at 16 kHz",
    "teacher": "EfficientAT mn04_as (AudioSet mAP 0.432, MIT licence): as it is",
    "fitted_on": "ESC-50, all folds: one linear head",
}


def classes_of(clips: Clips) -> tuple[list[str], NDArray[np.int64]]:
    """Give ESC-50's classes in the order of the outputs, and the class of each clip."""
    names, classes = np.unique(clips.label, return_inverse=True)
    return [str(name) for name in names], classes.astype(np.int64)


def rows_of(clips: Clips, fold: int) -> NDArray[np.int64]:
    """Give the clips that the net of a fold learns from: all but that fold's."""
    return np.flatnonzero(clips.fold != fold)


def net(args: argparse.Namespace, fold: int) -> SceneNet:
    """Fit the net of a fold (or `ALL`)."""
    log.info("fitting without fold %d", fold)
    clips = load(args.data, "esc50", args.cache)
    teacher = load_teacher(args.teachers / "mn04_as_mAP_432.pt")
    return fit(teacher, _heard(args, clips), classes_of(clips)[1], rows_of(clips, fold)).eval()


def folds_file(args: argparse.Namespace) -> bytes:
    """Give the int8 file with the heads of all folds, making it where the cache lacks it."""
    stored = _stored(args, "folds", ".tflite")
    if not stored.exists():
        nets = pack.stacked([net(args, fold) for fold in FOLDS])
        log.info("quantising the heads of all folds")
        file = pack.quantise(nets, args.teachers)
        with whole(stored) as part:
            part.write_bytes(file)
    return stored.read_bytes()


def _heard(args: argparse.Namespace, clips: Clips) -> Heard:
    return hear(load_teacher(args.teachers / "mn04_as_mAP_432.pt"), clips, _stored(args, "heard-esc50", ".npz"))


def _stored(args: argparse.Namespace, name: str, suffix: str) -> Path:
    """Where something made of ESC-50 is kept: other recordings, classes or folds have another file."""
    return Path(args.cache / f"{name}-{digest_listed(corpora.sounds(args.data, 'esc50'))}{suffix}")
