"""Where moments are kept."""
