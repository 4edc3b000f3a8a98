"""The command `moodscape`, which joins device and hub."""
