"""What waits until the hub has stored it."""
