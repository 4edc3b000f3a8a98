"""The hub: moments in, answers out."""
