"""What a person would use instead of this pipeline, beside it."""
