"""Speech or not, near or far, and where a segment begins and ends."""
