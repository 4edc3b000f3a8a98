"""Out to the broker, and what comes back from it."""
