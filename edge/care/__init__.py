"""How the device and its machine are."""
