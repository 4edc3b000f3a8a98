"""The device: sound in, moments out."""
