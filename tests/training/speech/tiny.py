"""Tiny stand-ins of the real classes, with random weights."""

from pathlib import Path

import torch
from transformers import Wav2Vec2FeatureExtractor, WavLMConfig, WavLMModel


def wavlm(folder: Path) -> Path:
    """Save a WavLM of two blocks of 32 units."""
    torch.manual_seed(0)
    config = WavLMConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        conv_dim=(16, 16, 16), conv_stride=(10, 8, 4), conv_kernel=(10, 8, 4), num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    WavLMModel(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return folder
