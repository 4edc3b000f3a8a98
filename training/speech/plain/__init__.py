"""The student that ships: frozen first blocks, and a head that learns from labels alone."""
