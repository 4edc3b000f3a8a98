"""What an owner sets for all devices: home zones, pauses, clips, retention, rules."""
