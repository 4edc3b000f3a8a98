"""The settings that ship: edge.yaml, hub.yaml, scenes.yaml."""

from pathlib import Path


def shipped(name: str) -> Path:
    """Give the path of a file of this folder."""
    return Path(__file__).with_name(name)
