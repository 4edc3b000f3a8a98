"""What the owner asks of the device, and how that reaches it."""
