"""`moodscape train`: speech, scenes and gate, each step of the training."""

import argparse

from training.gate.cli import register_gate
from training.scenes.cli import register_scenes
from training.speech.cli import register_speech


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb `train` with its models and their steps."""
    train = subparsers.add_parser("train", help="train and measure the models (needs the training environment)")
    models = train.add_subparsers(metavar="MODEL", required=True)
    register_speech(models)
    register_scenes(models)
    register_gate(models)
